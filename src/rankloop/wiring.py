"""Settings in, every part built once, out: the only place that knows all the rooms."""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rankloop.attribution.base import AttributionConfig
from rankloop.attribution.derivation import Derivation
from rankloop.capture.checks import Checker
from rankloop.capture.custom_types import TypeLedger
from rankloop.capture.delivery import Delivery, DeliveryConfig
from rankloop.capture.files import FileImport
from rankloop.capture.identifiers import IdentifierLedger
from rankloop.capture.intake import Intake
from rankloop.capture.journal import Journal, JournalConfig
from rankloop.catalog.judgments import JudgmentShelf
from rankloop.catalog.keys import KeyRing
from rankloop.counters.base import CountersConfig
from rankloop.counters.live import LiveCounters
from rankloop.errors import SettingsError
from rankloop.jobs.estimation import Estimation
from rankloop.jobs.feature_files import FeatureFiles
from rankloop.jobs.insights import Insights
from rankloop.jobs.judging import Judging
from rankloop.jobs.kinds import JobParts
from rankloop.jobs.learning_log import LogReader
from rankloop.jobs.meanings import MeaningReader
from rankloop.jobs.pairing import Pairing
from rankloop.jobs.training_files import TrainingFiles
from rankloop.privacy.erasure import Copies, Erasure
from rankloop.privacy.exports import Exports
from rankloop.privacy.model_marks import ModelMarks
from rankloop.privacy.pseudonyms import Pseudonyms, open_pseudonyms
from rankloop.settings import LoadedSettings, Settings, load_settings
from rankloop.store.base import EventStore, Kind, StoreConfig
from rankloop.store.duckdb import DuckDBStore
from rankloop.store.folder import DataFolder
from rankloop.telemetry import Metrics
from rankloop.wiring_jobs import JobRooms, build_jobs, to_gate
from rankloop.wiring_serving import ServingRooms, build_serving, open_histories, recount

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rankloop.catalog.retrievers import RetrieverCatalog
    from rankloop.counters.day_histories import DayHistories
    from rankloop.indexing.library import Library
    from rankloop.models.shelf import ModelShelf
    from rankloop.privacy.exports import ExportKind, Maker
    from rankloop.retrieval.promotion import Promotion
    from rankloop.retrieval.serving import Serving

STORES: Final[dict[str, Callable[[StoreConfig], EventStore]]] = {"duckdb": DuckDBStore}
"""Every store by the name that `store.kind` gives it."""

SETTINGS_FILE: Final = "rankloop.toml"
JOURNAL_FILE: Final = "journal.db"
CATALOG_FILE: Final = "catalog.db"
EXPORTS_FOLDER: Final = "exports"
JUDGMENTS_FOLDER: Final = "judgments"

LOG_WAIT_S: Final = 60.0
"""How long a job waits for what was acknowledged before it, in seconds."""

_PSEUDONYMS_KEPT: Final = 65_536

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Learning:
    """The parts that turn the log into what models learn from."""

    reader: LogReader
    judgments: JudgmentShelf
    judging: Judging
    pairing: Pairing
    makers: Mapping[ExportKind, Maker]


@dataclass(frozen=True, slots=True)
class Engine:
    """Every part of one running installation."""

    loaded: LoadedSettings
    folder: DataFolder
    store: EventStore
    keys: KeyRing
    pseudonyms: Pseudonyms
    checker: Checker
    searches: IdentifierLedger
    interactions: IdentifierLedger
    intake: Intake
    delivery: Delivery
    counters: LiveCounters
    histories: DayHistories
    importer: FileImport
    derivation: Derivation
    insights: Insights
    estimation: Estimation
    erasure: Erasure
    exports: Exports
    learning: Learning
    retrievers: RetrieverCatalog
    documents: Library
    models: ModelShelf
    serving: Serving
    promotion: Promotion
    jobs: JobRooms
    metrics: Metrics
    now: Callable[[], datetime]
    """The clock of rankings, aware UTC."""

    @property
    def settings(self) -> Settings:
        """The values of the settings."""
        return self.loaded.settings

    def close(self) -> None:
        """Commit what is waiting, deliver it and let go of the folder."""
        self.jobs.close()
        self.serving.close()
        self.intake.stop()
        self.counters.close()
        self.histories.close()
        self.delivery.close()
        self.intake.close()
        self.documents.close()
        self.models.catalog.close()
        self.retrievers.close()
        self.store.close()
        self.keys.close()
        self.folder.close()


