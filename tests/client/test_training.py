"""Fine-tuning through the client: what is sent, how it is waited for, and what comes back."""

import asyncio
import io

import pytest

import rankloop
from rankloop.client.training import _Bar, choose_way, read_rows
from rankloop.errors import InputError, NotEnoughDataError
from rankloop.jobs.evaluating import EvaluateParameters
from rankloop.jobs.kinds import KINDS, JobKind
from rankloop.jobs.parameters import JobParameters
from rankloop.jobs.training_adapter import AdapterParameters
from rankloop.tables.jobs import Job, JobProgress
from rankloop.tables.pairs import Pair

METRIC = {"measure": "nDCG@10", "part": "unseen", "value": 0.8, "baseline": 0.7, "n": 90}
PAIR = Pair("blue shoes", "d1", "Suede", ["d2"], [None], 0.5, "corrected", "products")


class Trainer:
    """Answers as a training does, and remembers what it was told."""

    def __init__(self):
        self.told = []
        self.error = None

    def run(self, context, parameters):
        self.told.append(parameters)
        context.report(0.5, "half way")
        if self.error:
            raise self.error
        return {
            "model_id": "adapter-1",
            "decision": "trained",
            "why": "better",
            "metrics": [METRIC],
            "warnings": ["few"],
            "details": {"n_pairs": len(parameters.pairs or ())},
        }


@pytest.fixture
def trainer(monkeypatch):
    made = Trainer()
    for kind in ("train_adapter", "train_encoder"):
        known = JobKind(AdapterParameters, lambda parts: made.run, frozenset({"pairs"}))
        monkeypatch.setitem(KINDS, kind, known)
    return made


def test_pairs_go_out_and_a_model_comes_back(loop, trainer):
    model = loop.training.fine_tune("text-embedding-3-small", [PAIR, PAIR], seed=3)

    assert (model.model_id, model.decision, model.is_better) == ("adapter-1", "trained", True)
    assert model.metrics[0].value == 0.8
    assert model.details == {"n_pairs": 2}
    assert trainer.told[0].seed == 3
    assert trainer.told[0].base_model == "text-embedding-3-small"
    assert trainer.told[0].pairs[0].negatives == [None]
    assert trainer.told[0].pairs[0].weight == 0.5
    job = loop.jobs.list(kind="train_adapter").results[0]
    assert "pairs" not in job.parameters


def test_without_pairs_the_log_is_mined_where_it_is(loop, trainer):
    loop.training.fine_tune(retriever_id="products", days=30)

    assert trainer.told[0].pairs is None
    assert (trainer.told[0].retriever_id, trainer.told[0].days) == ("products", 30)


def test_a_hub_model_or_a_folder_is_trained_whole(loop, trainer, tmp_path):
    for base_model in ("BAAI/bge-small-en-v1.5", str(tmp_path)):
        loop.training.fine_tune(base_model, [PAIR])
    loop.training.fine_tune("served/by-an-endpoint", [PAIR], way="adapter")

    kinds = [job.kind for job in loop.jobs.list().results]
    assert kinds == ["train_adapter", "train_encoder", "train_encoder"]
    assert choose_way("text-embedding-3-small") == "adapter"


def test_what_a_training_failed_with_is_raised_here(loop, trainer):
    trainer.error = NotEnoughDataError("3 queries", where="/pairs", hint="Collect more.")
    with pytest.raises(NotEnoughDataError, match="3 queries") as raised:
        loop.training.fine_tune("m", [PAIR])
    assert raised.value.hint == "Collect more."


@pytest.fixture
def gate(monkeypatch):
    """Return what the gate was asked; it promotes."""
    asked = []

    def judge(context, parameters):
        asked.append((parameters.model_id, parameters.admit))
        return {
            "model_id": parameters.model_id,
            "outcome": "promoted",
            "why": "it earns more",
            "evidence": {"n": 9},
        }

    monkeypatch.setitem(KINDS, "evaluate", JobKind(EvaluateParameters, lambda parts: judge))
    return asked


def test_the_gate_decides_where_it_is_asked_to(loop, trainer, gate):
    assert loop.training.fine_tune("m", [PAIR]).decision == "trained"
    assert gate == []

    model = loop.training.fine_tune("m", [PAIR], admit=True)
    assert (model.decision, model.why) == ("promoted", "it earns more")
    assert model.details["evidence"] == {"n": 9}
    assert gate == [("adapter-1", True)]


def test_asynchronous_code_asks_the_gate_alike(target, trainer, gate):
    async def tune():
        async with rankloop.connect_async(target) as loop:
            return await loop.training.fine_tune("m", [PAIR], admit=True)

    assert asyncio.run(tune()).decision == "promoted"


def test_asynchronous_code_waits_alike(target, trainer):
    async def tune():
        async with rankloop.connect_async(target) as loop:
            return await loop.training.fine_tune("m", [PAIR])

    assert asyncio.run(tune()).model_id == "adapter-1"


def test_rows_of_other_makers_are_read():
    pyarrow, pandas = pytest.importorskip("pyarrow"), pytest.importorskip("pandas")
    datasets = pytest.importorskip("datasets")
    row = {"query": "q", "positive": "text"}
    for table in (
        pyarrow.Table.from_pylist([row]),
        pandas.DataFrame([row]),
        datasets.Dataset.from_list([row]),
        iter([row]),
    ):
        assert read_rows(table) == [row]


def test_what_a_pair_does_not_have_is_left_out():
    row = {"anchor": "q", "positive": "a", "negative": ["b", "c"], "score": 0.3, "weight": None}
    assert read_rows([row]) == [{"query": "q", "positive": "a", "negatives": ["b", "c"]}]


def test_what_is_no_pair_is_refused_with_its_place():
    with pytest.raises(InputError, match="row 1 of the training data is str"):
        read_rows([{"query": "q", "positive": "a"}, "blue shoes"])


def test_a_row_without_a_query_is_refused_by_the_server_with_its_place(loop, trainer):
    with pytest.raises(InputError) as refused:
        loop.training.fine_tune("m", [{"query": "q", "positive": "a"}, {"positive": "a"}])
    assert "/pairs/1" in refused.value.where


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_is_drawn_on_a_terminal_and_wiped_and_nothing_in_a_pipe():
    job = Job(
        job_id="j",
        kind="train_adapter",
        state="running",
        created_at=None,
        progress=JobProgress(0.5, "embed queries"),
    )
    for stream, drawn in ((Terminal(), True), (io.StringIO(), False)):
        with _Bar(stream) as bar:
            bar.show(job)
        assert (" 50% embed queries" in stream.getvalue()) is drawn
        assert stream.getvalue().endswith("\r") is drawn


def test_the_parameters_of_a_training_are_those_of_a_job():
    assert issubclass(AdapterParameters, JobParameters)
