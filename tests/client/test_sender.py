"""The background sender: nothing lost, nothing sent twice as new, nothing raised."""

import logging
import os
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rankloop
from rankloop.client.calling import RetryConfig
from rankloop.client.client import ClientConfig
from rankloop.client.sender import SenderConfig
from rankloop.client.waiting import WaitingConfig
from rankloop.errors import EventError

CLICK = {"feature_id": "d1", "interaction_type": "click"}


@pytest.fixture
def loop(fickle, quick):
    """Return a client of the server that answers as it is told."""
    with rankloop.connect(fickle.url, config=quick) as loop:
        yield loop


def add(loop, count, prefix="i"):
    return [
        loop.sender.add_interaction(**CLICK, interaction_id=f"{prefix}{n}") for n in range(count)
    ]


def test_events_are_sent_in_the_background(loop, fickle):
    identifier = loop.sender.add_interaction(**CLICK)

    assert loop.sender.flush(10)
    assert list(fickle.taken) == [identifier]
    assert loop.sender.counts.accepted == 1


def test_the_moment_is_when_the_event_was_added(loop, fickle):
    loop.sender.add_interaction(**CLICK, interaction_id="now")
    loop.sender.add_interaction(**CLICK, interaction_id="then", timestamp="2026-01-01T00:00:00Z")
    loop.sender.flush(10)

    assert fickle.taken["now"]["timestamp"].startswith(str(time.gmtime().tm_year))
    assert fickle.taken["then"]["timestamp"] == "2026-01-01T00:00:00Z"


def test_nothing_is_lost_when_the_server_says_503_and_then_202(loop, fickle):
    fickle.answers = [503, 503, 503]

    sent = add(loop, 50)

    assert loop.sender.flush(10)
    assert list(fickle.taken) == sent
    assert (loop.sender.counts.accepted, loop.sender.counts.retries) == (50, 3)


def test_nothing_is_sent_twice_as_new_when_an_answer_is_lost(loop, fickle):
    fickle.answers = [None, None]

    sent = add(loop, 50)

    assert loop.sender.flush(10)
    assert list(fickle.taken) == sent
    counts = loop.sender.counts
    assert (counts.accepted + counts.duplicate, counts.queued, counts.dropped) == (50, 0, 0)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    answers=st.lists(st.sampled_from([202, 429, 500, 502, 503, 504, 401, 403, None]), max_size=12),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5),
)
def test_whatever_the_server_answers_for_a_while_everything_arrives(fickle, quick, answers, sizes):
    fickle.answers = list(answers)
    fickle.taken.clear()
    with rankloop.connect(fickle.url, config=quick) as loop:
        sent = [one for place, size in enumerate(sizes) for one in add(loop, size, f"b{place}-")]

        assert loop.sender.flush(20)

        assert sorted(fickle.taken) == sorted(sent)
        counts = loop.sender.counts
        assert counts.accepted + counts.duplicate == len(sent)
        assert counts.dropped == counts.rejected == 0


def test_a_server_that_goes_away_and_comes_back_gets_everything(loop, fickle):
    sent = add(loop, 10, "before")
    loop.sender.flush(10)
    fickle.running.stop()
    sent += add(loop, 10, "during")
    time.sleep(0.2)

    assert loop.sender.counts.queued == 10
    fickle.running.start()

    assert loop.sender.flush(20)
    assert list(fickle.taken) == sent


def test_searches_go_out_before_the_interactions_that_follow_them(loop, fickle):
    fickle.answers = [503] * 3
    for n in range(5):
        search_id = loop.sender.add_search(query="shoes", results=[])
        loop.sender.add_interaction(**CLICK, search_id=search_id, interaction_id=f"c{n}")

    assert loop.sender.flush(10)
    assert [path for _, path in fickle.requests[-2:]] == [
        "/v1/searches",
        "/v1/retrievers/interactions/batch",
    ]
    assert len(fickle.taken) == 10


def test_a_batch_that_is_too_large_is_cut(loop, fickle):
    fickle.most_items = 3

    sent = add(loop, 20)

    assert loop.sender.flush(20)
    assert sorted(fickle.taken) == sorted(sent)


def test_one_event_that_is_too_large_is_refused_and_the_others_pass(loop, fickle):
    fickle.answers = [413]
    add(loop, 1, "large")
    loop.sender.flush(10)

    add(loop, 1, "small")

    assert loop.sender.flush(10)
    assert list(fickle.taken) == ["small0"]
    assert loop.sender.counts.rejected == 1


