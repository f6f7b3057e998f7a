"""Exports: what left the folder as a file, each with a manifest that erasure can find again."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import msgspec

from rankloop.errors import InputError, NotFoundError
from rankloop.events.identity import make_uuid7s
from rankloop.store.questions import find_question

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rankloop.store.base import EventStore, Format, Value

ExportKind = Literal["interactions", "searches", "click-log", "pairs", "judgments", "features"]
ExportFormat = Literal[
    "ndjson", "parquet", "csv", "letor", "trec", "srw", "triplets", "triplets-parquet"
]

TABLE_FORMATS: Final[dict[ExportFormat, Format]] = {
    "ndjson": "ndjson",
    "parquet": "parquet",
    "csv": "csv",
}
"""The formats that the store writes."""

FORMATS: Final[dict[ExportKind, tuple[ExportFormat, ...]]] = {
    "interactions": (*TABLE_FORMATS,),
    "searches": (*TABLE_FORMATS,),
    "click-log": (*TABLE_FORMATS,),
    "pairs": (*TABLE_FORMATS, "triplets", "triplets-parquet"),
    "judgments": (*TABLE_FORMATS, "letor", "trec", "srw"),
    "features": (*TABLE_FORMATS,),
}
"""The formats of each kind."""

QUESTIONS: Final[dict[ExportKind, str]] = {
    "interactions": "export_interactions",
    "searches": "export_searches",
    "click-log": "export_click_log",
}
"""The question behind each kind that the store writes itself."""

KEEP: Final = timedelta(hours=24)
"""How long a file is kept, so that a broken transfer can be resumed."""


class ExportRequest(msgspec.Struct, frozen=True):
    """What to export."""

    kind: ExportKind
    format: ExportFormat
    retriever_id: str | None = None
    days: float | None = None
    """Kept beside `start`, so that asking for the same days again is the same request."""
    start: datetime | None = None
    end: datetime | None = None
    min_interactions: int = 2
    """For pairs: distinct people who clicked a positive."""
    weights: str = ""
    """For judgments: what the steps behind a click count for."""
    source_weights: str = ""
    """For judgments: what each source counts for."""

    @property
    def digest(self) -> str:
        """A short name for requests that ask for the same."""
        same = msgspec.structs.replace(self, start=None) if self.days else self
        return hashlib.sha256(msgspec.json.encode(same)).hexdigest()[:16]


class ExportWindow(msgspec.Struct, frozen=True):
    """From when to when; null for no bound."""

    start: datetime | None
    end: datetime | None


class ExportManifest(msgspec.Struct, frozen=True):
    """What an export holds; it stays when the file has gone."""

    export_id: str
    kind: ExportKind
    format: ExportFormat
    made_at: datetime
    window: ExportWindow
    filters: dict[str, str]
    """Filters by name."""
    rows: int
    bytes: int
    sha256: str
    columns: list[str]
    request: str
    """Equal where the same was asked for."""
    versions: dict[str, str] = {}
    """What made the rows, where they were not only read."""
    weights: dict[str, float] = {}
    """What was counted for how much."""
    yields: dict[str, Any] = {}
    """What became of the candidates for pairs."""
    erased_at: list[datetime] = []
    """When users whose rows it held were erased: copies of the file should go too."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a maker says about the file that it wrote."""

    rows: int
    """Rows in it."""

    columns: list[str]
    """Their columns."""

    retriever_id: str
    """The retriever that was asked for, or found; empty where all were."""

    versions: dict[str, str] = field(default_factory=dict)
    """What made the rows."""

    weights: dict[str, float] = field(default_factory=dict)
    """What was counted for how much."""

    yields: dict[str, Any] = field(default_factory=dict)
    """What became of the candidates."""


Maker = Callable[[ExportRequest, Path], Made]
"""What writes the file of a kind that is more than a question."""


class Export(NamedTuple):
    """An export whose file is there."""

    manifest: ExportManifest
    path: Path

    @property
    def etag(self) -> str:
        """Name of exactly these bytes, as HTTP writes it."""
        return f'"{self.manifest.export_id}"'


