"""Cells kept by day and rolled up to weeks say what the click log says, of any window."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import product

import duckdb
import pytest

from rankloop.attribution.cells import find_week
from rankloop.store.migrations import read_steps

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
MONDAY = datetime(2026, 1, 12, tzinfo=UTC)
DAY_S = 86_400
WINDOWS = {
    "everything": (None, None),
    "from within a week that is rolled up": (START + timedelta(days=1, hours=3), None),
    "until within a week that is rolled up": (None, START + timedelta(days=6)),
    "whole weeks": (MONDAY - timedelta(days=7), MONDAY + timedelta(days=7)),
    "from a week that is rolled up into one by day": (
        MONDAY - timedelta(days=3),
        MONDAY + timedelta(days=10, hours=7),
    ),
    "days of a week kept by day": (MONDAY + timedelta(days=8), MONDAY + timedelta(days=11)),
    "within a day": (MONDAY + timedelta(days=9, hours=2), MONDAY + timedelta(days=9, hours=15)),
    "nothing": (MONDAY, MONDAY),
}


@pytest.fixture
def filled(log, search, interaction):
    """Hand out four weeks of lists, one every nine hours: two weeks rolled up and two by day."""
    rows = []
    for place in range(65):
        at_s = 9 * 3_600 * place
        shown = ["ab", "bac", "cab", "d"][place % 4]
        shown_by = {
            "device": ["mobile", "desktop", None][place % 3],
            "actor": "agent" if place % 7 == 0 else "human",
            "user": f"u~{place % 5}",
            "pipeline_version": f"products@{place // 30}",
            "tags": '["explore"]' if place % 6 == 0 else None,
        }
        rows.append(search(f"s{place}", at_s, shown, **shown_by))
        if place % 2:
            kind = ["purchase", "click"] if place % 3 else ["click"]
            rows += [
                interaction(f"i{place}{document}", at_s + 9, document, kind, search_id=f"s{place}")
                for document in shown[: 1 + place % 3]
            ]
    return log.append(*rows).refresh()


def read_weeks(log, table, column):
    """Read which days or weeks a table holds."""
    rows = log.read(f'SELECT DISTINCT "{column}" AS held FROM {table} ORDER BY 1')
    return [row["held"] for row in rows]


def ask(log, question, **asked):
    """Ask for cells, rows in one order."""
    rows = log.store.ask(question, asked).drop_columns(["shard"] if "_by_" in question else [])
    return sorted(map(repr, rows.to_pylist()))


def test_weeks_are_rolled_up_once_the_next_but_one_has_a_list(filled):
    assert read_weeks(filled, "cell_weeks", "week") == [date(2025, 12, 29), date(2026, 1, 5)]
    days = read_weeks(filled, "cell_days", "day")
    assert {find_week(day) for day in days} == {date(2026, 1, 12), date(2026, 1, 19)}
    assert len(days) == 14


@pytest.mark.parametrize(
    ("window", "kept"),
    list(
        product(
            WINDOWS,
            [
                {},
                {"device": "mobile"},
                {"is_explored": True},
                {"pipeline_version": "products@1", "is_explored": False},
            ],
        )
    ),
    ids=lambda value: value if isinstance(value, str) else " ".join(value) or "all",
)
def test_cells_added_up_say_what_the_click_log_says(filled, window, kept):
    start, end = WINDOWS[window]
    asked = {"retriever_id": "products", "start": start, "end": end, **kept}
    by_hand = ask(filled, "cells_by_group", **asked, n_shards=1)
    assert ask(filled, "cells", **asked) == by_hand
    assert by_hand or kept or window == "nothing"


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("n_shards", [1, 8])
def test_clicks_are_told_apart_and_impressions_added_up(filled, window, n_shards):
    start, end = WINDOWS[window]
    asked = {"start": start, "end": end, "n_shards": n_shards}
    found = filled.store.ask("cells_by_position", asked).to_pylist()
    counts = {}
    for row in filled.store.ask("cells_by_group", asked).to_pylist():
        key = tuple(row[name] for name in ("document_id", "week", "device", "position"))
        for shard, n, clicks in (
            (row["shard"], row["clicks"], row["clicks"]),
            (0, row["n"] - row["clicks"], 0),
        ):
            before = counts.get((*key, shard), (0, 0))
            counts[*key, shard] = (before[0] + n, before[1] + clicks)
    wanted = {key: value for key, value in counts.items() if value[0]}
    names = ("document_id", "week", "device", "position", "shard")
    assert {tuple(r[x] for x in names): (r["n"], r["clicks"]) for r in found} == wanted


def test_a_late_click_reaches_a_week_that_is_rolled_up(filled, interaction):
    before = filled.read("SELECT sum(clicks)::BIGINT AS c, sum(n)::BIGINT AS n FROM cell_weeks")[0]
    filled.append(interaction("late", 9 * 3_600 * 2 + 99, "c", search_id="s2")).refresh()
    after = filled.read("SELECT sum(clicks)::BIGINT AS c, sum(n)::BIGINT AS n FROM cell_weeks")[0]
    assert (after["c"] - before["c"], after["n"] - before["n"]) == (1, 0)


def test_a_late_list_goes_into_its_week(filled, search):
    filled.append(search("late", 9, "ab", user="u~1")).refresh()
    assert ask(filled, "cells") == ask(filled, "cells_by_group", n_shards=1)
    assert read_weeks(filled, "cell_weeks", "week") == [date(2025, 12, 29), date(2026, 1, 5)]


def test_a_list_of_a_later_week_rolls_the_next_week_up(filled, search):
    before = ask(filled, "cells")
    filled.append(search("next", 28 * DAY_S, "ab", actor="agent")).refresh()
    assert read_weeks(filled, "cell_weeks", "week")[-1] == date(2026, 1, 12)
    assert find_week(read_weeks(filled, "cell_days", "day")[0]) == date(2026, 1, 19)
    assert ask(filled, "cells") == before


def test_weeks_are_laid_out_by_day_again_where_the_last_list_is_erased(filled, search):
    tables = filled.tables()
    filled.append(search("last", 40 * DAY_S, "ab", user="u~last")).refresh()
    assert len(read_weeks(filled, "cell_weeks", "week")) == 4
    filled.store.erase_user("u~last")
    filled.refresh()
    assert filled.tables() == tables


def test_an_erased_user_leaves_no_cell_behind_even_before_the_next_refresh(filled, search):
    filled.append(search("once", 3_600, ["only-hers"], user="u~once")).refresh()
    held = "SELECT count(*) AS n FROM cell_weeks WHERE document_id = 'only-hers'"
    assert filled.read(held) == [{"n": 1}]
    filled.store.erase_user("u~once")
    assert filled.read(held) == [{"n": 0}]


def test_a_folder_of_an_earlier_version_gets_its_cells(open_log, search, interaction, tmp_path):
    path = tmp_path / "events.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute('CREATE TABLE schema_version (version INTEGER, "at" TIMESTAMP)')
        for number in (1, 2, 3, 4):
            connection.execute(read_steps()[number])
            connection.execute("INSERT INTO schema_version VALUES (?, now()::TIMESTAMP)", [number])
        connection.execute(
            "INSERT INTO searches BY NAME SELECT 1 AS search_key, 's1' AS search_id, 0 AS"
            " page_offset, TIMESTAMP '2026-01-01' AS \"at\", TIMESTAMP '2026-01-01' AS received_at,"
            " 'products' AS retriever_id, 'q' AS query, 'q' AS query_key, 'human' AS actor,"
            " 'api' AS source, 1 AS n_results, 'u~1' AS user_key"
        )
        connection.execute("INSERT INTO impressions VALUES (1, 0, 'a', NULL, NULL)")
        connection.execute(
            "INSERT INTO interactions BY NAME SELECT 1 AS interaction_key, 'i1' AS interaction_id,"
            " TIMESTAMP '2026-01-01 00:00:09' AS \"at\", TIMESTAMP '2026-01-01' AS received_at,"
            " 'products' AS retriever_id, 's1' AS search_id, 'a' AS document_id,"
            " ['click'] AS types, 2 AS type_mask, 'api' AS source"
        )
        connection.execute(
            "INSERT INTO derivation_state VALUES ('searches', 1), ('interactions', 1), ('rules', 7)"
        )
    log = open_log(path=path).refresh()
    (cell,) = log.store.ask("cells").to_pylist()
    log.store.close()
    assert (cell["document_id"], cell["n"], cell["clicks"], cell["satisfied"]) == ("a", 1, 1, 1)
