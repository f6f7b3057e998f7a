"""Models run in this process by sentence-transformers, from a folder or by their hub name."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rankloop.errors import ConflictError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_BATCH: Final = 32
_READ_BYTES: Final = 1 << 20


def name_folder(folder: Path) -> str:
    """Name the model in a folder by what is in it, so that another under the same path differs.

    Args:
        folder: Holds the model's files.
    """
    digest = hashlib.blake2b(digest_size=6)
    weights = [*folder.rglob("*.safetensors"), *folder.rglob("*.onnx"), *folder.rglob("*.bin")]
    for path in sorted([*weights, *folder.glob("*.json")]):
        with path.open("rb") as file:
            while piece := file.read(_READ_BYTES):
                digest.update(piece)
    return f"{folder.resolve().name}@{digest.hexdigest()}"


class LocalEmbedder:
    """A sentence-transformers model.

    Queries and documents go through the model's own prompts for each, where it has them.

    Args:
        model: A folder, or a name on the hub (which is then fetched, once).
        dimension: Length that the vectors must have; any when left out.

    Raises:
        SettingsError: sentence-transformers is not installed, or there is no such model.
        ConflictError: The model makes vectors of another length.
    """

    def __init__(self, model: str, dimension: int | None = None) -> None:
        folder = Path(model)
        self._model_id = name_folder(folder) if folder.is_dir() else model
        self._model = _load(model)
        self._dimension = int(self._model.get_embedding_dimension())
        check_dimension(self._model_id, self._dimension, dimension)

    @property
    def model_id(self) -> str:
        """The hub name, or the folder's name and a hash of its content."""
        return self._model_id

    @property
    def dimension(self) -> int:
        """Length of its vectors."""
        return self._dimension

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `[n, dimension]` unit vectors of what people ask."""
        return self._embed(self._model.encode_query, texts)

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `[n, dimension]` unit vectors of documents."""
        return self._embed(self._model.encode_document, texts)

    def _embed(self, encode: Callable[..., Any], texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts with one of the model's two ways."""
        if not texts:
            return np.empty((0, self._dimension), np.float32)
        vectors = encode(
            list(texts),
            batch_size=_BATCH,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, np.float32)


def check_dimension(model_id: str, found: int, wanted: int | None) -> None:
    """Refuse a model whose vectors have another length than was asked for.

    Raises:
        ConflictError: They differ; both are named.
    """
    if wanted is not None and found != wanted:
        raise ConflictError(
            f"{model_id} makes vectors of length {found}, not {wanted}", where="/embedder/dimension"
        )


def _load(model: str) -> Any:  # noqa: ANN401 a library that is not always there
    """Load a model with the library, which is imported here and nowhere else in this room."""
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise SettingsError(
            "a local embedder needs sentence-transformers, which is not installed",
            where="embedder.kind",
            hint="pip install 'rankloop[train]', or give the folder of an ONNX export.",
        ) from error
    try:
        return SentenceTransformer(model, device="cpu")
    except (OSError, ValueError, KeyError) as error:
        raise SettingsError(
            f"there is no model {model!r} that can be loaded",
            where="embedder.model",
            hint="Give a folder that holds a sentence-transformers model, or a hub name.",
        ) from error
