"""Rankings for every retriever, each by the pipeline that it has in use."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rankloop.errors import ConflictError, NotFoundError
from rankloop.models.shelf import KINDS, ServingModels
from rankloop.retrieval.fitting import check_fit, check_made_by, keep_fitting
from rankloop.retrieval.pipeline import Pipeline
from rankloop.retrieval.specification import read_pipeline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rankloop.catalog.retrievers import RetrieverCatalog, RetrieverVersion
    from rankloop.indexing.base import Embedder
    from rankloop.indexing.library import Library
    from rankloop.indexing.retriever_index import RetrieverIndex
    from rankloop.models.manifest import Kind
    from rankloop.models.shelf import LoadedModel, ModelShelf
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
        pipeline: Its name, such as `products@12`, and those of the models that took part, such as
            `products@12+m7`.
    """

    outcome: Outcome
    pipeline: str


@dataclass(frozen=True, slots=True)
class _State:
    """What a pipeline is built of; another one is built once any of it changes."""

    version: int
    embedder: Embedder | None
    dimension: int | None
    model_ids: tuple[tuple[Kind, str], ...]


@dataclass(frozen=True, slots=True)
class _Built:
    """A pipeline, what it was built of, and its name in the log."""

    state: _State
    pipeline: Pipeline
    name: str