def load_folder_settings(
    folder: Path, overrides: dict[str, object] | None = None
) -> LoadedSettings:
    """Read the settings that govern a data folder: `rankloop.toml` in it, or beside us.

    Args:
        folder: The data folder; it need not exist.
        overrides: Dotted names to values from the command line.
    """
    inside = folder / SETTINGS_FILE
    return load_settings(inside if inside.exists() else Path(SETTINGS_FILE), overrides=overrides)


def open_engine(path: Path, loaded: LoadedSettings | None = None) -> Engine:
    """Take a data folder and build everything on it.

    Args:
        path: The data folder; made if absent.
        loaded: The settings; read from the folder when left out.

    Raises:
        FolderInUseError: Another process owns the folder.
        NewerFolderError: A newer version wrote it.
        SettingsError: A setting contradicts the folder.
    """
    loaded = loaded or load_folder_settings(path)
    folder = DataFolder(path)
    try:
        return _build(folder, loaded)
    except BaseException:
        folder.close()
        raise


def _build(folder: DataFolder, loaded: LoadedSettings) -> Engine:
    """Build every part, lower floors first."""
    settings = loaded.settings
    pseudonyms = _take_pseudonyms(folder.path, loaded)
    store = _open_store(folder.path, settings)
    metrics = Metrics()
    checker = _build_checker(store, settings, pseudonyms)
    searches = _open_ledger(store, "search")
    interactions = _open_ledger(store, "interaction")
    journal = _open_journal(folder.path / JOURNAL_FILE, store, settings, (searches, interactions))
    # The counters wait for the delivery, which comes after the intake, which they listen to.
    counters = LiveCounters(store, lambda limit_s: delivery.wait(limit_s), _to_counters(settings))
    intake = Intake(journal, searches, interactions, counters.accept)
    delivery = _build_delivery(journal, store, intake, settings)
    drain = functools.partial(_drain, delivery, intake)
    derivation = Derivation(store, _to_attribution(settings))
    histories = open_histories(store, delivery, derivation)
    count_anew = recount(counters, histories)
    estimation = Estimation(store, derivation)
    ranking = build_serving(folder.path / CATALOG_FILE, settings, counters, histories, metrics)
    learning = _build_learning(store, estimation, ranking.documents, settings, folder.path)
    exports = Exports(store, folder.path / EXPORTS_FOLDER, learning.makers)
    copies = Copies(exports, ModelMarks(store, ranking.models))
    parts = _gather(store, estimation, learning, ranking, delivery, settings)
    jobs = build_jobs(folder.path, folder.path / CATALOG_FILE, settings, parts, metrics)
    intake.start()
    delivery.start()
    jobs.start()
    return Engine(
        loaded=loaded,
        folder=folder,
        store=store,
        keys=KeyRing(folder.path / CATALOG_FILE),
        pseudonyms=pseudonyms,
        checker=checker,
        searches=searches,
        interactions=interactions,
        intake=intake,
        delivery=delivery,
        counters=counters,
        histories=histories,
        importer=FileImport(store, checker, searches, interactions, pseudonyms.secret),
        derivation=derivation,
        insights=Insights(store, derivation),
        estimation=estimation,
        erasure=Erasure(store, derivation, drain, pseudonyms, copies, count_anew),
        exports=exports,
        learning=learning,
        retrievers=ranking.retrievers,
        documents=ranking.documents,
        models=ranking.models,
        serving=ranking.serving,
        promotion=ranking.promotion,
        jobs=jobs,
        metrics=metrics,
        now=_now,
    )


def _build_delivery(
    journal: Journal, store: EventStore, intake: Intake, settings: Settings
) -> Delivery:
    """Build what carries the journal to the store."""
    return Delivery(
        journal.path,
        store,
        intake.release,
        lambda: intake.acknowledged_sequence,
        DeliveryConfig(every_s=settings.capture.deliver_every_s),
    )


def _gather(
    store: EventStore,
    estimation: Estimation,
    learning: Learning,
    ranking: ServingRooms,
    delivery: Delivery,
    settings: Settings,
) -> JobParts:
    """Gather what jobs are done with."""
    return JobParts(
        store=store,
        estimation=estimation,
        reader=learning.reader,
        judging=learning.judging,
        pairing=learning.pairing,
        documents=ranking.documents,
        models=ranking.models,
        serving=ranking.serving,
        promotion=ranking.promotion,
        wait_for_log=lambda: delivery.wait(LOG_WAIT_S),
        now=_now,
        gate=to_gate(settings),
    )


