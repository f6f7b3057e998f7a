"""Cells: counts that add up whatever way they are cut, in one order."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankloop.bias.cells import Cells, merge_cells
from rankloop.errors import TableError

if TYPE_CHECKING:
    from random import Random

    from numpy.typing import NDArray

SHOWN = {
    "query_key": ["shoes", "boots", "shoes", "shoes"],
    "document_id": ["red", "red", "blue", "red"],
    "position": [0, 0, 1, 0],
    "previous_click": [-1, -1, 0, -1],
    "clicks": [1, 0, 1, 0],
    "week": np.array(["2026-11-09", "2026-11-02", "2026-11-11", "2026-11-15"], "datetime64[D]"),
    "device": ["mobile", "desktop", "mobile", "mobile"],
    "purchase": [1, 0, 0, 0],
}


def assert_equal(first: Cells, second: Cells) -> None:
    """Check that two tables of cells are the same, bit for bit."""
    for name in (entry.name for entry in fields(Cells) if entry.name != "pairs"):
        one, other = getattr(first, name), getattr(second, name)
        assert np.array_equal(one, other), name
        assert getattr(one, "dtype", None) == getattr(other, "dtype", None)
    for name in ("query", "query_keys", "document_ids"):
        assert np.array_equal(getattr(first.pairs, name), getattr(second.pairs, name)), name


def test_rows_that_agree_are_one_cell() -> None:
    cells = Cells.from_columns(SHOWN)

    assert cells.pairs.query_keys.tolist() == ["boots", "shoes"]
    assert cells.pairs.document_ids.tolist() == ["red", "blue", "red"]
    assert cells.pair.tolist() == [0, 1, 2]
    assert cells.n.tolist() == [1, 1, 2]
    assert cells.clicks.tolist() == [0, 1, 1]
    assert cells.contexts == (("", "desktop"), ("", "mobile"))
    assert cells.context.tolist() == [0, 1, 1]
    assert cells.signal_names == ("purchase",)
    assert cells.signals.tolist() == [[0], [0], [1]]


def test_weeks_begin_on_monday_and_count_from_the_first() -> None:
    cells = Cells.from_columns(SHOWN)

    assert cells.first_week == date(2026, 11, 2)
    assert cells.week.tolist() == [0, 1, 1]
    assert cells.week_starts() == [date(2026, 11, 2), date(2026, 11, 9)]


def test_a_table_makes_the_same_cells_as_columns() -> None:
    table = pa.table({**SHOWN, "surface": pa.nulls(4, pa.string())})

    assert_equal(Cells.from_table(table), Cells.from_columns(SHOWN))


def test_whole_numbers_name_queries_and_documents() -> None:
    cells = Cells.from_columns({"query_key": [10, 9], "document_id": [1, 1], "position": [0, 0]})

    assert cells.pairs.query_keys.tolist() == ["10", "9"]


def test_summing_over_an_axis_adds_what_differs_in_it_alone() -> None:
    cells = Cells.from_columns(
        {
            "query_key": ["q"] * 3,
            "document_id": ["d"] * 3,
            "position": [2, 2, 1],
            "previous_click": [-1, 0, 0],
            "shard": [0, 1, 1],
        },
        n_shards=2,
    )

    by_position = cells.sum_over("previous_click", "shard")

    assert by_position.position.tolist() == [1, 2]
    assert by_position.n.tolist() == [1, 2]
    assert by_position.n_shards == 1
    assert set(by_position.previous_click.tolist()) == {-1}


def test_a_cell_takes_at_most_forty_bytes() -> None:
    cells = Cells.from_columns({name: SHOWN[name] for name in SHOWN if name != "purchase"})

    n_bytes = sum(
        getattr(cells, entry.name).dtype.itemsize
        for entry in fields(Cells)
        if isinstance(getattr(cells, entry.name), np.ndarray) and entry.name != "signals"
    )

    assert n_bytes <= 40


def test_no_rows_are_no_cells() -> None:
    nothing = Cells.from_columns({"query_key": [], "document_id": [], "position": np.zeros(0, int)})

    assert len(nothing) == 0
    assert nothing.n_positions == 0
    assert_equal(merge_cells(nothing, Cells.from_columns(SHOWN)), Cells.from_columns(SHOWN))


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("position", [0, 0, -1, 0]),
        ("position", [0.0, 0.0, 1.0, 0.0]),
        ("previous_click", [-2, -1, -1, -1]),
        ("clicks", [2, 0, 0, 0]),
        ("shard", [0, 0, 0, 1]),
        ("n", [1, 1, 1]),
    ],
)
def test_a_column_out_of_range_is_named(column: str, values: list[float]) -> None:
    with pytest.raises(TableError) as caught:
        Cells.from_columns({**SHOWN, column: values})

    assert caught.value.where == column


def test_a_missing_column_is_named() -> None:
    with pytest.raises(TableError, match="position is missing"):
        Cells.from_columns({"query_key": ["q"], "document_id": ["d"]})


def test_cells_with_shards_do_not_merge_with_cells_without() -> None:
    with pytest.raises(TableError, match="numbers of shards"):
        merge_cells(Cells.from_columns(SHOWN, n_shards=2), Cells.from_columns(SHOWN))


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", ""]),
        st.sampled_from(["d", "e", "é"]),
        st.integers(0, 3),
        st.integers(-1, 2),
        st.integers(0, 40),
        st.sampled_from(["", "tv"]),
        st.integers(0, 1),
    ),
    max_size=30,
)


def fold(rows: list[tuple[str, str, int, int, int, str, int]]) -> Cells:
    """Count rows of the property below."""
    columns: dict[str, NDArray[np.generic]] = {
        name: np.array([row[place] for row in rows], dtype=kind)
        for place, (name, kind) in enumerate(
            [
                ("query_key", object),
                ("document_id", object),
                ("position", np.int64),
                ("previous_click", np.int64),
                ("week", np.int64),
                ("surface", object),
                ("clicks", np.int64),
            ]
        )
    }
    columns["week"] = np.datetime64("2026-11-02") + columns["week"] * np.timedelta64(1, "D")
    return Cells.from_columns(columns)


@given(ROWS, st.integers(0, 30), st.randoms())
def test_cells_of_two_parts_are_the_cells_of_the_whole(
    rows: list[tuple[str, str, int, int, int, str, int]], cut: int, shuffler: Random
) -> None:
    whole = fold(rows)
    shuffler.shuffle(rows)

    merged = merge_cells(fold(rows[:cut]), fold(rows[cut:]))

    assert_equal(merged, whole)
