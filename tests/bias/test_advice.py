"""Advice names what is missing and what would help."""

from __future__ import annotations

import pytest

from rankloop.bias.advice import advise
from rankloop.bias.cells import Cells
from rankloop.bias.estimates import estimate_propensities


def advise_on(position: list[int], n: list[int], clicks: list[int], documents: str) -> str:
    """Advise on a few cells of one query."""
    columns = {"query_key": ["q"] * len(n), "document_id": list(documents)}
    cells = Cells.from_columns({**columns, "position": position, "n": n, "clicks": clicks})
    return advise(estimate_propensities(cells))


def test_a_frozen_ranking_is_told_which_neighbors_to_exchange() -> None:
    advice = advise_on([0, 1, 2], [9, 9, 9], [3, 2, 1], "abc")

    assert "0 and 1 (400 clicks), 1 and 2 (400 clicks)" in advice


def test_a_sound_log_needs_nothing() -> None:
    advice = advise_on([0, 1, 0, 1], [9_000] * 4, [3_000, 900, 1_800, 1_500], "abba")

    assert advice == "Nothing: the propensities may be used."


@pytest.mark.parametrize(
    ("clicks", "word"), [([0, 0], "send clicks"), ([1, 0], "shown twice")], ids=["none", "once"]
)
def test_advice_is_about_what_is_lacking(clicks: list[int], word: str) -> None:
    assert word in advise_on([0, 1], [1, 1], clicks, "ab")
