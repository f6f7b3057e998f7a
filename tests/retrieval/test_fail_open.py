"""A stage that fails or is late is left out and named; the search goes on within its time."""

import threading
import time

import msgspec
import numpy as np
import pytest

from rankloop.errors import PipelineError, UnavailableError
from rankloop.retrieval.parts import Parts, StageKind
from rankloop.retrieval.pipeline import STAGES, Pipeline
from rankloop.retrieval.placing import StageSpec
from rankloop.retrieval.specification import PipelineSpec, read_pipeline
from rankloop.stages.base import Candidates
from rankloop.stages.text_search import TextSearchConfig
from rankloop.telemetry import Metrics
from rankloop.testing.stage_contract import build_query

QUERY = build_query(text="running shoes")


class NoSettings(msgspec.Struct, frozen=True):
    """Nothing to set."""


def place(stage, index, timeout_ms=None, **traits):
    """Place a stage of the test's own."""
    kind = StageKind(NoSettings, lambda config, parts: stage, **traits)
    return StageSpec("own", kind, NoSettings(), index, timeout_ms)


@pytest.fixture
def run(parts):
    """Return a function that searches by words, then runs stages of the test's own."""

    def run(*stages, timeout_ms=2_000.0, **arguments):
        finder = StageSpec("text_search", STAGES["text_search"], TextSearchConfig(), 0)
        spec = PipelineSpec((finder, *stages), timeout_ms=timeout_ms)
        return Pipeline(spec, parts).run(QUERY, limit=10, **arguments)

    return run


def names(outcome):
    return [result.document_id for result in outcome.results]


def turn_around(query, candidates):
    return candidates.rescored(np.arange(len(candidates), dtype=np.float64))


def fail(error):
    def stage(query, candidates):
        raise error

    return stage


def linger(query, candidates):
    time.sleep(0.2)
    return turn_around(query, candidates)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UnavailableError("secret words"), "unavailable"),
        (KeyError("secret words"), "failed"),
        (TimeoutError("secret words"), "late"),
    ],
    ids=["typed", "accident", "late"],
)
def test_a_failing_stage_is_left_out_and_named_without_its_words(run, parts, error, reason):
    outcome = run(place(fail(error), 1), place(turn_around, 2))
    assert names(outcome) == ["d", "c", "b", "a"]
    [skipped] = outcome.skipped_stages
    assert (skipped.stage, skipped.index, skipped.reason) == ("own", 1, reason)
    assert "secret" not in repr(outcome)
    counter = f'rankloop_retrieval_skipped_stages_total{{stage="own",reason="{reason}"}} 1'
    assert counter in parts.metrics.to_text()


@pytest.mark.parametrize(
    "handed_on",
    [
        None,
        Candidates(("a", "made up"), np.array([2.0, 1.0])),
        Candidates(("a", "b"), np.array([1.0])),
        Candidates(("a", "a"), np.array([2.0, 1.0])),
        Candidates(("a", "b"), np.array([np.nan, 1.0])),
    ],
    ids=["nothing", "invented", "too few scores", "twice", "not finite"],
)
def test_what_breaks_the_promise_of_a_stage_is_not_handed_on(run, handed_on):
    outcome = run(place(lambda query, candidates: handed_on, 1))
    assert names(outcome) == ["a", "b", "c", "d"]
    assert [one.reason for one in outcome.skipped_stages] == ["failed"]


def test_what_a_late_stage_did_is_not_in_the_answer(run):
    outcome = run(place(linger, 1, timeout_ms=50))
    assert names(outcome) == ["a", "b", "c", "d"]
    assert [one.reason for one in outcome.skipped_stages] == ["late"]


def test_a_stage_that_waits_is_left_behind_when_its_time_is_up(run):
    gate = threading.Event()

    def wait(query, candidates):
        gate.wait(5)
        return turn_around(query, candidates)

    outcome = run(place(wait, 1, timeout_ms=50, blocks=True))
    gate.set()
    assert names(outcome) == ["a", "b", "c", "d"]
    assert [one.reason for one in outcome.skipped_stages] == ["late"]
    assert outcome.took_ms < 2_000


def test_the_time_of_the_request_bounds_every_stage(run):
    outcome = run(place(linger, 1, timeout_ms=5_000), place(turn_around, 2), timeout_ms=60)
    assert names(outcome) == ["a", "b", "c", "d"]
    assert [(one.index, one.reason) for one in outcome.skipped_stages] == [
        (1, "late"),
        (2, "late"),
    ]


