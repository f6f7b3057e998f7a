"""What is added up by day says what the click log says, of any window and segment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 1, 2, tzinfo=UTC)
BY_POSITION = """
    SELECT c.position, count(*) AS n, sum(c.clicked)::BIGINT AS c
    FROM click_log c JOIN search_log s ON s.search_key = c.search_key
    WHERE {kept} GROUP BY c.position ORDER BY c.position
"""
BY_DOCUMENT = """
    SELECT c.document_key, count(*) AS impressions, sum(c.clicked)::BIGINT AS clicks,
        sum(c.converted)::BIGINT AS conversions, sum(c.position)::BIGINT AS positions
    FROM click_log c JOIN search_log s ON s.search_key = c.search_key
    WHERE {kept} GROUP BY c.document_key ORDER BY clicks DESC, impressions DESC, c.document_key
"""
WINDOWS = {
    "everything": (None, None),
    "from a moment": (NOON + timedelta(hours=2), None),
    "until a moment": (None, NOON + timedelta(days=2, hours=5)),
    "two whole days": (MIDNIGHT, MIDNIGHT + timedelta(days=2)),
    "within a day": (NOON + timedelta(hours=1), NOON + timedelta(hours=9)),
    "across midnight": (NOON + timedelta(hours=3), NOON + timedelta(days=1, hours=9)),
    "a moment past midnight": (MIDNIGHT + timedelta(microseconds=1), None),
}


@pytest.fixture
def filled(log, search, interaction):
    """Hand out four days of lists, one every three hours, on two devices and for one robot."""
    rows = []
    for place in range(32):
        hours = 3 * place
        device = ["mobile", "desktop", None][place % 3]
        shown = ["ab", "bac", "cab", "d"][place % 4]
        actor = "agent" if place % 7 == 0 else "human"
        rows.append(
            search(f"s{place}", 3_600 * hours, shown, device=device, actor=actor, user=f"u~{place}")
        )
        if place % 2:
            kind = ["purchase", "click"] if place % 3 else ["click"]
            rows.append(
                interaction(f"i{place}", 3_600 * hours + 9, shown[0], kind, search_id=f"s{place}")
            )
    return log.append(*rows).refresh()


def count_one_by_one(log, statement, window, device, include_robots):
    """Count rows of the click log, one by one."""
    start, end = WINDOWS[window]
    kept = ["TRUE" if include_robots else "s.is_counted"]
    if start is not None:
        kept.append(f"s.at >= TIMESTAMP '{start:%Y-%m-%d %H:%M:%S.%f}'")
    if end is not None:
        kept.append(f"s.at < TIMESTAMP '{end:%Y-%m-%d %H:%M:%S.%f}'")
    if device is not None:
        kept.append(f"s.device = '{device}'")
    return log.read(statement.format(kept=" AND ".join(kept)))


@pytest.mark.parametrize(
    ("window", "device", "include_robots"),
    list(product(WINDOWS, [None, "mobile"], [False, True])),
)
def test_days_added_up_say_what_single_rows_say(filled, window, device, include_robots):
    start, end = WINDOWS[window]
    asked = {
        "retriever_id": "products",
        "start": start,
        "end": end,
        "device": device,
        "include_robots": include_robots,
    }
    places = filled.store.ask("signals_positions", asked | {"deepest": 100}).to_pylist()
    documents = filled.store.ask("signals_documents", asked | {"limit": 9, "offset": 0}).to_pylist()
    which = (window, device, include_robots)
    assert [{name: row[name] for name in ("position", "n", "c")} for row in places] == (
        count_one_by_one(filled, BY_POSITION, *which)
    )
    for row in documents:
        del row["n_documents"]
    assert documents == count_one_by_one(filled, BY_DOCUMENT, *which)


def test_a_late_click_reaches_what_is_added_up(filled, interaction):
    asked = {"include_robots": True, "deepest": 100}
    before = filled.store.ask("signals_positions", asked).column("c").to_pylist()
    filled.append(interaction("late", 3_600 * 24 + 99, "a", search_id="s8")).refresh()
    after = filled.store.ask("signals_positions", asked).column("c").to_pylist()
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 0, 0]


def test_days_of_whoever_is_erased_are_not_kept_until_they_are_added_up_anew(filled):
    filled.store.erase_user("u~8")
    kept = filled.read("SELECT count(*) AS n FROM document_days WHERE \"day\" = DATE '2026-01-02'")
    assert kept == [{"n": 0}]
    filled.refresh()
    anew = filled.read(
        "SELECT sum(impressions)::BIGINT AS n FROM document_days WHERE \"day\" = DATE '2026-01-02'"
    )
    assert anew == filled.read(
        "SELECT count(*) AS n FROM click_log WHERE \"day\" = DATE '2026-01-02'"
    )
