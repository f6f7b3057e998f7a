"""Models run in this process by ONNX, from a folder: light, and no torch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rankloop.errors import SettingsError
from rankloop.indexing.embedder_local import check_dimension, name_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

PLACES: Final = ("model.onnx", "onnx/model.onnx")
"""Where the export of a model stands in its folder."""

_BATCH: Final = 32
_N_THREADS: Final = 2
_MAX_TOKENS: Final = 512
_NO_LIMIT: Final = 1_000_000


def find_onnx(folder: Path) -> Path | None:
    """Return the ONNX file of a model's folder; None where there is none."""
    found = [folder / place for place in PLACES if (folder / place).is_file()]
    return found[0] if found else None


class OnnxEmbedder:
    """An ONNX export of a sentence-transformers model, as `optimum-cli export onnx` writes it.

    The folder holds `model.onnx` or `onnx/model.onnx` and `tokenizer.json`. A graph that ends with
    one vector a token is pooled as `1_Pooling/config.json` says (by their mean where that is
    absent). How many tokens count is read off `sentence_bert_config.json` or
    `tokenizer_config.json`; what is put before queries and documents off
    `config_sentence_transformers.json`.

    Args:
        folder: Holds the files.
        dimension: Length that the vectors must have; any when left out.

    Raises:
        SettingsError: onnxruntime or tokenizers is not installed, or a file is missing.
        ConflictError: The model makes vectors of another length.
    """

    def __init__(self, folder: Path, dimension: int | None = None) -> None:
        self._model_id = name_folder(folder)
        self._session, self._tokenizer = _load(folder)
        self._inputs = [one.name for one in self._session.get_inputs()]
        pooling = _read(folder / "1_Pooling" / "config.json")
        is_first = pooling.get("pooling_mode_cls_token") or pooling.get("pooling_mode") == "cls"
        self._takes_first = bool(is_first)
        named = _read(folder / "config_sentence_transformers.json").get("prompts") or {}
        self._before_queries, self._before_documents = read_prompts(named)
        self._dimension = int(self._embed(["a"]).shape[1])
        check_dimension(self._model_id, self._dimension, dimension)

    @property
    def model_id(self) -> str:
        """The folder's name and a hash of its content."""
        return self._model_id

    @property
    def dimension(self) -> int:
        """Length of its vectors."""
        return self._dimension

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `[n, dimension]` unit vectors of what people ask."""
        return self._embed_all([self._before_queries + text for text in texts])

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `[n, dimension]` unit vectors of documents."""
        return self._embed_all([self._before_documents + text for text in texts])

    def _embed_all(self, texts: list[str]) -> NDArray[np.float32]:
        """Embed texts in batches."""
        if not texts:
            return np.empty((0, self._dimension), np.float32)
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        vectors = np.empty((len(texts), self._dimension), np.float32)
        # Texts of like length together: a batch is as long as its longest.
        for begin in range(0, len(order), _BATCH):
            places = order[begin : begin + _BATCH]
            vectors[places] = self._embed([texts[place] for place in places])
        return vectors

    def _embed(self, texts: list[str]) -> NDArray[np.float32]:
        """Embed one batch."""
        encoded = self._tokenizer.encode_batch(texts)
        mask = np.array([one.attention_mask for one in encoded], np.int64)
        given = {
            "input_ids": np.array([one.ids for one in encoded], np.int64),
            "attention_mask": mask,
            "token_type_ids": np.array([one.type_ids for one in encoded], np.int64),
        }
        output: NDArray[np.float32] = self._session.run(
            None, {name: given[name] for name in self._inputs}
        )[0]
        pooled = output if output.ndim == 2 else self._pool(output, mask)
        norms = np.linalg.norm(pooled, axis=1, keepdims=True)
        return np.asarray(pooled / np.maximum(norms, 1e-12), np.float32)

    def _pool(self, tokens: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Make one vector of the vectors of tokens, `[n, n_tokens, dimension]`."""
        if self._takes_first:
            return tokens[:, 0]
        weights = mask[:, :, None].astype(np.float32)
        pooled: NDArray[np.float32] = (tokens * weights).sum(axis=1) / weights.sum(axis=1)
        return pooled


def _load(folder: Path) -> tuple[Any, Any]:
    """Load the model and its tokenizer; the libraries are imported here and nowhere else."""
    try:
        import onnxruntime
        from tokenizers import Tokenizer
    except ImportError as error:
        raise SettingsError(
            "an ONNX embedder needs onnxruntime and tokenizers, which are not installed",
            where="embedder.kind",
            hint="pip install 'rankloop[local]'.",
        ) from error
    path, words = find_onnx(folder), folder / "tokenizer.json"
    if path is None or not words.is_file():
        raise SettingsError(
            f"the folder {folder.name!r} lacks {' or '.join(PLACES)}, or tokenizer.json",
            where="embedder.model",
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _N_THREADS
    session = onnxruntime.InferenceSession(
        str(path), sess_options=options, providers=["CPUExecutionProvider"]
    )
    tokenizer = Tokenizer.from_file(str(words))
    tokenizer.enable_truncation(_count_tokens(folder))
    tokenizer.enable_padding()
    return session, tokenizer


def read_prompts(prompts: Mapping[str, str | None]) -> tuple[str, str]:
    """Return what a model wants before queries and before documents.

    Args:
        prompts: Texts by the names that sentence-transformers gives them.

    Example:
        >>> read_prompts({"query": "query: ", "passage": "passage: "})
        ('query: ', 'passage: ')
    """
    named = [name for name in ("document", "passage", "corpus") if name in prompts]
    return prompts.get("query") or "", (prompts[named[0]] or "") if named else ""


def _count_tokens(folder: Path) -> int:
    """Return how many tokens of a text count: what the model was trained with."""
    said = _read(folder / "sentence_bert_config.json").get("max_seq_length")
    most = said or _read(folder / "tokenizer_config.json").get("model_max_length") or _MAX_TOKENS
    # A tokenizer that knows no limit says 10^30.
    return int(most) if most < _NO_LIMIT else _MAX_TOKENS


def _read(path: Path) -> dict[str, Any]:
    """Read a JSON file of the folder; nothing where it is absent."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