def _now() -> datetime:
    """Return the time, aware UTC."""
    return datetime.now(UTC)


def _drain(delivery: Delivery, intake: Intake) -> None:
    """Deliver everything acknowledged, and wipe it from the journal."""
    delivery.drain()
    intake.scrub()


def _build_checker(store: EventStore, settings: Settings, pseudonyms: Pseudonyms) -> Checker:
    """Build the law on events, which knows the custom types so far."""
    return Checker(
        functools.lru_cache(_PSEUDONYMS_KEPT)(pseudonyms.to_stored),
        TypeLedger(_custom_types(store), most=settings.capture.max_custom_types),
    )


def _take_pseudonyms(folder: Path, loaded: LoadedSettings) -> Pseudonyms:
    """Take the pseudonyms that the folder was made with, or make them."""
    privacy = loaded.settings.privacy
    # A default is no wish: it must not contradict what the folder was made with.
    is_said = loaded.sources["privacy.pseudonymize_users"] != "default"
    return open_pseudonyms(
        folder, privacy.pseudonymize_users if is_said else None, privacy.secret or None
    )


def _build_learning(
    store: EventStore,
    estimation: Estimation,
    documents: Library,
    settings: Settings,
    folder: Path,
) -> Learning:
    """Build what turns the log into training data."""
    reader = LogReader(store, estimation)
    judgments = JudgmentShelf(folder / JUDGMENTS_FOLDER)
    judging = Judging(reader, judgments)
    meanings = MeaningReader(documents, settings.index.group_field)
    pairing = Pairing(reader, documents.texts, judging.find_opinions, meanings.read)
    files = TrainingFiles(pairing, judging)
    makers: dict[ExportKind, Maker] = {
        "pairs": files.write_pairs,
        "judgments": files.write_judgments,
        "features": FeatureFiles(store, estimation.derivation).write,
    }
    return Learning(reader, judgments, judging, pairing, makers)


def _open_store(folder: Path, settings: Settings) -> EventStore:
    """Open the store that the settings name."""
    build = STORES.get(settings.store.kind)
    if build is None:
        raise SettingsError(
            f"there is no store {settings.store.kind!r}",
            where="store.kind",
            hint=f"Known: {', '.join(STORES)}.",
        )
    return build(
        StoreConfig(
            path=folder / settings.store.path,
            threads=settings.store.threads,
            memory_limit_mib=settings.store.memory_mib,
        )
    )


def _open_journal(
    path: Path,
    store: EventStore,
    settings: Settings,
    ledgers: tuple[IdentifierLedger, IdentifierLedger],
) -> Journal:
    """Open the journal, and let the ledgers know what in it is not in the store yet."""
    searches, interactions = ledgers
    journal = Journal(path, JournalConfig(settings.capture.journal_max_bytes))
    journal.skip_to(store.delivered_sequence())
    for entry_names in journal.iter_names(after=store.delivered_sequence()):
        searches.add(entry_names.searches, entry_names.sequence)
        interactions.add(entry_names.interactions, entry_names.sequence)
    return journal


def _open_ledger(store: EventStore, kind: Kind) -> IdentifierLedger:
    """Build the ledger of one kind of event from what the store holds."""
    return IdentifierLedger(
        lambda identifiers: store.known_identifiers(kind, identifiers),
        store.identifier_hashes(kind),
    )


def _custom_types(store: EventStore) -> list[str]:
    """List the custom types on record."""
    lists = store.ask("custom_types").column("types").to_pylist()
    return [name for names in lists for name in names]


def _to_counters(settings: Settings) -> CountersConfig:
    """Hand the counters their part of the settings."""
    return CountersConfig(
        max_rows=settings.counters.max_rows,
        max_history_bytes=settings.counters.history_mib * 1024 * 1024,
        robot_interactions_per_hour=settings.attribution.robot_interactions_per_hour,
        robot_searches_per_hour=settings.attribution.robot_searches_per_hour,
    )


def _to_attribution(settings: Settings) -> AttributionConfig:
    """Hand the attribution its part of the settings."""
    attribution = settings.attribution
    return AttributionConfig(
        window_s=attribution.window_s,
        session_gap_s=attribution.session_gap_s,
        robot_searches_per_hour=attribution.robot_searches_per_hour,
        robot_interactions_per_hour=attribution.robot_interactions_per_hour,
    )
