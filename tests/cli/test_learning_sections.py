"""What was learned, as a report for people."""

import io

import pytest
from rich.console import Console

from rankloop.cli.learning_sections import DECISIONS, build_learning_content, conclude
from rankloop.cli.reporting_page import render_page
from rankloop.cli.reporting_text import print_content
from rankloop.tables.learning import LearnCandidate, LearnReport, LearnStep, PartMeasures
from rankloop.tables.pairs import Need
from rankloop.tables.windows import InsightsWindow


def measured(value, baseline, **fields):
    return PartMeasures(measure="nDCG@10", value=value, baseline=baseline, **fields)


RANKER = LearnCandidate(
    kind="ranker",
    model_id="ranker-1",
    metrics={
        "seen": measured(0.81, 0.7, low=0.06, high=0.16, n=120),
        "unseen": measured(0.7, 0.69, n=3),
    },
    decision="promoted",
    why="it is shown to be better",
)
ENCODER = LearnCandidate(
    kind="encoder",
    decision="not_trained",
    why="there are too few pairs",
    needs=[Need("queries", 210, 1_000, 75_238)],
)
STEP = LearnStep(
    name="estimate",
    status="done",
    summary="rank 10 is looked at 0.10 times as often as rank 1",
    took_s=1.25,
    figures={"searches": 20_000, "clicks": 9_000, "examination": [1.0, 0.51, None]},
)
PROMOTED = LearnReport(
    retriever_id="shop",
    window=InsightsWindow(),
    steps=[STEP],
    candidates=[RANKER, ENCODER],
    promoted="ranker-1",
)


def printed(report):
    stream = io.StringIO()
    print_content(Console(file=stream, width=160), build_learning_content(report))
    return stream.getvalue()


def test_the_first_sentence_is_the_outcome():
    assert conclude(PROMOTED) == (
        "The ranker ranker-1 serves from now on: it is shown to be better."
    )
    kept = LearnReport(retriever_id="shop", window=InsightsWindow(), steps=[STEP])
    assert "goes on serving" in conclude(kept)


def test_a_gain_has_its_interval_where_there_are_queries_enough():
    text = printed(PROMOTED)
    assert "+0.110 (+0.060 to +0.160)" in text
    assert "+0.010 " in text
    assert "learned from" in text
    assert " 120" in text


def test_what_is_lacking_is_said_with_how_much_more_would_do():
    text = printed(PROMOTED)
    assert "For the encoder: 210 queries, 1,000 are needed." in text
    assert "About 75,238 more searches" in text


def test_steps_and_candidates_are_listed_in_order():
    content = build_learning_content(PROMOTED)
    candidates, _, steps = content.listings
    assert [row[0] for row in candidates.rows] == ["ranker", "encoder"]
    assert steps.rows[0] == ("estimate", "done", STEP.summary, "1.2 s")
    assert [tile.value for tile in content.tiles[:3]] == ["promoted", "20,000", "9,000"]


def test_the_curve_has_a_gap_where_the_log_cannot_tell():
    (curve,) = build_learning_content(PROMOTED).bars
    assert [(bar.label, bar.value) for bar in curve.rows] == [("1", 1.0), ("2", 0.51), ("3", None)]


@pytest.mark.parametrize("decision", list(DECISIONS))
def test_every_decision_has_words_for_people(decision):
    one = LearnCandidate(kind="ranker", decision=decision, why="so it is")
    report = LearnReport(retriever_id="shop", window=InsightsWindow(), steps=[], candidates=[one])
    assert DECISIONS[decision] in printed(report)


def test_the_page_holds_the_same_and_escapes_it():
    wild = LearnReport(
        retriever_id="<script>", window=InsightsWindow(), steps=[STEP], candidates=[RANKER]
    )
    page = render_page(build_learning_content(wild))
    assert "What was learned: &lt;script&gt;" in page
    assert "What was learned: <script>" not in page
    assert "How likely each rank is looked at" in page
    assert "never seen" in page
