"""A fine-tuned encoder as ONNX, so that it serves without torch."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.errors import RankloopError
from rankloop.indexing.embedder_onnx import OnnxEmbedder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sentence_transformers import SentenceTransformer

ONNX_FILE: Final = "model.onnx"
TOLERANCE: Final = 1e-4
"""How far a number of an exported vector may be from torch's."""

_INPUTS: Final = ("input_ids", "attention_mask", "token_type_ids")
_MAX_BYTES: Final = 1_800_000_000
"""Weights above this stand beside the graph: a file of its kind ends at 2 GiB."""


def export_encoder(model: SentenceTransformer, folder: Path, texts: Sequence[str]) -> str:
    """Write `model.onnx` beside a saved model, and see that it embeds as the model does.

    The graph goes from tokens to the vector of the text, so that pooling is in it.

    Args:
        model: A model as it was saved to the folder.
        folder: Holds its tokenizer and configuration.
        texts: What both are asked to embed, 1 or more.

    Returns:
        Why there is no export; empty where there is one. Without it the model serves with torch.
    """
    why = _write_graph(model, folder)
    if not why:
        why = _compare(model, folder, texts)
    if why:
        for path in folder.glob(f"{ONNX_FILE}*"):
            path.unlink()
    return why


def _write_graph(model: SentenceTransformer, folder: Path) -> str:
    """Export the graph; say why that is not possible."""
    import torch

    model.to("cpu").eval()
    inputs = model.preprocess(["two words", "a text of some more words"])
    names = [name for name, value in inputs.items() if isinstance(value, torch.Tensor)]
    if not set(names) <= {*_INPUTS}:
        return "the model takes more than tokens"

    class Whole(torch.nn.Module):
        """From tokens to the vectors of texts."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, *tokens: torch.Tensor) -> torch.Tensor:
            """Embed."""
            output = self.inner(dict(zip(names, tokens, strict=True)))
            vectors: torch.Tensor = output["sentence_embedding"]
            return vectors

    free = dict.fromkeys((0, 1), torch.export.Dim.DYNAMIC)
    n_bytes = sum(each.numel() * each.element_size() for each in model.parameters())
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                Whole().eval(),
                tuple(inputs[name] for name in names),
                str(folder / ONNX_FILE),
                input_names=names,
                output_names=["sentence_embedding"],
                dynamic_shapes=(tuple(free for _ in names),),
                external_data=n_bytes > _MAX_BYTES,
                dynamo=True,
                verbose=False,
            )
    except ImportError:
        return "onnx or onnxscript is not installed: pip install 'rankloop[train]'"
    except torch.onnx.OnnxExporterError as error:
        return f"torch cannot export it ({type(error).__name__})"
    return ""


def _compare(model: SentenceTransformer, folder: Path, texts: Sequence[str]) -> str:
    """Embed with both; say where they differ."""
    try:
        found = OnnxEmbedder(folder).embed_documents(texts)
    except RankloopError as error:
        return str(error)
    wanted = model.encode_document(
        list(texts), normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
    )
    apart = float(np.abs(found - np.asarray(wanted)).max())
    return "" if apart <= TOLERANCE else f"its vectors are {apart:.1e} from those of torch"
