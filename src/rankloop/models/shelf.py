"""The models at hand: trained ones kept, promoted ones loaded once and checked."""

from __future__ import annotations

import logging
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from rankloop.errors import NotFoundError, RankloopError
from rankloop.models.adapter import QueryAdapter
from rankloop.models.ranker import Ranker
from rankloop.telemetry import log_event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rankloop.catalog.models import ModelCatalog
    from rankloop.models.folder import ModelFolders
    from rankloop.models.manifest import Kind, Manifest

KINDS: Final[tuple[Kind, ...]] = ("encoder", "adapter", "ranker")
"""Every kind of model, in the order in which they take part in a ranking."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that is what was trained.

    Attributes:
        manifest: What it was made of.
        folder: Where its files stand.
        part: What does its work; None for an encoder, which is loaded by its folder.
    """

    manifest: Manifest
    folder: Path
    part: QueryAdapter | Ranker | None = None

    @property
    def model_id(self) -> str:
        """Its name."""
        return self.manifest.model_id


@dataclass(frozen=True, slots=True)
class ServingModels:
    """The models that take part in the rankings of one retriever.

    Attributes:
        adapter: Moves the vectors of queries; None where none serves.
        ranker: Scores candidates; None where none serves.
        encoder: Folder of the model that makes the vectors; None where the pipeline's own does.
        loaded: Each with its manifest and folder, by kind.
    """

    adapter: QueryAdapter | None = None
    ranker: Ranker | None = None
    encoder: Path | None = None
    loaded: Mapping[Kind, LoadedModel] = field(default_factory=dict)

    @classmethod
    def of(cls, loaded: Mapping[Kind, LoadedModel]) -> ServingModels:
        """Put loaded models to their work."""
        adapter, ranker, encoder = (loaded.get(kind) for kind in ("adapter", "ranker", "encoder"))
        return cls(
            cast("QueryAdapter", adapter.part) if adapter else None,
            cast("Ranker", ranker.part) if ranker else None,
            encoder.folder if encoder else None,
            loaded,
        )

    @property
    def model_ids(self) -> tuple[str, ...]:
        """Names of those that take part, in the order in which they do."""
        return tuple(self.loaded[kind].model_id for kind in KINDS if kind in self.loaded)


class ModelShelf:
    """Every model of one data folder, each loaded at most once.

    Args:
        folders: Where their files stand.
        catalog: How far each has come, and which serve.
    """

    def __init__(self, folders: ModelFolders, catalog: ModelCatalog) -> None:
        self.folders = folders
        self.catalog = catalog
        self._loaded: dict[str, LoadedModel] = {}
        self._failures: dict[str, RankloopError] = {}
        self._keeping = threading.Lock()
        self._lock = threading.Lock()

    def keep(self, manifest: Manifest, source: Path) -> Manifest:
        """Copy a trained model's files to their place, seal them and put the model on record.

        The files come first: where the machine dies in between, a second call ends the work, and
        after that another changes nothing.

        Args:
            manifest: What it was made of; the checksums of its files are added.
            source: A folder with its files and nothing else.

        Raises:
            ConflictError: What stands under its name is not what was written.
            UnavailableError: The disk does not take it.
        """
        with self._keeping:
            try:
                kept = self.folders.read(manifest.model_id)
            except NotFoundError:
                with self.folders.writing(manifest.model_id) as folder:
                    # What an earlier attempt left is no part of this one.
                    shutil.rmtree(folder)
                    shutil.copytree(source, folder)
                    kept = self.folders.seal(folder, manifest)
            try:
                self.catalog.find(kept.model_id)
            except NotFoundError:
                self.catalog.add(kept.model_id, kept.kind, kept.retriever_id)
        return kept

    def load(self, model_id: str) -> LoadedModel:
        """Load a model, checked against its manifest; the same object every time.

        Raises:
            NotFoundError: There is no such model.
            ConflictError: A file is not what was written, or another version wrote it.
        """
        found = self._loaded.get(model_id)
        if found is not None:
            return found
        with self._lock:
            manifest = self.folders.read(model_id)
            folder = self.folders.path_of(model_id)
            loaded = LoadedModel(manifest, folder, _read(folder, manifest))
            self._loaded[model_id] = loaded
        self.succeed(model_id)
        return loaded

    def check(self, model_id: str) -> LoadedModel:
        """Load a model, its files held against the manifest even if it was loaded before.

        Raises:
            NotFoundError: There is no such model.
            ConflictError: A file is not what was written, or another version wrote it.
        """
        self.folders.read(model_id)
        return self.load(model_id)

    def promoted(self, retriever_id: str) -> dict[Kind, str]:
        """Name the models that are to serve a retriever, by kind; costs a look-up."""
        records = {kind: self.catalog.serving(retriever_id, kind) for kind in KINDS}
        return {kind: record.model_id for kind, record in records.items() if record is not None}

    def serving(self, retriever_id: str) -> ServingModels:
        """Load the models that are to serve a retriever; one that cannot be loaded is left out.

        `failure` says why.
        """
        loaded: dict[Kind, LoadedModel] = {}
        for kind, model_id in self.promoted(retriever_id).items():
            try:
                loaded[kind] = self.load(model_id)
            except RankloopError as error:
                self.fail(model_id, error)
        return ServingModels.of(loaded)

    def find_encoder(self, folder: str) -> LoadedModel | None:
        """Return the encoder that stands in a folder; None where that is no model of ours."""
        model_id = Path(folder).name
        if not model_id or self.folders.path_of(model_id) != Path(folder):
            return None
        try:
            return self.load(model_id)
        except RankloopError:
            return None

    def fail(self, model_id: str, error: RankloopError) -> None:
        """Remember why a model that is to serve does not, and log it once."""
        known = self._failures.get(model_id)
        if known is None or str(known) != str(error):
            log_event(log, "model_not_serving", logging.WARNING, model=model_id, error=error.code)
        self._failures[model_id] = error

    def succeed(self, model_id: str) -> None:
        """Forget why a model did not serve."""
        self._failures.pop(model_id, None)

    def failing(self) -> list[str]:
        """Name the models that are to serve and do not, as far as that was tried."""
        promoted = self.catalog.all_serving()
        return sorted(one.model_id for one in promoted if self.failure(one.model_id))

    def failure(self, model_id: str) -> RankloopError | None:
        """Return why a model that is to serve does not; None where it does."""
        return self._failures.get(model_id)


def _read(folder: Path, manifest: Manifest) -> QueryAdapter | Ranker | None:
    """Load what does a model's work; an encoder is loaded where texts are embedded."""
    if manifest.kind == "adapter":
        return QueryAdapter.load(folder, manifest)
    return Ranker.load(folder) if manifest.kind == "ranker" else None
