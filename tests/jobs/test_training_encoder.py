"""Fine-tuning an encoder in a child process: killed, resumed, promoted, serving; or refused."""

import hashlib
import os
import signal
import threading
import time
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from rankloop.catalog.models import Decision
from rankloop.errors import (
    DiskFullError,
    InputError,
    KilledError,
    NotEnoughDataError,
    SettingsError,
)
from rankloop.jobs.context import JobContext, MemoryRecorder
from rankloop.jobs.kinds import KINDS
from rankloop.jobs.training_encoder import EncoderParameters, EncoderTraining
from rankloop.settings import load_settings
from rankloop.tables.training_pairs import TrainingPair
from rankloop.testing.small_encoder import write_encoder, write_pairs
from rankloop.training.encoder_fitting import find_checkpoint
from rankloop.wiring import open_engine

NOW = datetime(2026, 3, 2, tzinfo=UTC)
DECISION = Decision("operator", "a test")
FIT = {"epochs": 15, "batch": 16, "learning_rate": 3e-3}


def to_sent(pair, **more):
    return TrainingPair(query=pair.query, positive_id=pair.positive_id, **more)


PAIRS = [to_sent(pair) for pair in write_pairs()]
"""As an application sends them: documents by name; their texts are in the index."""


class Installation:
    """An engine whose retriever is filled by a small encoder, and contexts of jobs."""

    def __init__(self, engine, base, folder):
        self.engine = engine
        self.base = base
        self.folder = folder

    def fill(self):
        self.engine.retrievers.put(
            "products",
            {
                "stages": [{"type": "vector_search"}],
                "embedder": {"kind": "local", "model": str(self.base)},
            },
        )
        rows = [{"document_id": one.positive_id, "text": one.positive} for one in write_pairs()]
        self.engine.documents.upsert("products", [msgspec.json.encode(row) for row in rows])

    def open_job(self, name):
        said = []
        recorder = MemoryRecorder(lambda _share, text: said.append(text))
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return JobContext(name, folder, recorder), recorder, said

    def run(self, context, pairs=PAIRS, **more):
        parts = self.engine
        training = EncoderTraining(
            parts.learning.reader,
            parts.learning.pairing,
            parts.documents,
            parts.models,
            lambda: NOW,
        )
        told = {"retriever_id": "products", "pairs": pairs, **FIT, **more}
        return training.run(context, EncoderParameters(**told))

    def wait_for_index(self):
        give_up_at = time.monotonic() + 120
        while self.engine.documents.is_busy("products") and time.monotonic() < give_up_at:
            time.sleep(0.05)
        assert self.engine.documents.failure("products") is None

    def find(self, text):
        index = self.engine.documents.open("products")
        vector = index.embedder.embed_queries([text])[0]
        return index.search_vector(vector, 1).document_ids


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Keep the child's threads from waiting for each other: the matrices are small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoders")
    base = write_encoder(folder / "base")
    with closing(open_engine(folder / "data", load_settings(environment={}))) as engine:
        made = Installation(engine, base, folder / "jobs")
        made.fill()
        yield made


@pytest.fixture(scope="module")
def trained(installation):
    """Return what a job answers that nothing disturbed."""
    context, recorder, said = installation.open_job("undisturbed")
    return installation.run(context), recorder, said


def find_metric(result, part):
    return next(row for row in result["metrics"] if row["part"] == part)


@pytest.mark.slow
def test_an_encoder_is_on_record_with_what_it_was_made_of(installation, trained):
    result, recorder, said = trained
    loaded = installation.engine.models.load(result["model_id"])
    manifest = loaded.manifest
    assert result["decision"] == "trained"
    assert find_metric(result, "unseen")["low"] > 0
    assert "queries that it did not learn from" in result["why"]
    assert manifest.kind == "encoder"
    assert manifest.base.startswith("small-encoder@")
    assert manifest.dimension == 32
    assert manifest.seeds == [17]
    assert set(manifest.exports) == {"pairs"}
    assert {"model.onnx", "model.safetensors", "tokenizer.json"} <= set(manifest.files)
    assert manifest.parameters["no_onnx"] == ""
    assert manifest.parameters["share"] > 0
    assert manifest.parameters["queries_held_out"]
    assert str(installation.folder.parent) not in msgspec.json.encode(manifest).decode()
    assert any("no fine-tuning can be trusted" in warning for warning in result["warnings"])
    assert result["warnings"][0] in recorder.lines
    assert any("loss" in text and "nDCG@10" in text for text in said)


@pytest.mark.slow
def test_a_killed_child_goes_on_from_its_checkpoint_to_the_same_weights(installation, trained):
    undisturbed = installation.engine.models.load(trained[0]["model_id"]).manifest
    context, recorder, said = installation.open_job("killed")
    work = context.folder / "work"
    killed = threading.Event()

    def kill():
        while not find_checkpoint(work / "work" / "checkpoints"):
            time.sleep(0.005)
        os.kill(find_child(work), signal.SIGKILL)
        killed.set()

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    with pytest.raises(KilledError):
        installation.run(context, onnx=False)
    assert killed.wait(5)
    assert "train" not in recorder.steps
    said.clear()
    installation.run(JobContext("killed", context.folder, recorder), onnx=False)
    steps = [text for text in said if text.startswith("step")]
    assert not steps[0].startswith("step 1 of")
    digest = hashlib.sha256((work / "model" / "model.safetensors").read_bytes()).hexdigest()
    assert digest == undisturbed.files["model.safetensors"]


