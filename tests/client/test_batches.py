"""Many rows: cut into batches that fit, with one verdict each."""

import pytest

import rankloop
from rankloop.client.batches import PartlySentError, plan_many
from rankloop.errors import TooLargeError

CLICK = {"feature_id": "d1", "interaction_type": "click"}


@pytest.fixture
def loop(fickle, quick):
    with rankloop.connect(fickle.url, config=quick) as loop:
        yield loop


def test_rows_are_sent_in_batches(loop, fickle):
    verdicts = loop.interactions.create_many(CLICK for _ in range(12_000))

    assert len(fickle.requests) == 3
    assert (verdicts.accepted, len(verdicts)) == (12_000, 12_000)
    assert list(fickle.taken) == verdicts.identifiers


def test_batches_are_cut_by_size_too(loop, fickle):
    verdicts = loop.interactions.create_many(
        CLICK | {"metadata": {"note": "x" * 8_000}} for _ in range(1_200)
    )

    assert len(fickle.requests) == 3
    assert verdicts.accepted == 1_200


def test_a_batch_that_the_server_finds_too_large_is_cut_in_half(loop, fickle):
    fickle.most_items = 300

    verdicts = loop.interactions.create_many(CLICK for _ in range(1_000))

    assert verdicts.accepted == 1_000
    assert list(fickle.taken) == verdicts.identifiers


def test_a_server_that_comes_back_gets_every_row_once(loop, fickle):
    fickle.answers = [503, None, 202]

    verdicts = loop.interactions.create_many(CLICK for _ in range(100))

    assert verdicts.accepted + verdicts.duplicate == len(fickle.taken) == 100


def test_when_the_server_goes_away_in_the_middle_it_is_said_what_is_left(loop, fickle):
    rows = [CLICK | {"feature_id": f"d{n}"} for n in range(11_000)]
    fickle.answers = [202, *[503] * 4]

    with pytest.raises(PartlySentError) as caught:
        loop.interactions.create_many(rows)

    error = caught.value
    assert error.verdicts.accepted == len(error.verdicts) == 5_000
    assert [row["feature_id"] for row in error.unsent] == [f"d{n}" for n in range(5_000, 10_000)]
    rest = rows[len(error.verdicts) + len(error.unsent) :]
    loop.interactions.create_many([*error.unsent, *rest])
    assert [row["feature_id"] for row in fickle.taken.values()] == [f"d{n}" for n in range(11_000)]


def test_no_rows_send_nothing(loop, fickle):
    assert len(loop.interactions.create_many([])) == 0
    assert fickle.requests == []


@pytest.mark.parametrize("row", [None, "text", 7, ["feature_id"]])
def test_what_is_no_row_gets_a_verdict_too(loop, row):
    verdicts = loop.interactions.create_many([CLICK, row])

    assert [verdict.status for verdict in verdicts] == ["accepted", "rejected"]


def test_a_single_row_that_is_too_large_is_a_verdict():
    plan = plan_many(*_one_row())
    next(plan)

    with pytest.raises(StopIteration) as done:
        plan.throw(TooLargeError("too large"))

    assert [verdict.status for verdict in done.value.value] == ["rejected"]


def _one_row():
    from rankloop.client.batches import INTERACTIONS

    return INTERACTIONS, [CLICK]
