"""What holds for every pipeline, whatever its stages and their order."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankloop.indexing.base import Document
from rankloop.indexing.filter_matching import matches
from rankloop.indexing.filter_reading import read_filter
from rankloop.indexing.qdrant_edge import IndexConfig, QdrantEdgeIndex
from rankloop.retrieval.parts import Parts, StageKind
from rankloop.retrieval.pipeline import Pipeline
from rankloop.retrieval.placing import StageSpec
from rankloop.retrieval.specification import PipelineSpec, read_pipeline
from rankloop.stages.base import Candidates
from rankloop.testing.memory_index import MemoryIndex
from rankloop.testing.stage_contract import build_query

WORDS = ("red", "blue", "shoes", "hat")
NAMES = [f"d{number}" for number in range(12)]
LIMIT = 1_000


def fill(index):
    """Take in twelve documents of two words each, two of them without a vector."""
    rng = np.random.default_rng(7)
    index.upsert(
        [
            Document(
                name,
                f"{WORDS[number % 4]} {WORDS[(number * 7 + 1) % 4]}",
                None if number % 6 == 5 else rng.normal(size=3).astype(np.float32),
                {"price": number % 5, "brand": "abc"[number % 3]},
            )
            for number, name in enumerate(NAMES)
        ]
    )
    return index


class Lifts(msgspec.Struct, frozen=True):
    """Scores to add, by document: a stage that has learned something, for good or bad."""

    by_document: dict[str, float]


class Lift:
    """Adds to scores."""

    def __init__(self, config):
        self.config = config

    def __call__(self, query, candidates):
        added = [self.config.by_document.get(name, 0.0) for name in candidates.document_ids]
        return candidates.rescored(candidates.scores + np.array(added))


class Gone(msgspec.Struct, frozen=True):
    """Documents that must not be shown."""

    documents: frozenset[str]


class Exclude:
    """Takes documents out."""

    def __init__(self, config):
        self.config = config

    def excluded_documents(self, query):
        return self.config.documents

    def __call__(self, query, candidates):
        gone = self.config.documents
        return candidates.kept([name not in gone for name in candidates.document_ids])


LIFT = StageKind(Lifts, lambda config, parts: Lift(config))
EXCLUDE = StageKind(Gone, lambda config, parts: Exclude(config), is_rule=True)

names = st.lists(st.sampled_from([*NAMES, "unknown"]), unique=True, max_size=4)
filters = st.one_of(
    st.builds(lambda price: {"price": {"$lte": price}}, st.integers(0, 4)),
    st.builds(lambda brand: {"brand": {"$ne": brand}}, st.sampled_from("abc")),
)
top_k = st.integers(1, 15)
finders = st.one_of(
    st.builds(lambda k: {"type": "text_search", "top_k": k}, top_k),
    st.builds(lambda k: {"type": "vector_search", "top_k": k}, top_k),
    st.builds(
        lambda k, fusion: {"type": "hybrid_search", "top_k": k, "fusion": fusion},
        top_k,
        st.sampled_from(["rrf", "weighted"]),
    ),
)
orderings = st.one_of(
    st.builds(lambda share: {"type": "diversify", "lambda": share}, st.floats(0, 1)),
    st.builds(
        lambda value: Lifts(value), st.dictionaries(st.sampled_from(NAMES), st.floats(-9, 9))
    ),
)
rules = st.one_of(
    st.builds(lambda value: {"type": "filter", "filters": value}, filters),
    st.builds(lambda value: Gone(frozenset(value)), names),
    st.builds(
        lambda value: {"type": "pin", "document_ids": value}, names.filter(lambda value: value)
    ),
)


@st.composite
def pipelines(draw):
    """Draw a finder, then anything in any order, rules before it too."""
    before = draw(st.lists(rules, max_size=2))
    after = draw(st.lists(st.one_of(finders, orderings, rules), max_size=5))
    return [*before, draw(finders), *after]


@st.composite
def queries(draw):
    """Draw a query, with or without a vector and filters."""
    vector = draw(st.sampled_from([None, (1.0, 0.0, 0.0), (0.5, -1.0, 2.0)]))
    asked = draw(st.none() | filters)
    return build_query(
        text=" ".join(draw(st.lists(st.sampled_from(WORDS), max_size=3))),
        vector=None if vector is None else np.array(vector, np.float32),
        filters=None if asked is None else read_filter(asked),
    )


@pytest.fixture(scope="module", params=["memory", "qdrant"])
def parts(request, tmp_path_factory):
    if request.param == "memory":
        index = MemoryIndex(dimension=3)
    else:
        index = QdrantEdgeIndex(tmp_path_factory.mktemp("index"), IndexConfig(dimension=3))
    parts = Parts(fill(index))
    yield parts
    parts.workers.shutdown()
    index.close()


def build(stages, parts):
    """Build a pipeline of written stages and of the test's own."""
    kinds = {Lifts: ("lift", LIFT), Gone: ("exclude", EXCLUDE)}
    specs = []
    for index, stage in enumerate(stages):
        if isinstance(stage, dict):
            [read] = read_pipeline({"stages": [stage]}).stages
            specs.append(StageSpec(read.type, read.kind, read.config, index, 60_000.0))
        else:
            name, kind = kinds[type(stage)]
            specs.append(StageSpec(name, kind, stage, index, 60_000.0))
    return Pipeline(PipelineSpec(tuple(specs), timeout_ms=60_000.0), parts)