class Serving:
    """Ranks with the pipelines in use; a change is in use with the next request.

    A pipeline is built once for each version, and anew where its documents got another embedder or
    another model was promoted. Requests under way finish with the one they began with.

    Args:
        catalog: Which version of each retriever is in use.
        library: The documents of all retrievers.
        assembly: What stages are built from.
        models: The trained models, and which of them serve.
    """

    def __init__(
        self,
        catalog: RetrieverCatalog,
        library: Library,
        assembly: Assembly,
        models: ModelShelf,
    ) -> None:
        self._catalog = catalog
        self._library = library
        self._assembly = assembly
        self._models = models
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
        return Ranked(outcome, built.name)

    def pipeline(
        self,
        retriever_id: str,
        models: Mapping[Kind, str | None] | None = None,
        index: RetrieverIndex | None = None,
    ) -> Pipeline:
        """Build the pipeline in use with other models than the promoted ones, to try them.

        What it ranks is not recorded.

        Args:
            retriever_id: Whose pipeline.
            models: The model to take by kind, None for none of it; kinds that are left out take
                the promoted one.
            index: Where documents are found, such as a copy that an encoder embedded; the
                retriever's own index when left out.

        Raises:
            NotFoundError: There is no such retriever, or no such model.
            ConflictError: A model cannot be loaded, is of another kind, or does not go with the
                documents; an encoder does once the documents were embedded with it.
        """
        self.check_known(retriever_id)
        index = index or self._library.open(retriever_id)
        loaded = dict(self._choose(retriever_id, index).loaded)
        encoder = loaded.get("encoder")
        for kind, model_id in (models or {}).items():
            if kind == "encoder":
                check_made_by(model_id, index, encoder.model_id if encoder else None)
                continue
            loaded.pop(kind, None)
            if model_id is not None:
                loaded[kind] = _check_kind(self._models.load(model_id), kind)
                check_fit(loaded[kind], index)
        current = self._catalog.find(retriever_id)
        spec = read_pipeline(current.configuration if current else {})
        parts = self._assembly.gather(retriever_id, spec, ServingModels.of(loaded), index)
        return Pipeline(spec, parts)

    def is_serving(self, retriever_id: str, model_id: str) -> bool:
        """Say whether a model takes part in a retriever's rankings now."""
        models = self._choose(retriever_id, self._library.open(retriever_id))
        return model_id in models.model_ids

    def find(self, retriever_id: str) -> RetrieverVersion:
        """Return the pipeline in use.

        Raises:
            NotFoundError: There is no such retriever.
        """
        version = self._catalog.find(retriever_id)
        if version is None:
            raise _not_found(retriever_id)
        return version

    def check_known(self, retriever_id: str) -> None:
        """Refuse a retriever that has neither a pipeline nor documents.

        Raises:
            NotFoundError: It has neither.
        """
        if self._catalog.find(retriever_id) is None and not self._library.holds(retriever_id):
            raise _not_found(retriever_id)

    def configure(self, retriever_id: str, configuration: Mapping[str, Any]) -> RetrieverVersion:
        """Put a pipeline into use, once it could be built.

        Raises:
            PipelineError: A stage or a field is wrong; it carries every fault.
        """
        models = self._choose(retriever_id, self._library.open(retriever_id))
        self._build(retriever_id, configuration, models)
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
        self.check_known(retriever_id)
        self._models.catalog.retire_all(retriever_id, "its retriever was removed")
        if self._catalog.find(retriever_id) is not None:
            self._catalog.delete(retriever_id)
        self._library.drop(retriever_id)
        self.forget(retriever_id)

    def warm(self) -> None:
        """Build the pipelines in use in the background, so that no request waits for it.

        Counters that they need begin to be read as well, and documents whose embedding anew was
        broken off are embedded.
        """
        for version in self._catalog.in_use():
            self.workers.submit(self._warm, version.retriever_id)

    def forget(self, retriever_id: str) -> None:
        """Build a retriever's pipeline anew at its next request."""
        with self._lock:
            self._built.pop(retriever_id, None)

    def close(self) -> None:
        """Let the workers end."""
        self.workers.shutdown(wait=True, cancel_futures=True)
        self._assembly.close()

    def _warm(self, retriever_id: str) -> None:
        """Build one pipeline, and see to its documents."""
        self._find_built(retriever_id)
        self._library.catch_up(retriever_id)

    def _find_built(self, retriever_id: str) -> _Built:
        """Return the pipeline in use, built where it is not yet."""
        self.check_known(retriever_id)
        current = self._catalog.find(retriever_id)
        index = self._library.open(retriever_id)
        state = _State(
            current.version if current else _UNCONFIGURED,
            index.embedder,
            index.dimension,
            tuple(self._models.promoted(retriever_id).items()),
        )
        built = self._built.get(retriever_id)
        if built is None or built.state != state:
            configuration = current.configuration if current else {}
            with self._lock:
                waited = self._built.get(retriever_id)
                if waited is not None and waited.state == state:
                    return waited
                models = self._choose(retriever_id, index)
                pipeline = self._build(retriever_id, configuration, models)
                name = "+".join([f"{retriever_id}@{state.version}", *models.model_ids])
                built = self._built[retriever_id] = _Built(state, pipeline, name)
        return built

    def _choose(self, retriever_id: str, index: RetrieverIndex) -> ServingModels:
        """Load the promoted models that go with a retriever's documents."""
        return keep_fitting(self._models.serving(retriever_id), index, self._models)

    def _build(
        self, retriever_id: str, configuration: Mapping[str, Any], models: ServingModels
    ) -> Pipeline:
        """Build a pipeline."""
        spec = read_pipeline(configuration)
        return Pipeline(spec, self._assembly.gather(retriever_id, spec, models))


def _check_kind(model: LoadedModel, kind: Kind) -> LoadedModel:
    """Return a model if it is of a kind."""
    if model.manifest.kind != kind:
        raise ConflictError(
            f"the model {model.model_id!r} is of kind {model.manifest.kind!r}, not {kind!r}",
            where=f"/{kind}",
            hint=f"Kinds are {', '.join(KINDS)}.",
        )
    return model


def _not_found(retriever_id: str) -> NotFoundError:
    return NotFoundError(
        f"no retriever is called {retriever_id!r}",
        where="/retriever_id",
        hint="PUT /v1/retrievers/{id} gives it a pipeline; documents alone are enough, too.",
    )
