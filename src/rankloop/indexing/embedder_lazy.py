"""An embedder that is built when it is first asked, and made sure of: the model it must be."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from rankloop.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from rankloop.indexing.base import Embedder


class LazyEmbedder:
    """An embedder that is built when it is first asked: a model takes seconds to load.

    Args:
        build: Builds it.
        model_id: The model that it must turn out to be.
    """

    def __init__(self, build: Callable[[], Embedder | None], model_id: str | None) -> None:
        self._build = build
        self._wanted = model_id
        self._lock = threading.Lock()
        self._embedder: Embedder | None = None

    @property
    def model_id(self) -> str:
        """Name of the model."""
        return self._inner().model_id

    @property
    def dimension(self) -> int:
        """Length of its vectors."""
        return self._inner().dimension

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `[n, dimension]` unit vectors of what people ask."""
        return self._inner().embed_queries(texts)

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `[n, dimension]` unit vectors of documents."""
        return self._inner().embed_documents(texts)

    def _inner(self) -> Embedder:
        """Return the embedder.

        Raises:
            ConflictError: Under its name there is another model now; both are named.
        """
        with self._lock:
            if self._embedder is None:
                embedder = self._build()
                if embedder is None or embedder.model_id != self._wanted:
                    found = None if embedder is None else embedder.model_id
                    raise ConflictError(
                        f"the index was filled by {self._wanted!r}, and the model is {found!r} now",
                        where="embedder.model",
                    )
                self._embedder = embedder
            return self._embedder
