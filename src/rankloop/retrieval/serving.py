"""Rankings for every retriever, each by the pipeline that it has in use."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rankloop.errors import NotFoundError
from rankloop.retrieval.pipeline import Pipeline
from rankloop.retrieval.specification import read_pipeline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rankloop.catalog.retrievers import RetrieverCatalog, RetrieverVersion
    from rankloop.indexing.base import Embedder
    from rankloop.indexing.library import Library
    from rankloop.retrieval.answers import Outcome
    from rankloop.retrieval.assembly import Assembly
    from rankloop.stages.base import Candidates, Query

N_WORKERS: Final = 4
"""Rankings that are made at a time; others wait in line."""

_UNCONFIGURED: Final = 0
"""The version of a retriever that has documents and no pipeline of its own."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a ranking is wanted.

    Attributes:
        limit: Results, 1 to 1,000.
        offset: Results skipped, from 0.
        explain: Whether each result says what moved it.
    """

    limit: int
    offset: int
    explain: bool = False


@dataclass(frozen=True, slots=True)
class RankingRequest:
    """One ranking, asked for.

    Attributes:
        query: What was asked, by whom, of which retriever, when.
        page: Which part of it is wanted.
        candidates: What to rank anew; None where documents are to be found.
    """

    query: Query
    page: Page
    candidates: Candidates | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """One ranking, made.

    Attributes:
        outcome: What the pipeline answers.
        pipeline: Its name, such as `products@12`.
    """

    outcome: Outcome
    pipeline: str


@dataclass(frozen=True, slots=True)
class _Built:
    """A pipeline, and what it was built for."""

    version: int
    embedder: Embedder | None
    pipeline: Pipeline


class Serving:
    """Ranks with the pipelines in use; a change is in use with the next request.

    A pipeline is built once for each version, and anew where its documents got another embedder.
    Requests under way finish with the one they began with.

    Args:
        catalog: Which version of each retriever is in use.
        library: The documents of all retrievers.
        assembly: What stages are built from.
    """

    def __init__(self, catalog: RetrieverCatalog, library: Library, assembly: Assembly) -> None:
        self._catalog = catalog
        self._library = library
        self._assembly = assembly
        self._built: dict[str, _Built] = {}
        self._lock = threading.Lock()
        self.workers = ThreadPoolExecutor(N_WORKERS, thread_name_prefix="serving")

    def rank(self, request: RankingRequest) -> Ranked:
        """Rank documents, or candidates where the request brings them.

        Raises:
            NotFoundError: The retriever has neither a pipeline nor documents.
            InputError: The page, the query or the candidates cannot be served.
        """
        retriever_id, page = request.query.retriever_id, request.page
        built = self._find_built(retriever_id)
        pipeline = built.pipeline
        if request.candidates is None:
            outcome = pipeline.run(
                request.query, limit=page.limit, offset=page.offset, explain=page.explain
            )
        else:
            outcome = pipeline.rerank(
                request.query,
                request.candidates,
                limit=page.limit,
                offset=page.offset,
                explain=page.explain,
            )
        return Ranked(outcome, f"{retriever_id}@{built.version}")

    def find(self, retriever_id: str) -> RetrieverVersion:
        """Return the pipeline in use.

        Raises:
            NotFoundError: There is no such retriever.
        """
        version = self._catalog.find(retriever_id)
        if version is None:
            raise _not_found(retriever_id)
        return version

    def configure(self, retriever_id: str, configuration: Mapping[str, Any]) -> RetrieverVersion:
        """Put a pipeline into use, once it could be built.

        Raises:
            PipelineError: A stage or a field is wrong; it carries every fault.
        """
        self._build(retriever_id, configuration)
        version = self._catalog.put(retriever_id, configuration)
        self._library.refresh(retriever_id)
        return version

    def restore(self, retriever_id: str, version: int) -> RetrieverVersion:
        """Put an older version into use again, as a new one.

        Raises:
            NotFoundError: There is no such retriever, or it has no such version.
        """
        restored = self._catalog.restore(retriever_id, version)
        self._library.refresh(retriever_id)
        return restored

    def remove(self, retriever_id: str) -> None:
        """Take a retriever and its documents out of use.

        Raises:
            NotFoundError: It has neither a pipeline nor documents.
        """
        is_configured = self._catalog.find(retriever_id) is not None
        if not is_configured and not self._library.holds(retriever_id):
            raise _not_found(retriever_id)
        if is_configured:
            self._catalog.delete(retriever_id)
        self._library.drop(retriever_id)
        self.forget(retriever_id)

    def warm(self) -> None:
        """Build the pipelines in use in the background, so that no request waits for it.

        Counters that they need begin to be read as well.
        """
        for version in self._catalog.in_use():
            self.workers.submit(self._find_built, version.retriever_id)

    def forget(self, retriever_id: str) -> None:
        """Build a retriever's pipeline anew at its next request."""
        with self._lock:
            self._built.pop(retriever_id, None)

    def close(self) -> None:
        """Let the workers end."""
        self.workers.shutdown(wait=True, cancel_futures=True)
        self._assembly.close()

    def _find_built(self, retriever_id: str) -> _Built:
        """Return the pipeline in use, built where it is not yet."""
        current = self._catalog.find(retriever_id)
        if current is None and not self._library.holds(retriever_id):
            raise _not_found(retriever_id)
        version = current.version if current else _UNCONFIGURED
        embedder = self._library.open(retriever_id).embedder
        built = self._built.get(retriever_id)
        if built is None or built.version != version or built.embedder is not embedder:
            configuration = current.configuration if current else {}
            with self._lock:
                built = _Built(version, embedder, self._build(retriever_id, configuration))
                self._built[retriever_id] = built
        return built

    def _build(self, retriever_id: str, configuration: Mapping[str, Any]) -> Pipeline:
        """Build a pipeline."""
        spec = read_pipeline(configuration)
        return Pipeline(spec, self._assembly.gather(retriever_id, spec))


def _not_found(retriever_id: str) -> NotFoundError:
    return NotFoundError(
        f"no retriever is called {retriever_id!r}",
        where="/retriever_id",
        hint="PUT /v1/retrievers/{id} gives it a pipeline; documents alone are enough, too.",
    )
