"""What stages are built from, and what a kind of stage says about itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from rankloop.events.types import DEFAULT_WEIGHTS
from rankloop.models.shelf import ServingModels
from rankloop.telemetry import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx2

    from rankloop.counters.base import ServingCounters
    from rankloop.counters.day_histories import DayHistories
    from rankloop.indexing.base import DocumentIndex, Embedder
    from rankloop.stages.base import Stage

N_WORKERS: Final = 16
"""Stages that may wait for another machine at once; more than that wait in line and are late."""


def _make_workers() -> ThreadPoolExecutor:
    """Make the threads in which stages wait."""
    return ThreadPoolExecutor(N_WORKERS, thread_name_prefix="rankloop-stage")


@dataclass(frozen=True, slots=True)
class EngineAccess:
    """What one search engine is sent beside the question.

    Attributes:
        base_url: Its address; what a pipeline asks must have the same scheme, host and port, so
            that whoever writes pipelines cannot send a key elsewhere.
        headers: Such as a key.
    """

    base_url: str
    headers: Mapping[str, str]

    def is_for(self, url: str) -> bool:
        """Say whether the headers may be sent to an address.

        Example:
            >>> access = EngineAccess("http://search:8108", {})
            >>> access.is_for("http://search:8108/collections/a"), access.is_for("http://search/")
            (True, False)
        """
        mine, other = urlsplit(self.base_url), urlsplit(url)
        return (mine.scheme, mine.hostname, mine.port) == (other.scheme, other.hostname, other.port)


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that the stages of one retriever may be built from.

    There is no clock here: the moment of a request stands in its query.

    Attributes:
        index: The retriever's documents.
        embedder: What turns its queries into vectors; None where it has no model.
        counters: Popularity and histories; None leaves stages that need them unbuilt.
        http: The client for other engines; None leaves `external` unbuilt.
        engines: What other engines are sent, by name; such as a key, which stays out of pipelines.
        signal_weights: What a signal counts for, by type.
        workers: Threads for stages that wait for another machine; shared by all retrievers.
        metrics: Where skipped stages and durations are counted.
        models: The trained models that take part; none unless some were promoted.
        histories: Clicks and looks up to the start of each day; None leaves them unknown.
    """

    index: DocumentIndex
    embedder: Embedder | None = None
    counters: ServingCounters | None = None
    http: httpx2.Client | None = None
    engines: Mapping[str, EngineAccess] = field(default_factory=dict)
    signal_weights: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    workers: ThreadPoolExecutor = field(default_factory=_make_workers)
    metrics: Metrics = field(default_factory=Metrics)
    models: ServingModels = field(default_factory=ServingModels)
    histories: DayHistories | None = None


@dataclass(frozen=True, slots=True)
class StageKind:
    """A kind of stage: how it is configured, how it is built, and how a pipeline treats it.

    Attributes:
        config: A frozen `msgspec.Struct` or dataclass; its fields are the fields of the stage.
        build: Makes the stage of a config and the parts.
        finds: Whether it may bring documents that were not there; such stages do not run where a
            caller's own candidates are re-ordered.
        wants_vector: Whether it works better with the query's vector, which is then made first.
        blocks: Whether it can wait for another machine; it then runs in a thread and is left
            behind when its time is up.
        is_rule: Whether it is a hard rule, applied after all other stages wherever it stands.
    """

    config: type
    build: Callable[[Any, Parts], Stage]
    finds: bool = False
    wants_vector: bool = False
    blocks: bool = False
    is_rule: bool = False