def find_child(folder):
    """Return the process that works in a folder."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"rankloop.jobs.child" in words and str(folder).encode() in words:
            return int(path.parent.name)
    raise AssertionError("no child works there")


@pytest.mark.slow
def test_a_promoted_encoder_embeds_the_index_anew_and_serves_unseen_queries(installation, trained):
    result = trained[0]
    unasked = [pair for pair in write_pairs() if is_held(pair.query)]
    before = sum(installation.find(pair.query) == (pair.positive_id,) for pair in unasked)
    installation.engine.models.catalog.promote(result["model_id"], DECISION)
    installation.engine.documents.refresh("products")
    installation.wait_for_index()
    index = installation.engine.documents.open("products")
    after = sum(installation.find(pair.query) == (pair.positive_id,) for pair in unasked)
    assert index.model_id.startswith(result["model_id"])
    assert index.count() == len(write_pairs())
    assert after > before
    installation.engine.models.catalog.roll_back(result["model_id"], DECISION)
    installation.engine.documents.refresh("products")
    installation.wait_for_index()
    assert index.model_id.startswith("small-encoder@")


def is_held(query):
    from rankloop.training.splits import hold_out_queries

    return bool(hold_out_queries([query])[0])


def test_one_query_only_is_refused_and_leaves_nothing(installation):
    context, _, _ = installation.open_job("one")
    with pytest.raises(NotEnoughDataError, match="takes 20 distinct queries"):
        installation.run(context, PAIRS[:1])
    assert not (context.folder / "work").exists()


def test_pairs_whose_texts_nothing_holds_are_refused(installation):
    context, _, _ = installation.open_job("bare")
    pairs = [TrainingPair(query=f"q{k}", positive_id=f"gone-{k}") for k in range(30)]
    with pytest.raises(NotEnoughDataError, match="there are 0"):
        installation.run(context, pairs)


def test_pairs_of_two_retrievers_make_no_model(installation):
    context, _, _ = installation.open_job("two")
    pairs = [to_sent(one, retriever_id=f"r{k % 2}") for k, one in enumerate(write_pairs())]
    with pytest.raises(InputError, match="belong to 2 retrievers"):
        installation.run(context, pairs, retriever_id=None)


def test_an_index_that_no_trainable_model_fills_needs_a_base_model(installation):
    context, _, _ = installation.open_job("other")
    with pytest.raises(SettingsError, match="no model that can be fine-tuned") as caught:
        installation.run(context, retriever_id="other")
    assert caught.value.where == "/base_model"
    assert "an adapter" in caught.value.hint


@pytest.mark.slow
def test_a_base_model_that_is_not_there_is_said_by_the_child(installation):
    context, _, _ = installation.open_job("missing")
    with pytest.raises(SettingsError, match="there is no model 'nothing'"):
        installation.run(context, base_model=str(installation.folder / "nothing"), pairs=FULL)


FULL = [to_sent(pair, positive=pair.positive) for pair in write_pairs()]


def test_the_job_is_known_by_its_name_and_hides_the_pairs():
    kind = KINDS["train_encoder"]
    assert kind.parameters is EncoderParameters
    assert kind.bulky == {"pairs"}
    with pytest.raises(msgspec.ValidationError, match="epochs"):
        msgspec.convert({"epochs": 0}, EncoderParameters)


@pytest.fixture
def small_disk(tmp_path):
    """Return what gives a disk of some size."""
    made = []

    def mount(size_kib):
        folder = tmp_path / "small"
        folder.mkdir()
        if os.system(f"mount -t tmpfs -o size={size_kib}k tmpfs {folder} 2>/dev/null"):
            pytest.skip("mounting a small disk is not allowed here")
        made.append(folder)
        return folder

    yield mount
    for folder in made:
        os.system(f"umount {folder}")


@pytest.mark.slow
def test_nothing_is_begun_that_the_disk_cannot_hold(installation, small_disk):
    known = installation.engine.models.catalog.list()
    with pytest.raises(DiskFullError, match="MiB of disk space") as caught:
        installation.run(JobContext("full", small_disk(300), MemoryRecorder()))
    assert "goes on serving" in caught.value.hint
    assert installation.engine.models.catalog.list() == known


@pytest.mark.slow
def test_a_disk_that_is_full_on_the_way_is_said_and_no_model_appears(installation, small_disk):
    known = installation.engine.models.catalog.list()
    folder = small_disk(2_000)

    def fill():
        while not find_checkpoint(folder / "work" / "work" / "checkpoints"):
            time.sleep(0.005)
        with suppress(OSError), (folder / "filler").open("wb", 0) as file:
            while True:
                file.write(bytes(4_096))

    threading.Thread(target=fill, daemon=True).start()
    with pytest.raises(DiskFullError):
        installation.run(JobContext("full", folder, MemoryRecorder()), onnx=False)
    assert installation.engine.models.catalog.list() == known