class Exports:
    """The exports of one data folder.

    Args:
        store: Where the rows are.
        folder: Where files and manifests go; made on first use.
        makers: What writes the kinds that the store cannot write itself.
    """

    def __init__(
        self, store: EventStore, folder: Path, makers: Mapping[ExportKind, Maker] | None = None
    ) -> None:
        self._store = store
        self._folder = folder
        self._makers = makers or {}
        self._lock = threading.Lock()

    def make(self, request: ExportRequest) -> Export:
        """Write an export and its manifest; what is older than a day goes.

        The file holds what the store had when it was begun, and perhaps some rows that came
        while it was written.

        Raises:
            InputError: The kind does not come in that format, or has no weights.
        """
        _check_format(request)
        _check_weights(request)
        with self._lock:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._sweep()
            export_id = make_uuid7s(1)[0]
            path = self._folder / f"{export_id}.{request.format}"
            try:
                manifest = self._write(request, export_id, path)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
            self._save(manifest)
            return Export(manifest, path)

    def find(self, request: ExportRequest, etag: str | None = None) -> Export | None:
        """Find the file that a broken transfer began with.

        Args:
            request: What was asked for.
            etag: The exact file, where the client knows it; else the latest for the request.
        """
        for manifest in sorted(self._manifests(), key=lambda one: one.made_at, reverse=True):
            export = Export(manifest, self._folder / f"{manifest.export_id}.{manifest.format}")
            is_same = manifest.request == request.digest and etag in (None, export.etag)
            if is_same and export.path.exists():
                return export
        return None

    def read_manifest(self, export_id: str) -> ExportManifest:
        """Return what an export held.

        Raises:
            NotFoundError: There was none of that id.
        """
        for manifest in self._manifests():
            if manifest.export_id == export_id:
                return manifest
        raise NotFoundError(f"there is no export {export_id!r}", where="/export_id")

    def forget_user(self, user_key: str, now: datetime) -> list[str]:
        """Delete the files that may hold rows of a user; call it while the rows are there.

        Returns:
            Ids of the exports touched, those whose file had gone before included.
        """
        with self._lock:
            spans = {row["kind"]: row for row in self._ask_spans(user_key)}
            touched = [one for one in self._manifests() if _holds(one, spans)]
            for manifest in touched:
                (self._folder / f"{manifest.export_id}.{manifest.format}").unlink(missing_ok=True)
                erased_at = [*manifest.erased_at, now]
                self._save(msgspec.structs.replace(manifest, erased_at=erased_at))
            return [manifest.export_id for manifest in touched]

    def _ask_spans(self, user_key: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._store.ask(
            "user_spans", {"user_id": user_key}
        ).to_pylist()
        return rows

    def _write(self, request: ExportRequest, export_id: str, path: Path) -> ExportManifest:
        """Write the file and describe it."""
        if request.kind in self._makers:
            return self._make(request, export_id, path)
        question = QUESTIONS[request.kind]
        parameters: dict[str, Value] = {
            "retriever_id": request.retriever_id,
            "start": request.start,
            "end": request.end,
        }
        copied = self._store.copy_to(question, parameters, path, TABLE_FORMATS[request.format])
        return ExportManifest(
            export_id=export_id,
            kind=request.kind,
            format=request.format,
            made_at=datetime.now(UTC),
            window=ExportWindow(request.start, request.end),
            filters={} if request.retriever_id is None else {"retriever_id": request.retriever_id},
            rows=copied.n_rows,
            bytes=copied.n_bytes,
            sha256=copied.sha256,
            columns=list(find_question(question).columns),
            request=request.digest,
        )

    def _make(self, request: ExportRequest, export_id: str, path: Path) -> ExportManifest:
        """Have a file written that is more than a question, and describe it."""
        part = path.with_name(f"{path.name}.part")
        try:
            made = self._makers[request.kind](request, part)
            with part.open("rb") as file:
                checksum = hashlib.file_digest(file, "sha256").hexdigest()
            n_bytes = part.stat().st_size
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return ExportManifest(
            export_id=export_id,
            kind=request.kind,
            format=request.format,
            made_at=datetime.now(UTC),
            window=ExportWindow(request.start, request.end),
            filters={"retriever_id": made.retriever_id} if made.retriever_id else {},
            rows=made.rows,
            bytes=n_bytes,
            sha256=checksum,
            columns=made.columns,
            request=request.digest,
            versions=made.versions,
            weights=made.weights,
            yields=made.yields,
        )

    def _manifests(self) -> Iterator[ExportManifest]:
        """Read every manifest; a file that is none is left alone."""
        for path in sorted(self._folder.glob("*.manifest.json")):
            try:
                yield msgspec.json.decode(path.read_bytes(), type=ExportManifest)
            except (msgspec.DecodeError, FileNotFoundError):
                continue

    def _save(self, manifest: ExportManifest) -> None:
        """Write a manifest, whole or not at all."""
        path = self._folder / f"{manifest.export_id}.manifest.json"
        draft = path.with_suffix(".new")
        draft.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
        draft.replace(path)

    def _sweep(self) -> None:
        """Delete files that nobody will resume."""
        oldest = (datetime.now(UTC) - KEEP).timestamp()
        for ending in sorted({each for formats in FORMATS.values() for each in formats}):
            for path in self._folder.glob(f"*.{ending}"):
                if path.stat().st_mtime < oldest:
                    path.unlink(missing_ok=True)


def _check_weights(request: ExportRequest) -> None:
    """Refuse weights where nothing is weighed: they would be passed over in silence."""
    for name in ("weights", "source_weights"):
        if getattr(request, name) and request.kind != "judgments":
            raise InputError(
                f"{request.kind} have no {name}", where=f"/{name}", hint="Judgments have."
            )


def _check_format(request: ExportRequest) -> None:
    """Refuse a format that a kind does not come in."""
    known = FORMATS[request.kind]
    if request.format not in known:
        raise InputError(
            f"{request.kind} do not come as {request.format}",
            where="/format",
            hint=f"Use {', '.join(known)}.",
        )


def _holds(manifest: ExportManifest, spans: dict[str, dict[str, Any]]) -> bool:
    """Say whether an export may hold rows of a user, going by its window."""
    if manifest.kind in ("pairs", "judgments"):
        # What was clicked after the window is no negative, so its end protects nobody.
        window = ExportWindow(manifest.window.start, None)
        return any(_overlaps(window, span) for span in spans.values())
    return _overlaps(
        manifest.window, spans["interactions" if manifest.kind == "interactions" else "searches"]
    )


def _overlaps(window: ExportWindow, span: dict[str, Any]) -> bool:
    """Say whether a user has rows in a window."""
    if not span["n"]:
        return False
    first, last = span["first_at"].replace(tzinfo=UTC), span["last_at"].replace(tzinfo=UTC)
    return (window.start is None or last >= window.start) and (
        window.end is None or first < window.end
    )
