"""The query's vector: checked where a caller sent one, made once and on demand where not."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.errors import Fault, FaultsError
from rankloop.retrieval.running import to_reason
from rankloop.telemetry import log_event

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.retrieval.parts import Parts
    from rankloop.retrieval.placing import StageSpec
    from rankloop.retrieval.running import StageTimes
    from rankloop.stages.base import Query

EMBEDDING_TIMEOUT_S: Final = 1.0
"""What turning a query into a vector may take."""

NO_VECTOR: Final = "no_vector"
"""The query has no vector, and nothing makes one; or the index holds none to compare it with."""


log = logging.getLogger(__name__)


class QueryEmbedding:
    """The vector of one request's query, moved by the adapter where one serves."""

    def __init__(self, parts: Parts, times: StageTimes) -> None:
        self._parts = parts
        self._times = times
        self._missing = ""
        self.took_ms: float | None = None

    def check(self, query: Query) -> Query:
        """Check the vector that a caller sent, and let the adapter move it.

        It must compare with the documents' vectors, so it comes from the model that made them,
        which is the one that the adapter was trained for.

        Raises:
            FaultsError: It is no vector of the index's length, or not finite.
        """
        vector, dimension = query.vector, self._parts.index.dimension
        if vector is None or dimension is None:
            return replace(query, vector=None)
        if vector.shape != (dimension,):
            detail = f"a vector has {dimension:,} numbers here, this one has {vector.size:,}"
            raise FaultsError(detail, [Fault("/vector", "wrong_dimension", detail)])
        if not np.isfinite(vector).all():
            detail = "every number of a vector must be finite"
            raise FaultsError(detail, [Fault("/vector", "out_of_range", detail)])
        return replace(query, vector=self._adapt(vector))

    def complete(self, query: Query, spec: StageSpec) -> Query:
        """Give the query a vector, if it can have one; name the stage that goes without.

        Args:
            query: What is asked.
            spec: The stage that wants the vector.
        """
        if query.vector is not None:
            return query
        if not self._missing:
            vector = self._embed(query.text)
            if vector is not None:
                return replace(query, vector=vector)
        self._times.skip(spec, self._missing)
        return query

    def _embed(self, text: str) -> NDArray[np.float32] | None:
        """Make the vector, or remember why there is none."""
        embedder, dimension = self._parts.embedder, self._parts.index.dimension
        if embedder is None or dimension is None or not text.strip():
            self._missing = NO_VECTOR
            return None
        began = time.perf_counter()
        try:
            # At most half of the time left: the other half is for finding by words instead.
            budget_s = min(EMBEDDING_TIMEOUT_S, self._times.left_s / 2)
            vectors = self._times.wait(lambda: embedder.embed_queries([text]), budget_s)
        except Exception as error:  # noqa: BLE001 a search never fails because a model does
            self._missing = f"embedder_{to_reason(error)}"
            return None
        finally:
            self.took_ms = (time.perf_counter() - began) * 1e3
        vector: NDArray[np.float32] = vectors[0]
        if vector.shape != (dimension,):
            self._missing = "embedder_mismatch"
            return None
        return self._adapt(vector)

    def _adapt(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Move a vector; it stays where it is if the adapter fails."""
        adapter = self._parts.models.adapter
        if adapter is None:
            return vector
        try:
            # A caller's vector may have any length but 0.
            unit = vector / np.linalg.norm(vector)
            moved: NDArray[np.float32] = adapter.apply(unit[np.newaxis])[0]
            if moved.shape != vector.shape or not np.isfinite(moved).all():
                raise ValueError("no vector of the same length came back")
        except Exception as error:  # noqa: BLE001 a search never fails because a model does
            log_event(log, "adapter_failed", error=type(error).__name__)
            return vector
        return moved
