"""What each retriever's stages are built from, gathered from the parts of the installation."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from rankloop.retrieval.parts import N_WORKERS, Parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2

    from rankloop.counters.base import ServingCounters
    from rankloop.counters.day_histories import DayHistories
    from rankloop.indexing.library import Library
    from rankloop.indexing.retriever_index import RetrieverIndex
    from rankloop.models.shelf import ServingModels
    from rankloop.retrieval.parts import EngineAccess
    from rankloop.retrieval.specification import PipelineSpec
    from rankloop.telemetry import Metrics


class Assembly:
    """Gathers the parts of one retriever's pipeline.

    Args:
        library: The documents of all retrievers.
        counters: Popularity and histories.
        metrics: Where stages are counted and timed.
        engines: What other engines are sent, by the name that the settings give them.
        histories: Clicks and looks up to the start of each day.
    """

    def __init__(
        self,
        library: Library,
        counters: ServingCounters,
        metrics: Metrics,
        engines: Mapping[str, EngineAccess] | None = None,
        histories: DayHistories | None = None,
    ) -> None:
        self._library = library
        self._counters = counters
        self._metrics = metrics
        self._engines = engines or {}
        self._histories = histories
        self._workers = ThreadPoolExecutor(N_WORKERS, thread_name_prefix="rankloop-stage")
        self._client: httpx2.Client | None = None

    def gather(
        self,
        retriever_id: str,
        spec: PipelineSpec,
        models: ServingModels,
        index: RetrieverIndex | None = None,
    ) -> Parts:
        """Gather what the stages of a pipeline may be built from.

        Args:
            retriever_id: Whose pipeline.
            spec: The pipeline.
            models: The trained models that take part.
            index: Where documents are found; the retriever's own index when left out.
        """
        index = index or self._library.open(retriever_id)
        asks_others = any(stage.kind.blocks for stage in spec.stages)
        return Parts(
            index=index,
            embedder=index.embedder,
            counters=self._counters,
            http=self._http if asks_others else None,
            engines=self._engines,
            workers=self._workers,
            metrics=self._metrics,
            models=models,
            histories=self._histories,
        )

    def close(self) -> None:
        """Let the threads end and the connections go."""
        self._workers.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.close()

    @functools.cached_property
    def _http(self) -> httpx2.Client:
        """The connections to other engines; the library takes .1 s to import."""
        import httpx2

        self._client = httpx2.Client(follow_redirects=False)
        return self._client
