"""Training an adapter: real vectors from a real endpoint, a model on record, or a typed reason."""

from contextlib import closing

import msgspec
import numpy as np
import pytest

from rankloop.errors import (
    ConflictError,
    InputError,
    NotEnoughDataError,
    SettingsError,
    UnavailableError,
)
from rankloop.jobs.context import JobContext, MemoryRecorder
from rankloop.jobs.kinds import KINDS
from rankloop.jobs.training_adapter import AdapterParameters, AdapterTraining
from rankloop.settings import load_settings
from rankloop.tables.training_pairs import TrainingPair
from rankloop.wiring import open_engine

MODEL = "text-embedding-3-small"
KINDS_OF = ("fresh", "dried", "cheap")
THINGS = """
apples, apricots, bananas, basil, beans, beef, berries, bread, butter, carrots, cherries,
chili, chives, cod, corn, cranberries, dates, dill, eggs, fennel, figs, fish, garlic,
ginger, grapes, herbs, kale, kelp, lamb, leeks, lemons, lentils, limes, mangoes, melons,
milk, mint, mushrooms, mustard, noodles, oats, olives, onions, oranges, parsley, pasta,
peaches, pears, peas, peppers, plums, pork, potatoes, prunes, raisins, rice, rosemary,
sage, sausages, shrimp, spinach, squid, strawberries, tea, thyme, tofu, tomatoes, tuna
""".replace(",", " ").split()


def teach(things=THINGS, **more):
    """People who name a thing want it dried, never fresh."""
    return [
        TrainingPair(
            query=thing,
            positive_id=f"dried-{thing}",
            positive=f"dried {thing}",
            negative_ids=[f"fresh-{thing}"],
            negatives=[f"fresh {thing}"],
            **more,
        )
        for thing in things
    ]


class Installation:
    """An engine over a data folder, an endpoint and a job's context."""

    def __init__(self, engine, folder):
        self.engine = engine
        self.folder = folder
        self.recorder = MemoryRecorder()

    def fill(self, **embedder):
        self.engine.retrievers.put(
            "products", {"stages": [{"type": "vector_search"}], "embedder": embedder}
        )
        rows = [
            {"document_id": f"{kind}-{thing}", "text": f"{kind} {thing}"}
            for thing in THINGS
            for kind in KINDS_OF
        ]
        self.engine.documents.upsert("products", [msgspec.json.encode(row) for row in rows])

    def run(self, pairs=None, **more):
        self.folder.mkdir(exist_ok=True)
        told = {"retriever_id": "products", "base_model": MODEL, "pairs": pairs, **more}
        context = JobContext("job-1", self.folder, self.recorder)
        parts = self.engine
        training = AdapterTraining(
            None, parts.learning.pairing, parts.documents, parts.models, parts.now
        )
        return training.run(context, AdapterParameters(**told))


def open_over(folder, embedding_server):
    named = {
        "embedders.openai.base_url": embedding_server.base_url,
        "embedders.openai.max_retries": 0,
    }
    return open_engine(folder, load_settings(environment={}, overrides=named))


@pytest.fixture
def installation(tmp_path, embedding_server):
    """Return an installation without documents."""
    with closing(open_over(tmp_path / "data", embedding_server)) as engine:
        yield Installation(engine, tmp_path / "job")


@pytest.fixture(scope="module")
def filled_engine(tmp_path_factory, running_embedding_server):
    """Return an engine whose index is filled by the endpoint's model, for all tests here."""
    folder = tmp_path_factory.mktemp("filled")
    running_embedding_server.behave()
    with closing(open_over(folder, running_embedding_server)) as engine:
        Installation(engine, folder).fill(kind="openai", model=MODEL)
        yield engine


@pytest.fixture
def filled(filled_engine, tmp_path, embedding_server):
    """Return an installation over that engine."""
    return Installation(filled_engine, tmp_path / "job")


def find(result, part):
    return next(row for row in result["metrics"] if row["part"] == part)


def test_what_people_want_is_learned_and_holds_for_queries_that_taught_nothing(
    filled, embedding_server
):
    result = filled.run(teach())

    assert result["decision"] == "trained"
    assert find(result, "unseen")["value"] > find(result, "unseen")["baseline"] + 0.1
    assert find(result, "unseen")["low"] > 0
    assert "are few: 2,000 of 1,000 should be there" in result["warnings"][0]
    assert result["warnings"][0] in filled.recorder.lines
    # Documents' vectors come out of the index: the endpoint is asked about queries alone.
    assert sum(call["n"] for call in embedding_server.calls) == len(THINGS)

    loaded = filled.engine.models.load(result["model_id"])
    assert loaded.manifest.base == MODEL
    assert loaded.manifest.dimension == 384
    assert loaded.manifest.parameters["n_from_index"] == len(THINGS) * len(KINDS_OF)
    assert set(loaded.manifest.exports) == {"pairs"}
    assert loaded.manifest.window.end == loaded.manifest.created_at
    assert filled.engine.models.catalog.find(result["model_id"]).state == "trained"
    index = filled.engine.documents.open("products")
    query = index.embedder.embed_queries(["quinces"])
    documents = index.embedder.embed_documents(["fresh quinces", "dried quinces"])
    before, after = (vectors[0] @ documents.T for vectors in (query, loaded.part.apply(query)))
    assert after[1] - after[0] > before[1] - before[0]