def rank(pipeline, query):
    return [one.document_id for one in pipeline.run(query, limit=LIMIT).results]


def excluded_by(stages):
    return {name for stage in stages if isinstance(stage, Gone) for name in stage.documents}


def filters_of(stages, query):
    written = [
        read_filter(stage["filters"])
        for stage in stages
        if isinstance(stage, dict) and stage["type"] == "filter"
    ]
    return [*written, query.filters] if query.filters else written


@given(pipelines(), queries())
def test_documents_are_known_and_stand_once(parts, stages, query):
    ranking = rank(build(stages, parts), query)
    assert len(set(ranking)) == len(ranking)
    assert set(ranking) <= set(NAMES)


@given(pipelines(), queries())
def test_the_same_question_has_the_same_answer(parts, stages, query):
    first, second = (build(stages, parts).run(query, limit=LIMIT) for _ in range(2))
    assert first.results == second.results


@given(pipelines(), queries(), st.integers(1, 5))
def test_pages_make_up_the_whole_ranking(parts, stages, query, limit):
    pipeline = build(stages, parts)
    whole = pipeline.run(query, limit=LIMIT)
    pages = [
        result
        for offset in range(0, whole.total + limit, limit)
        for result in pipeline.run(query, limit=limit, offset=offset).results
    ]
    assert tuple(pages) == whole.results
    assert [result.position for result in pages] == list(range(whole.total))


@given(pipelines(), queries(), st.integers(1, 5))
def test_what_is_excluded_is_on_no_page(parts, stages, query, limit):
    pipeline = build(stages, parts)
    gone = excluded_by(stages)
    for offset in range(0, len(NAMES), limit):
        page = pipeline.run(query, limit=limit, offset=offset).results
        assert not gone & {result.document_id for result in page}


@given(pipelines(), queries())
def test_every_filter_holds_for_every_result(parts, stages, query):
    for result in build(stages, parts).run(query, limit=LIMIT).results:
        for condition in filters_of(stages, query):
            assert matches(condition, result.document_id, result.payload)


@given(pipelines(), queries())
def test_pins_win_over_all_that_is_not_a_hard_rule(parts, stages, query):
    pins = [s for s in stages if isinstance(s, dict) and s["type"] == "pin"]
    wanted = list(dict.fromkeys(name for pin in pins for name in pin["document_ids"]))
    payloads = parts.index.payloads(wanted)
    allowed = [
        name
        for name in wanted
        if name in payloads
        and name not in excluded_by(stages)
        and all(matches(one, name, payloads[name]) for one in filters_of(stages, query))
    ]
    assert rank(build(stages, parts), query)[: len(allowed)] == allowed


@given(pipelines(), queries())
def test_a_lift_of_nothing_changes_nothing(parts, stages, query):
    lifted = [*stages, Lifts(dict.fromkeys(NAMES, 0.0))]
    assert rank(build(lifted, parts), query) == rank(build(stages, parts), query)


@given(pipelines(), queries())
def test_scores_fall_along_the_ranking(parts, stages, query):
    results = build(stages, parts).run(query, limit=LIMIT).results
    scores = [result.score for result in results]
    assert scores == sorted(scores, reverse=True)


@given(pipelines(), queries(), names)
def test_reordering_adds_nothing_and_takes_only_by_rule(parts, stages, query, mine):
    candidates = Candidates(tuple(mine), np.arange(len(mine), 0.0, -1.0))
    results = build(stages, parts).rerank(query, candidates, limit=LIMIT).results
    kept = {result.document_id for result in results}
    assert len(kept) == len(results)
    payloads = parts.index.payloads(mine)
    assert kept == {
        name
        for name in mine
        if name not in excluded_by(stages)
        and all(matches(one, name, payloads.get(name, {})) for one in filters_of(stages, query))
    }
