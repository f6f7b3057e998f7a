"""The instrumentation doctor: each fault is found, named and counted; a sound log shows none."""

from __future__ import annotations

import pyarrow as pa
import pytest

from rankloop.analytics.health import examine
from rankloop.analytics.symptoms import SYMPTOMS
from rankloop.store.questions import QUESTIONS
from rankloop.tables.windows import InsightsWindow

SEARCHES = QUESTIONS["health_searches"].columns
INTERACTIONS = QUESTIONS["health_interactions"].columns

SOUND_SEARCHES = {"source": "api", "searches": 1_000, "clicked": 300, "credited_clicks": 350}
SOUND_INTERACTIONS = {
    "source": "api",
    "interactions": 400,
    "clicks": 360,
    "with_document": 400,
    "with_search": 400,
    "placed": 360,
}


def make_table(columns, rows):
    """Make an answer from rows that name what is not 0."""
    return pa.Table.from_pylist([{**dict.fromkeys(columns, 0), **row} for row in rows])


def examine_log(searches=(), interactions=()):
    """Examine a log given by its sums: one row a source."""
    return examine(
        make_table(SEARCHES, searches) if searches else pa.table({name: [] for name in SEARCHES}),
        make_table(INTERACTIONS, interactions)
        if interactions
        else pa.table({name: [] for name in INTERACTIONS}),
        "products",
        InsightsWindow(),
    )


def examine_one(searches=None, interactions=None):
    """Examine a sound log with some sums changed."""
    return examine_log(
        [{**SOUND_SEARCHES, **(searches or {})}], [{**SOUND_INTERACTIONS, **(interactions or {})}]
    )


def test_a_sound_log_shows_nothing():
    health = examine_one()
    assert health.findings == []
    assert health.is_sound
    assert (health.searches, health.interactions) == (1_000, 400)


def test_nothing_recorded_is_said_and_is_no_fault():
    health = examine_log()
    assert [finding.code for finding in health.findings] == ["nothing_recorded"]
    assert health.is_sound


def test_interactions_without_lists_are_an_error_that_says_what_to_send():
    orphans = {**SOUND_INTERACTIONS, "with_search": 0, "placed": 0, "orphans": 400}
    health = examine_log(interactions=[orphans])
    first = {finding.code: finding for finding in health.findings}["interactions_only"]
    assert (first.severity, first.count, first.share) == ("error", 400, 1.0)
    assert "/v1/searches" in first.advice
    assert not health.is_sound


def test_lists_without_interactions_are_an_error_once_there_are_enough():
    assert examine_log([{**SOUND_SEARCHES, "searches": 99}]).is_sound
    health = examine_log([SOUND_SEARCHES])
    assert [finding.code for finding in health.findings] == ["searches_only"]


def test_clicks_that_never_meet_their_lists_are_an_error():
    health = examine_one({"clicked": 0, "credited_clicks": 0})
    assert "no_credited_clicks" in {finding.code for finding in health.findings}


@pytest.mark.parametrize(("orphans", "severity"), [(4, "info"), (40, "warning"), (100, "error")])
def test_orphans_are_worse_the_more_there_are(orphans, severity):
    finding = examine_one(interactions={"orphans": orphans}).findings[0]
    assert (finding.code, finding.severity) == ("orphan_interactions", severity)
    assert (finding.count, finding.n, finding.share) == (orphans, 400, orphans / 400)


def test_positions_that_count_from_one_are_recognized():
    health = examine_one(interactions={"misplaced": 355, "one_deeper": 350})
    finding = health.findings[0]
    assert (finding.severity, finding.code) == ("error", "positions_count_from_one")
    assert (finding.count, finding.n) == (350, 360)


def test_positions_that_are_wrong_otherwise_are_a_mismatch():
    health = examine_one(interactions={"misplaced": 100, "one_deeper": 40})
    assert health.findings[0].code == "position_mismatch"


def test_the_example_names_the_source_where_it_shows_most():
    sound = {**SOUND_INTERACTIONS, "source": "api", "orphans": 3}
    broken = {**SOUND_INTERACTIONS, "source": "ubi", "orphans": 90}
    health = examine_log([SOUND_SEARCHES], [sound, broken])
    assert health.findings[0].example == "from ubi: 90 of 400"
    assert health.findings[0].n == 800


def test_an_old_log_that_is_imported_is_not_late():
    late = {"behind": 1_000}
    assert (
        examine_log([{**SOUND_SEARCHES, "source": "yandex", **late}], [SOUND_INTERACTIONS]).findings
        == []
    )
    codes = {finding.code for finding in examine_one(late).findings}
    assert codes == {"late_searches"}


def test_worst_comes_first():
    health = examine_one({"robots": 10, "without_results": 600, "anonymous": 500}, {"orphans": 30})
    assert [finding.severity for finding in health.findings] == [
        "error",
        "warning",
        "warning",
        "info",
    ]


@pytest.mark.parametrize("symptom", SYMPTOMS, ids=lambda symptom: symptom.code)
def test_every_symptom_shows_where_all_rows_have_it(symptom):
    everything = {symptom.of: 1_000, symptom.column: 1_000}
    searches = everything if symptom.among == "searches" else {}
    interactions = everything if symptom.among == "interactions" else {}
    health = examine_one(searches, interactions)
    finding = {finding.code: finding for finding in health.findings}[symptom.code]
    assert finding.share == 1.0
    assert "1,000 of 1,000" in finding.message
    assert finding.advice.endswith(".")


def test_every_symptom_reads_columns_that_the_questions_have():
    for symptom in SYMPTOMS:
        columns = SEARCHES if symptom.among == "searches" else INTERACTIONS
        assert {symptom.column, symptom.of} <= set(columns), symptom.code
    assert len({symptom.code for symptom in SYMPTOMS}) == len(SYMPTOMS)
