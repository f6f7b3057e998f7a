import builtins
import shutil
import warnings

import numpy as np
import pytest

from rankloop.errors import ConflictError, InputError, SettingsError
from rankloop.indexing.embedder_local import LocalEmbedder
from rankloop.indexing.embedder_onnx import OnnxEmbedder
from rankloop.indexing.embedder_openai import EndpointConfig, OpenAIEmbedder
from rankloop.indexing.embedders import EmbedderSpec, build_embedder

TEXTS = ["a cat sat on a mat", "a kitten lay on a rug", "stock markets fell", ""]


@pytest.fixture(scope="session")
def local(minilm_folder):
    return LocalEmbedder(str(minilm_folder))


def test_a_local_model_embeds_by_meaning(local):
    vectors = local.embed_documents(TEXTS)
    assert vectors.shape == (4, local.dimension) == (4, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1] * 4, abs=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
    assert local.embed_queries(TEXTS[:1]) == pytest.approx(vectors[:1], abs=1e-5)
    assert local.embed_queries([]).shape == (0, 384)


def test_a_folder_is_named_by_what_is_in_it(local, minilm_folder, tmp_path):
    copy = tmp_path / "model"
    shutil.copytree(minilm_folder, copy)
    assert LocalEmbedder(str(copy)).model_id == local.model_id
    (copy / "config_sentence_transformers.json").write_text("{}")
    assert LocalEmbedder(str(copy)).model_id != local.model_id
    assert local.model_id.startswith("model@")


def test_a_model_of_another_length_is_refused(minilm_folder):
    with pytest.raises(ConflictError, match="length 384, not 768"):
        LocalEmbedder(str(minilm_folder), 768)


def test_a_folder_without_a_model_is_no_model(tmp_path):
    with pytest.raises(SettingsError, match="no model") as caught:
        LocalEmbedder(str(tmp_path))
    assert caught.value.where == "embedder.model"


@pytest.fixture(scope="session")
def onnx_folder(minilm_folder, tmp_path_factory):
    """An ONNX export of the model, written by torch."""
    import torch
    from sentence_transformers import SentenceTransformer
    from torch.onnx._internal.torchscript_exporter import onnx_proto_utils

    folder = tmp_path_factory.mktemp("onnx") / "model"
    shutil.copytree(minilm_folder, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    model = SentenceTransformer(str(minilm_folder), device="cpu")
    names = ["input_ids", "attention_mask", "token_type_ids"]

    class Tokens(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = model[0].model.eval()

        def forward(self, *inputs):
            return self.inner(**dict(zip(names, inputs, strict=True))).last_hidden_state

    tokens = model.preprocess(["two texts", "of words"])
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # The package `onnx` is asked for functions that this model does not use.
        patch.setattr(onnx_proto_utils, "_add_onnxscript_fn", lambda content, _functions: content)
        torch.onnx.export(
            Tokens(),
            tuple(tokens[name] for name in names),
            str(folder / "model.onnx"),
            input_names=names,
            output_names=["last_hidden_state"],
            dynamic_axes={name: {0: "n", 1: "tokens"} for name in [*names, "last_hidden_state"]},
            opset_version=17,
            dynamo=False,
        )
    return folder


@pytest.mark.slow
def test_an_onnx_export_embeds_like_the_model_it_was_made_of(onnx_folder, local):
    embedder = OnnxEmbedder(onnx_folder)
    texts = [*TEXTS, "long " * 400, *(f"text {i}" for i in range(40))]
    assert embedder.dimension == 384
    assert embedder.embed_documents(texts) == pytest.approx(local.embed_documents(texts), abs=1e-4)
    assert embedder.embed_queries([]).shape == (0, 384)
    assert embedder.model_id.startswith("model@")
    with pytest.raises(ConflictError, match="length 384, not 12"):
        OnnxEmbedder(onnx_folder, 12)
    built = build_embedder(EmbedderSpec("local", str(onnx_folder)))
    assert isinstance(built, OnnxEmbedder)


def test_a_folder_without_an_export_says_what_is_missing(tmp_path):
    with pytest.raises(SettingsError, match=r"lacks model\.onnx or onnx/model\.onnx"):
        OnnxEmbedder(tmp_path)


@pytest.mark.parametrize(
    ("library", "build", "extra"),
    [
        ("sentence_transformers", lambda folder: LocalEmbedder(str(folder)), "rankloop[train]"),
        ("onnxruntime", OnnxEmbedder, "rankloop[local]"),
        ("tokenizers", OnnxEmbedder, "rankloop[local]"),
    ],
    ids=["train", "local", "tokenizers"],
)
def test_a_library_that_is_not_there_is_named_with_its_extra(
    library, build, extra, tmp_path, monkeypatch
):
    ask = builtins.__import__

    def refuse(name, *arguments, **named):
        if name == library:
            raise ImportError(name)
        return ask(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(SettingsError, match="not installed") as caught:
        build(tmp_path)
    assert extra in caught.value.hint


def test_no_embedder_is_built_where_none_is_asked_for():
    assert build_embedder(None) is None
    assert build_embedder(EmbedderSpec()) is None


def test_an_endpoint_gets_the_key_of_its_own_address_only():
    endpoints = {
        "openai": EndpointConfig(api_key="sk-openai"),
        "ours": EndpointConfig("http://models.example/v1/", "sk-ours"),
    }

    def key_of(base_url):
        built = build_embedder(EmbedderSpec("openai", "m", base_url), endpoints)
        assert isinstance(built, OpenAIEmbedder)
        built.close()
        return built._endpoint.api_key

    assert key_of(None) == "sk-openai"
    assert key_of("http://models.example/v1") == "sk-ours"
    assert key_of("http://elsewhere.example/v1") == ""


@pytest.mark.parametrize(
    ("spec", "pointer"),
    [
        (EmbedderSpec("openai"), "/embedder/model"),
        (EmbedderSpec("local"), "/embedder/model"),
        (EmbedderSpec("local", "m", "http://models.example"), "/embedder/base_url"),
    ],
    ids=["openai", "local", "address"],
)
def test_an_embedder_that_makes_no_sense_is_refused(spec, pointer):
    with pytest.raises(InputError) as caught:
        build_embedder(spec)
    assert caught.value.where == pointer