def test_an_index_without_vectors_is_trained_for_by_texts(installation, embedding_server):
    result = installation.run(teach())
    assert result["decision"] == "trained"
    assert sum(call["n"] for call in embedding_server.calls) == 3 * len(THINGS)

    embedding_server.behave()
    again = installation.run(teach(), seed=2)
    assert embedding_server.calls == []
    assert again["model_id"] != result["model_id"]


def test_an_endpoint_that_fails_half_way_is_gone_on_with(installation, embedding_server):
    embedding_server.behave(statuses=[200, 500])
    with pytest.raises(UnavailableError, match="of 136 texts"):
        installation.run(teach())

    embedding_server.behave()
    assert installation.run(teach())["decision"] == "trained"
    assert sum(call["n"] for call in embedding_server.calls) < 3 * len(THINGS)


def test_what_clicks_do_not_tell_is_rejected_and_on_record(filled):
    shuffled = np.random.default_rng(1).permutation(len(THINGS))
    pairs = [
        TrainingPair(query=thing, positive_id=f"{KINDS_OF[k % 3]}-{THINGS[other]}")
        for k, (thing, other) in enumerate(zip(THINGS, shuffled, strict=True))
    ]
    result = filled.run(pairs)

    assert result["decision"] == "rejected"
    assert "no step was surely better" in result["why"]
    steps = filled.engine.models.catalog.history(result["model_id"])
    assert [step.state_after for step in steps] == ["trained", "rejected"]
    assert steps[-1].decision.decided_by == "training"


def test_a_killed_job_makes_the_same_model_again(filled):
    first = filled.run(teach(), seed=3)
    n_models = len(filled.engine.models.catalog.list("products"))
    filled.recorder.steps.pop("settle")
    assert filled.run(teach(), seed=3) == first
    assert len(filled.engine.models.catalog.list("products")) == n_models


def test_a_base_model_of_another_length_than_the_index_is_refused(filled, embedding_server):
    embedding_server.behave(cut=84)
    with pytest.raises(ConflictError, match=r"'shorter'.*300 numbers.*384 numbers of 'text-emb"):
        filled.run(teach(), base_model="shorter")


def test_an_index_of_another_model_is_refused(filled):
    with pytest.raises(ConflictError, match=r"'other'.*'text-embedding-3-small'"):
        filled.run(teach(), base_model="other")


def test_the_model_of_the_index_is_taken_where_none_is_named(filled):
    result = filled.run(teach(), base_model=None)
    assert filled.engine.models.load(result["model_id"]).manifest.base == MODEL


def test_without_a_model_and_without_an_index_it_is_said_what_to_name(installation):
    with pytest.raises(NotEnoughDataError, match="no embedding model fills the index"):
        installation.run(teach(), base_model=None)


def test_an_endpoint_that_nobody_knows_is_a_setting_to_make(tmp_path):
    with (
        closing(open_engine(tmp_path / "data", load_settings(environment={}))) as engine,
        pytest.raises(SettingsError, match="no embedding endpoint is known") as refused,
    ):
        Installation(engine, tmp_path / "job").run(teach())
    assert "[embedders.openai]" in refused.value.hint


def test_pairs_without_a_text_or_a_vector_are_left_out_and_counted(filled):
    lost = [TrainingPair(query=f"lost {k}", positive_id=f"gone-{k}") for k in range(5)]
    result = filled.run(teach() + lost)
    assert "5 of 73 pairs are left out" in result["warnings"][0]

    with pytest.raises(NotEnoughDataError, match="0 different queries"):
        filled.run(lost)


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([], "0 different queries"),
        (teach(THINGS[:19]), "19 different queries"),
        ([TrainingPair(query="figs", positive=f"text {k}") for k in range(99)], "1 different"),
    ],
    ids=["none", "few", "one-query"],
)
def test_too_little_is_refused_before_anything_is_paid_for(
    installation, embedding_server, pairs, said
):
    with pytest.raises(NotEnoughDataError, match=said) as refused:
        installation.run(pairs)
    assert "boost" in refused.value.hint
    assert embedding_server.calls == []


def test_pairs_of_two_retrievers_are_refused(installation):
    pairs = [*teach(THINGS[:30], retriever_id="a"), *teach(THINGS[30:], retriever_id="b")]
    with pytest.raises(InputError, match="belong to 2 retrievers"):
        installation.run(pairs, retriever_id=None)


def test_the_queue_knows_the_kind_and_keeps_its_pairs_apart():
    assert KINDS["train_adapter"].bulky == {"pairs"}
