"""Pipelines with a model on trial; an encoder gets a copy of the documents, embedded by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rankloop.indexing.embedders import EmbedderSpec
from rankloop.retrieval.fitting import check_fit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from rankloop.indexing.library import Library
    from rankloop.indexing.retriever_index import RetrieverIndex
    from rankloop.models.manifest import Manifest
    from rankloop.models.shelf import ModelShelf
    from rankloop.retrieval.pipeline import Pipeline
    from rankloop.retrieval.serving import Serving


class Workbench:
    """Builds pipelines with models that do not serve; leave it, and nothing of them is left.

    Args:
        serving: What builds pipelines.
        documents: The documents.
        models: Every model.
        folder: Where copies of documents go.
    """

    def __init__(
        self, serving: Serving, documents: Library, models: ModelShelf, folder: Path
    ) -> None:
        self._serving = serving
        self._documents = documents
        self._models = models
        self._folder = folder
        self._copies: dict[str, RetrieverIndex] = {}

    def __enter__(self) -> Self:
        """Take the workbench."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the copies."""
        for copy in self._copies.values():
            copy.close()
        self._copies = {}

    def build(
        self, manifest: Manifest, tick: Callable[[float], None] = lambda _share: None
    ) -> tuple[Pipeline, Pipeline]:
        """Build the pipeline in use, and the same with a model.

        Args:
            manifest: The model.
            tick: Told how far the documents of an encoder are embedded, in [0, 1].

        Raises:
            ConflictError: The model does not go with the documents.
            SettingsError: An encoder cannot be run here.
        """
        retriever_id, wanted = manifest.retriever_id, {manifest.kind: manifest.model_id}
        copy = self._copy(manifest, tick) if manifest.kind == "encoder" else None
        return (
            self._serving.pipeline(retriever_id),
            self._serving.pipeline(retriever_id, wanted, copy),
        )

    def _copy(self, manifest: Manifest, tick: Callable[[float], None]) -> RetrieverIndex:
        """Return the documents as an encoder embeds them."""
        model_id = manifest.model_id
        if model_id not in self._copies:
            model = self._models.load(model_id)
            check_fit(model, self._documents.open(manifest.retriever_id))
            self._copies[model_id] = self._documents.copy_anew(
                manifest.retriever_id,
                EmbedderSpec("local", str(model.folder)),
                self._folder / f"documents-{len(self._copies)}",
                tick,
            )
        return self._copies[model_id]
