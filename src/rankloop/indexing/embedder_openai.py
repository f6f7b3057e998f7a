"""Models behind an OpenAI-compatible `/v1/embeddings`: any vendor's, or one's own server."""

from __future__ import annotations

import random
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import httpx2
import msgspec
import numpy as np

from rankloop.errors import UnavailableError
from rankloop.indexing.embedder_local import check_dimension

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_RETRIED: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_FIRST_WAIT_S: Final = 0.25
_LONGEST_WAIT_S: Final = 10.0
_PROBE: Final = "dimension"


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """Where an endpoint is, and how patient to be with it."""

    base_url: str = "https://api.openai.com/v1"
    """Its address, up to and without `/embeddings`."""

    api_key: str = field(default="", repr=False)
    """Sent as a bearer token; nothing is sent when empty."""

    models: tuple[str, ...] = ()
    """Names of the models that it is known to have."""

    timeout_s: float = 30.0
    """How long one call about documents may take, in seconds."""

    query_timeout_s: float = 2.0
    """How long one call about a query may take, in seconds; it is made once."""

    max_retries: int = 4
    """How often a call about documents is made again."""

    batch_size: int = 64
    """Most texts of one call."""

    n_cached: int = 10_000
    """Query vectors that are kept, the least recently used going first."""


class _Row(msgspec.Struct, frozen=True):
    index: int
    embedding: list[float]


class _Body(msgspec.Struct, frozen=True):
    data: list[_Row]


class OpenAIEmbedder:
    """A model behind an endpoint.

    Texts of documents are sent in batches; a batch that is refused for now (429, 5xx, no answer in
    time) is sent again after a wait that doubles, or that the endpoint asks for. A query is sent
    once: who asked is waiting. Its vector is kept.

    Args:
        model: The endpoint's name of the model.
        endpoint: Where it is.
        dimension: Length that the vectors must have; when left out, that of the first answer.
        sleep: Waits between two tries.
        rng: Spreads the waits of many clients.
    """

    def __init__(
        self,
        model: str,
        endpoint: EndpointConfig | None = None,
        dimension: int | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self._model = model
        self._endpoint = endpoint or EndpointConfig()
        self._dimension = dimension
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 spreads waits
        key = self._endpoint.api_key
        self._client = httpx2.Client(headers={"authorization": f"Bearer {key}"} if key else {})
        self._url = f"{self._endpoint.base_url.rstrip('/')}/embeddings"
        self._cache: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def model_id(self) -> str:
        """The endpoint's name of the model."""
        return self._model

    @property
    def dimension(self) -> int:
        """Length of its vectors; where nobody said, the endpoint is asked, once."""
        if self._dimension is None:
            self.embed_documents([_PROBE])
        if self._dimension is None:
            raise UnavailableError("the embedding endpoint has not answered yet")
        return self._dimension

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `[n, dimension]` unit vectors of what people ask; see `Embedder`."""
        with self._lock:
            known = {text: self._cache[text] for text in texts if text in self._cache}
            for text in known:
                self._cache.move_to_end(text)
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        for begin in range(0, len(missing), self._endpoint.batch_size):
            batch = missing[begin : begin + self._endpoint.batch_size]
            vectors = self._embed(batch, self._endpoint.query_timeout_s, n_retries=0)
            known.update(zip(batch, vectors, strict=True))
        with self._lock:
            self._cache.update({text: known[text] for text in missing})
            while len(self._cache) > self._endpoint.n_cached:
                self._cache.popitem(last=False)
        rows = [known[text] for text in texts]
        return np.stack(rows) if rows else np.empty((0, self.dimension), np.float32)

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `[n, dimension]` unit vectors of documents; see `Embedder`."""
        size = self._endpoint.batch_size
        parts = [
            self._embed(
                texts[begin : begin + size], self._endpoint.timeout_s, self._endpoint.max_retries
            )
            for begin in range(0, len(texts), size)
        ]
        return np.concatenate(parts) if parts else np.empty((0, self.dimension), np.float32)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _embed(self, texts: Sequence[str], timeout_s: float, n_retries: int) -> NDArray[np.float32]:
        """Embed one batch, again after a wait where that may help."""
        content = msgspec.json.encode(
            {"model": self._model, "input": list(texts), "encoding_format": "float"}
        )
        for n_tried in range(n_retries + 1):
            status, wait_s, body = self._post(content, timeout_s)
            if status == httpx2.codes.OK:
                return self._read(body, len(texts))
            if status and status not in _RETRIED:
                raise UnavailableError(
                    f"the embedding endpoint refuses {self._model!r} with status {status}",
                    where="embedder",
                    hint="Check its address, its key and the name of the model.",
                )
            if n_tried < n_retries:
                doubled_s = _FIRST_WAIT_S * 2**n_tried * (0.5 + self._rng.random())
                self._sleep(min(max(wait_s, doubled_s), _LONGEST_WAIT_S))
        said = f"answers with status {status}" if status else "does not answer"
        raise UnavailableError(f"the embedding endpoint {said}", where="embedder")

    def _post(self, content: bytes, timeout_s: float) -> tuple[int, float, bytes]:
        """Send one batch; return status (0 without an answer), the wait asked for, and the body."""
        try:
            answer = self._client.post(
                self._url,
                content=content,
                headers={"content-type": "application/json"},
                timeout=timeout_s,
            )
        except (httpx2.HTTPError, httpx2.InvalidURL):
            return 0, 0.0, b""
        asked = answer.headers.get("retry-after", "")
        return answer.status_code, float(asked) if asked.isdigit() else 0.0, answer.content

    def _read(self, body: bytes, count: int) -> NDArray[np.float32]:
        """Read vectors off an answer and bring them to unit length."""
        try:
            rows = sorted(msgspec.json.decode(body, type=_Body).data, key=lambda row: row.index)
            vectors = np.array([row.embedding for row in rows], np.float64)
        except (msgspec.DecodeError, ValueError) as error:
            raise UnavailableError("the embedding endpoint answers with no embeddings") from error
        if vectors.ndim != 2 or len(vectors) != count:
            raise UnavailableError(
                f"the embedding endpoint answers with {len(rows)} embeddings of {count}"
            )
        check_dimension(self._model, vectors.shape[1], self._dimension)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(norms).all() or not norms.all():
            raise UnavailableError("the embedding endpoint answers with an embedding of zeros")
        self._dimension = vectors.shape[1]
        return np.asarray(vectors / norms, np.float32)
