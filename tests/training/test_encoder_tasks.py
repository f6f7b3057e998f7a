"""Which queries teach, which choose, which are kept from both; and how much of a model is kept."""

from __future__ import annotations

import pytest

from rankloop.errors import NotEnoughDataError
from rankloop.tables.pairs import Pair
from rankloop.testing.small_encoder import write_pairs
from rankloop.training.encoder_blending import Trial, choose_share
from rankloop.training.encoder_tasks import ExamConfig, find_warnings, prepare_task
from rankloop.training.splits import hold_out_queries


def pair(query, positive):
    return Pair(query, "p", positive, [], [], 1.0, "corrected", "r")


def asked(task, part):
    return {question.query for question in task.exam.parts[part]}


def test_queries_teach_or_choose_or_are_kept_from_both():
    pairs = write_pairs()
    task = prepare_task("base", pairs)
    taught, chosen_by, unseen = (
        {*task.examples.queries},
        asked(task, "validation"),
        asked(task, "unseen"),
    )
    assert taught | chosen_by | unseen == {each.query for each in pairs}
    assert not taught & chosen_by
    assert not taught & unseen
    assert not chosen_by & unseen
    assert asked(task, "seen") == taught
    assert all(hold_out_queries(sorted(unseen)))


def test_questions_come_from_later_days_where_there_are_any():
    pairs = write_pairs()
    new = pair("a new need", "something else")
    task = prepare_task("base", pairs, [*pairs[::2], new])
    later = {each.query for each in pairs[::2]}
    assert asked(task, "seen") <= later
    assert asked(task, "validation") <= later
    assert "a new need" in asked(task, "unseen")
    assert "a new need" not in task.examples.queries


def test_what_serves_a_question_is_among_the_documents_and_others_fill_them_up():
    task = prepare_task("base", write_pairs(), config=ExamConfig(n_questions=3, n_documents=20))
    assert len(task.exam.documents) == 20
    assert all(len(task.exam.parts[part]) == 3 for part in ("seen", "validation", "unseen"))
    for question in task.exam.parts["seen"]:
        assert question.relevant == (question.relevant[0],)
        assert question.relevant[0] < 20


def test_one_query_only_is_too_little():
    with pytest.raises(NotEnoughDataError, match="takes 20 distinct queries") as caught:
        prepare_task("base", [pair("q", "a"), pair("q", "b")])
    assert "Collect 19 more" in caught.value.hint


def test_little_data_are_warned_of_and_say_what_would_do():
    assert find_warnings(5_000, 9_000) == []
    assert "an adapter" in find_warnings(4_999, 9_000)[0]
    assert "no fine-tuning" in find_warnings(4_999, 1_999)[0]


def choose(validation, sanity, drop=0.01):
    trials = {
        share: Trial(share, *values)
        for share, values in zip((0.0, 0.5, 1.0), zip(validation, sanity, strict=True), strict=True)
    }
    return choose_share([1.0, 0.0, 0.5], trials.__getitem__, drop)[0].share


def test_the_blend_that_is_best_on_validation_is_kept():
    assert choose([0.5, 0.7, 0.6], [0.9, 0.9, 0.9]) == 0.5


def test_nothing_is_kept_of_what_is_no_better():
    assert choose([0.5, 0.5, 0.4], [0.9, 0.9, 0.9]) == 0.0


def test_a_blend_that_unlearned_more_than_a_hundredth_is_out():
    assert choose([0.5, 0.7, 0.9], [0.9, 0.892, 0.89]) == 0.5
    assert choose([0.5, 0.7, 0.9], [0.9, 0.89, 0.88]) == 0.0
    assert choose([0.5, 0.7, 0.9], [None, None, None]) == 1.0


def test_the_old_one_is_always_among_the_blends():
    with pytest.raises(NotEnoughDataError, match="the old encoder"):
        choose_share([0.5], lambda share: Trial(share, 1.0, None), 0.01)