def test_a_filter_holds_although_the_time_is_up(parts):
    finder = StageSpec("text_search", STAGES["text_search"], TextSearchConfig(), 0)
    rule = read_pipeline({"stages": [{"type": "filter", "filters": {"brand": "apex"}}]}).stages[0]
    spec = PipelineSpec((finder, place(linger, 1), rule), timeout_ms=50)
    assert names(Pipeline(spec, parts).run(QUERY, limit=10)) == ["a", "c"]


def test_an_exclusion_that_cannot_be_read_is_named(run):
    class Forgetful:
        def excluded_documents(self, query):
            raise UnavailableError("no counters")

        def __call__(self, query, candidates):
            return candidates

    outcome = run(place(Forgetful(), 1, is_rule=True))
    assert [(one.stage, one.reason) for one in outcome.skipped_stages] == [("own", "unavailable")]
    assert names(outcome) == ["a", "b", "c", "d"]


def test_times_are_told_by_stage(run):
    outcome = run(place(turn_around, 1))
    assert set(outcome.stage_ms) == {"0:text_search", "1:own"}
    assert outcome.took_ms >= sum(outcome.stage_ms.values())
    assert outcome.embed_ms is None


class Embedder:
    """Points east, waits or fails as told."""

    model_id = "east"
    dimension = 2

    def __init__(self, error=None, seconds=0.0, dimension=2):
        self.error, self.seconds, self.size = error, seconds, dimension
        self.n_asked = 0

    def embed_queries(self, texts):
        self.n_asked += 1
        time.sleep(self.seconds)
        if self.error:
            raise self.error
        return np.eye(len(texts), self.size, dtype=np.float32)

    embed_documents = embed_queries


def search(index, embedder, *stages, **settings):
    parts = Parts(index, embedder, metrics=Metrics())
    spec = read_pipeline({"stages": [*stages], **settings})
    try:
        return Pipeline(spec, parts).run(QUERY, limit=10)
    finally:
        parts.workers.shutdown(wait=False)


def test_a_query_is_embedded_once_and_timed_apart(index):
    embedder = Embedder()
    outcome = search(index, embedder, {"type": "vector_search"}, {"type": "hybrid_search"})
    assert embedder.n_asked == 1
    assert outcome.skipped_stages == ()
    assert outcome.embed_ms > 0


def test_a_query_is_not_embedded_where_no_stage_wants_it(index):
    embedder = Embedder()
    search(index, embedder, {"type": "text_search"})
    assert embedder.n_asked == 0


@pytest.mark.parametrize(
    ("embedder", "reason"),
    [
        (Embedder(UnavailableError("down")), "embedder_unavailable"),
        (Embedder(ValueError("secret")), "embedder_failed"),
        (Embedder(seconds=0.5), "embedder_late"),
        (Embedder(dimension=3), "embedder_mismatch"),
    ],
    ids=["down", "accident", "slow", "other length"],
)
def test_words_find_where_the_embedder_does_not_deliver(index, embedder, reason):
    outcome = search(index, embedder, {"type": "vector_search"}, timeout_ms=200)
    skipped = [(one.stage, one.reason) for one in outcome.skipped_stages]
    assert skipped[0] == ("vector_search", reason)
    assert outcome.took_ms < 450
    assert names(outcome) == ["a", "b", "c", "d"]


def test_a_stage_without_its_part_is_refused_with_its_place(parts):
    spec = read_pipeline({"stages": [{"type": "external", "url": "http://engine/"}]})
    with pytest.raises(PipelineError) as caught:
        Pipeline(spec, parts)
    assert caught.value.where == "/stages/0/type"


class LateRule:
    """Takes its time to say that `a` must not be shown."""

    def __call__(self, query, candidates):
        return candidates.kept([name != "a" for name in candidates.document_ids])

    def excluded_documents(self, query):
        time.sleep(0.1)
        return frozenset({"a"})


def test_what_a_late_hard_rule_says_holds(run):
    outcome = run(place(LateRule(), 1, timeout_ms=20, is_rule=True))

    assert names(outcome) == ["b", "c", "d"]
    assert outcome.skipped_stages == ()