def test_what_is_refused_for_good_is_counted_told_and_not_tried_again(loop, fickle):
    told = []
    loop.sender.on_error = told.append
    fickle.answers = [400]
    add(loop, 1)

    assert loop.sender.flush(10)

    assert (loop.sender.counts.rejected, loop.sender.counts.retries) == (1, 0)
    assert len(told) == 1
    assert "req_9" in str(told[0])


def test_single_refusals_of_a_real_server_are_told_with_where(serve, data_folder, quick):
    told = []
    with rankloop.connect(serve(data_folder).url, config=quick) as loop:
        loop.sender.on_error = told.append
        loop.sender.add_interaction(feature_id="d1", interaction_type="click", position=-1)
        loop.sender.add_interaction(**CLICK)
        assert loop.sender.flush(10)
        counts = loop.sender.counts

    assert (counts.accepted, counts.rejected) == (1, 1)
    assert isinstance(told[0], EventError)
    assert told[0].where == "/position"


def test_nothing_is_raised_into_the_application(loop):
    loop.sender.on_error = lambda error: 1 / 0

    loop.sender.add_interaction(feature_id=object(), interaction_type={1, 2})
    loop.sender.add_interaction()
    loop.sender.add_search(query=float("nan"))
    loop.sender.add_interaction(metadata={"deep": (deep := [])} | {"self": deep.append(deep)})

    assert loop.sender.flush(10)
    assert loop.sender.counts.rejected >= 1


def test_a_full_queue_drops_the_new_and_says_so(fickle):
    fickle.always = 503
    told = []
    config = ClientConfig(
        sender=SenderConfig(waiting=WaitingConfig(max_queued=5), close_timeout_s=0.1)
    )
    with rankloop.connect(fickle.url, config=config) as loop:
        loop.sender.on_error = told.append
        add(loop, 8)
        counts = loop.sender.counts

    assert (counts.queued, counts.dropped) == (5, 3)
    assert sum("full" in str(error) for error in told) == 3


def test_closing_sends_what_is_left(fickle, quick):
    with rankloop.connect(fickle.url, config=quick) as loop:
        sent = add(loop, 30)

    assert list(fickle.taken) == sent


def test_closing_keeps_to_its_time_limit_and_counts_what_was_left(fickle, quick):
    fickle.always = 503
    loop = rankloop.connect(fickle.url, config=quick)
    add(loop, 4)
    began = time.monotonic()

    assert not loop.sender.close(0.2)

    assert time.monotonic() - began < 2
    assert (loop.sender.counts.queued, loop.sender.counts.dropped) == (0, 4)
    add(loop, 1)
    assert loop.sender.counts.dropped == 5
    loop.close()


def test_a_flush_that_takes_too_long_says_so(loop, fickle):
    fickle.always = 503
    add(loop, 1)

    assert not loop.sender.flush(0.1)
    fickle.always = None
    assert loop.sender.flush(10)


def test_waiting_is_asked_for_in_seconds_and_honored(fickle):
    config = RetryConfig(first_pause_s=0.001, max_pause_s=0.5)

    assert config.pause_s(0, "7") == 0.5
    assert config.pause_s(30) <= 0.5


def test_problems_are_logged_once_a_minute(loop, fickle, caplog):
    fickle.answers = [503] * 5
    with caplog.at_level(logging.WARNING, "rankloop.client.sender"):
        add(loop, 3)
        loop.sender.flush(10)

    assert len([one for one in caplog.records if "sending_hindered" in one.message]) == 1
    assert "d1" not in caplog.text


def test_the_counts_add_up(loop, fickle):
    fickle.answers = [400, 503]
    add(loop, 10)
    loop.sender.flush(10)
    add(loop, 10, "more")
    loop.sender.flush(10)
    add(loop, 5, "more")
    loop.sender.flush(10)

    counts = loop.sender.counts
    assert counts.accepted + counts.duplicate + counts.rejected + counts.dropped == 25


def test_a_forked_child_sends_its_own_events_and_not_its_parents(fickle, quick):
    fickle.always = 503
    with rankloop.connect(fickle.url, config=quick) as loop:
        add(loop, 5, "parent")
        child = os.fork()
        if not child:
            fickle.always = None
            add(loop, 3, "child")
            os._exit(0 if loop.sender.counts.queued <= 3 else 1)
        _, status = os.waitpid(child, 0)
        fickle.always = None

        assert status == 0
        assert loop.sender.flush(10)
        assert sorted(fickle.taken) == [f"parent{n}" for n in range(5)]
