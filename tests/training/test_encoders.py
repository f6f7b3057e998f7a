"""Fine-tuning for real, on an encoder of two layers and a language of twenty words."""

from __future__ import annotations

import builtins

import msgspec
import numpy as np
import pytest

from rankloop.errors import DiskFullError, SettingsError
from rankloop.indexing.embedder_local import LocalEmbedder
from rankloop.indexing.embedder_onnx import OnnxEmbedder
from rankloop.indexing.embedders import EmbedderSpec, build_embedder
from rankloop.testing.small_encoder import write_encoder, write_pairs
from rankloop.training import encoders
from rankloop.training.encoder_fitting import FitConfig, load_encoder
from rankloop.training.encoder_tasks import prepare_task
from rankloop.training.encoders import train_encoder

pytestmark = [
    pytest.mark.slow,
    # torch's exporter and the trainer speak of what they will change.
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

FIT = FitConfig(n_epochs=15, batch=16, learning_rate=3e-3, patience=5)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Keep threads from waiting for each other: the matrices are small."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_encoder(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def trained(base, tmp_path_factory):
    """Return the result, its folder, and what was said on the way."""
    folder = tmp_path_factory.mktemp("trained")
    said = []
    task = prepare_task(str(base), write_pairs(), fit=FIT)
    (folder / "work").mkdir()
    result = train_encoder(
        task, folder / "work", folder / "model", lambda share, text: said.append((share, text))
    )
    return result, folder / "model", said


def measured(result, part):
    return next(one for one in result.metrics if one.part == part)


def train(base, folder, fit=FIT, **changes):
    task = prepare_task(str(base), write_pairs(), fit=fit)
    (folder / "work").mkdir()
    return train_encoder(
        msgspec.structs.replace(task, **changes),
        folder / "work",
        folder / "model",
        lambda _share, _text: None,
    )


def test_what_is_learned_holds_for_queries_that_were_never_asked(trained):
    result, _, _ = trained
    seen, unseen = measured(result, "seen"), measured(result, "unseen")
    assert seen.baseline < 0.5
    assert seen.value > 0.95
    assert unseen.value > unseen.baseline + 0.3
    assert unseen.low > 0
    assert result.share > 0
    assert [trial.share for trial in result.trials] == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_progress_says_step_loss_and_measure_and_never_goes_back(trained):
    _, _, said = trained
    shares = [share for share, _ in said]
    assert shares == sorted(shares)
    assert any("loss" in text and "nDCG@10" in text for _, text in said)


def test_the_export_embeds_as_torch_does_and_serves_without_it(trained, monkeypatch):
    result, folder, _ = trained
    texts = ["red blue", "king", "", "ox " * 40, "unheard of"]
    wanted = LocalEmbedder(str(folder))
    ask = builtins.__import__

    def refuse(name, *arguments, **named):
        if name.partition(".")[0] in {"torch", "sentence_transformers", "transformers"}:
            raise ImportError(name)
        return ask(name, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(builtins, "__import__", refuse)
        served = build_embedder(EmbedderSpec("local", str(folder)), {})
        found = served.embed_documents(texts)
    assert result.no_onnx == ""
    assert isinstance(served, OnnxEmbedder)
    assert served.dimension == result.dimension == 32
    assert np.abs(found - wanted.embed_documents(texts)).max() < 1e-4


def test_the_folder_of_a_model_quotes_nobody(trained):
    _, folder, _ = trained
    quoted = [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and b"red blue" in path.read_bytes()
    ]
    assert quoted == []
    assert not (folder / "README.md").exists()


def test_a_change_of_low_rank_learns_too_and_leaves_a_plain_model(base, trained, tmp_path):
    fit = FitConfig(n_epochs=15, batch=16, learning_rate=2e-2, lora_rank=8)
    result = train(base, tmp_path, fit, shares=(0.0, 1.0), is_exported=False)
    assert measured(result, "seen").value > measured(result, "seen").baseline + 0.3
    names = {*load_encoder(str(tmp_path / "model")).state_dict()}
    assert names == {*load_encoder(str(trained[1])).state_dict()}


def test_a_batch_in_parts_and_a_guide_learn_too(base, tmp_path):
    fit = FitConfig(n_epochs=15, batch=16, learning_rate=3e-3, n_tokens_held=400, guide="base")
    result = train(base, tmp_path, fit, shares=(0.0, 1.0), is_exported=False)
    assert measured(result, "seen").value > measured(result, "seen").baseline + 0.3


def test_nothing_is_kept_where_learning_hurts(trained, tmp_path):
    # What was learned well is taught again, with steps that are far too large.
    fit = FitConfig(n_epochs=3, batch=16, learning_rate=0.9, n_evaluations=1)
    result = train(trained[1], tmp_path, fit, is_exported=False)
    assert result.share == 0
    assert result.trials[-1].validation < 0.8
    for part in ("seen", "unseen"):
        assert measured(result, part).value == measured(result, part).baseline > 0.7


def test_a_model_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match="there is no model 'nothing'") as caught:
        load_encoder(str(tmp_path / "nothing"))
    assert caught.value.where == "/base_model"
    assert "folder" in caught.value.hint


def test_without_the_library_the_extra_is_named(monkeypatch, base):
    ask = builtins.__import__

    def refuse(name, *arguments, **named):
        if name == "sentence_transformers":
            raise ImportError(name)
        return ask(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(SettingsError, match="not installed") as caught:
        load_encoder(str(base))
    assert "rankloop[train]" in caught.value.hint


def test_nothing_is_begun_that_the_disk_cannot_hold(base, tmp_path):
    with pytest.raises(DiskFullError, match="MiB of disk space") as caught:
        encoders.check_room(tmp_path, 2**62)
    assert "goes on serving" in caught.value.hint
