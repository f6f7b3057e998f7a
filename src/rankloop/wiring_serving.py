"""What ranks, built of the settings: retrievers, their documents, models and pipelines."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rankloop.catalog.models import ModelCatalog
from rankloop.catalog.retrievers import RetrieverCatalog
from rankloop.counters.day_histories import DayHistories
from rankloop.indexing.embedder_openai import EndpointConfig
from rankloop.indexing.embedders import EmbedderSpec
from rankloop.indexing.library import Library
from rankloop.models.folder import ModelFolders
from rankloop.models.shelf import ModelShelf
from rankloop.retrieval.assembly import Assembly
from rankloop.retrieval.parts import EngineAccess
from rankloop.retrieval.promotion import Promotion
from rankloop.retrieval.serving import Serving
from rankloop.retrieval.specification import read_embedder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rankloop.attribution.derivation import Derivation
    from rankloop.capture.delivery import Delivery
    from rankloop.counters.base import ServingCounters
    from rankloop.counters.live import LiveCounters
    from rankloop.settings import Settings
    from rankloop.store.base import EventStore
    from rankloop.telemetry import Metrics

DELIVERED_S: Final = 5.0
"""How long features wait for what was acknowledged before they are read, in seconds."""

INDEXES_FOLDER: Final = "indexes"
MODELS_FOLDER: Final = "models"


@dataclass(frozen=True, slots=True)
class ServingRooms:
    """The parts that rank."""

    retrievers: RetrieverCatalog
    documents: Library
    models: ModelShelf
    serving: Serving
    promotion: Promotion


def build_serving(
    catalog_path: Path,
    settings: Settings,
    counters: ServingCounters,
    histories: DayHistories,
    metrics: Metrics,
) -> ServingRooms:
    """Build what ranks.

    Args:
        catalog_path: The file of the catalog, in the data folder.
        settings: What other engines and endpoints are sent, among others.
        counters: Popularity and histories.
        histories: Clicks and looks up to the start of each day.
        metrics: Where stages are counted and timed.
    """
    folder = catalog_path.parent
    retrievers = RetrieverCatalog(catalog_path, _now_us)
    folders = ModelFolders(folder / MODELS_FOLDER)
    folders.sweep()
    models = ModelShelf(folders, ModelCatalog(catalog_path, _now_us))
    documents = _open_library(folder, settings, retrievers, models)
    engines = {
        name: EngineAccess(one.base_url, one.headers) for name, one in settings.engines.items()
    }
    assembly = Assembly(documents, counters, metrics, engines, histories)
    serving = Serving(retrievers, documents, assembly, models)
    promotion = Promotion(serving, models, documents)
    return ServingRooms(retrievers, documents, models, serving, promotion)


def open_histories(store: EventStore, delivery: Delivery, derivation: Derivation) -> DayHistories:
    """Open what features know of the past, read once all that was acknowledged is in the store."""

    def bring_up_to_date() -> None:
        delivery.wait(DELIVERED_S)
        derivation.refresh()

    return DayHistories(store, bring_up_to_date)


def recount(counters: LiveCounters, histories: DayHistories) -> Callable[[float], bool]:
    """Return what makes serving forget people who were erased."""

    def count_anew(timeout_s: float) -> bool:
        histories.refresh()
        return counters.refresh(timeout_s)

    return count_anew


def _open_library(
    folder: Path, settings: Settings, retrievers: RetrieverCatalog, models: ModelShelf
) -> Library:
    """Open the documents of all retrievers, each with the embedder that it is to have."""

    def find_embedder(retriever_id: str) -> EmbedderSpec | None:
        encoder = models.serving(retriever_id).encoder
        if encoder is not None:
            return EmbedderSpec("local", str(encoder))
        version = retrievers.find(retriever_id)
        return None if version is None else read_embedder(version.configuration)

    endpoints = {
        name: EndpointConfig(
            base_url=one.base_url,
            api_key=one.api_key,
            models=one.models,
            timeout_s=one.timeout_s,
            query_timeout_s=one.query_timeout_s,
            max_retries=one.max_retries,
            batch_size=one.batch_size,
        )
        for name, one in settings.embedders.items()
    }
    return Library(folder / INDEXES_FOLDER, find_embedder, endpoints, settings.index.language)


def _now_us() -> int:
    """Return the time, in microseconds UTC."""
    return time.time_ns() // 1_000
