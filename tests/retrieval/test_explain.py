"""An explanation says for each result what moved it and by how much."""

from rankloop.testing.stage_contract import build_query

QUERY = build_query(text="running shoes")


def test_each_step_tells_places_and_scores_before_and_after(build):
    pipeline = build({"type": "text_search"}, {"type": "pin", "document_ids": ["d"]})
    outcome = pipeline.run(QUERY, limit=2, explain=True)
    first, second = outcome.results
    assert (first.document_id, second.document_id) == ("d", "a")
    found, pinned = first.explain
    assert (found.stage, found.position_before, found.score_before) == ("text_search", None, None)
    assert (found.position_after, pinned.position_before, pinned.position_after) == (3, 3, 0)
    assert pinned.score_before == found.score_after < pinned.score_after
    assert (pinned.index, pinned.notes) == (1, {"pinned": True})
    assert [step.notes for step in second.explain] == [{}, {}]


def test_a_stage_that_was_skipped_has_no_step(build):
    outcome = build({"type": "text_search"}, timeout_ms=1e-6).run(QUERY, limit=2, explain=True)
    assert [one.reason for one in outcome.skipped_stages] == ["late"]
    assert outcome.results == ()


def test_nobody_asked_nothing_told(build):
    outcome = build().run(QUERY, limit=1)
    assert outcome.results[0].explain is None


def test_explaining_changes_no_ranking(build):
    pipeline = build({"type": "hybrid_search"}, {"type": "diversify"})
    plain = pipeline.run(QUERY, limit=10)
    told = pipeline.run(QUERY, limit=10, explain=True)
    assert [(r.document_id, r.score) for r in plain.results] == [
        (r.document_id, r.score) for r in told.results
    ]
