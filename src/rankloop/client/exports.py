"""Exports: whole tables as files, resumed where a transfer broke off."""

from __future__ import annotations

import asyncio
import hashlib
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Literal, TypedDict, Unpack

from rankloop.client.calling import AsyncCaller, Caller, RetryConfig
from rankloop.client.calls import Call, Operation, quote_step, read_json
from rankloop.client.records import Manifest
from rankloop.errors import FileError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ExportKind = Literal["interactions", "searches", "click-log", "pairs", "judgments", "features"]
ExportFormat = Literal[
    "ndjson", "parquet", "csv", "letor", "trec", "srw", "triplets", "triplets-parquet"
]

N_ATTEMPTS: Final = 5
"""How often a transfer is taken up again."""

_CHUNK_BYTES: Final = 1 << 20


class ExportFilters(TypedDict, total=False):
    """Which rows to export; what is left out does not narrow."""

    retriever_id: str
    days: float
    start: Any
    end: Any
    min_interactions: int
    """For pairs: distinct people who clicked a positive."""
    weights: str
    """For judgments: such as `click:1,purchase:10`."""
    source_weights: str
    """For judgments: such as `clicks:1,human:3`."""


@dataclass(slots=True)
class _Transfer:
    """One file on its way."""

    path: Path
    call: Call
    etag: str = ""
    export_id: str = ""
    n_bytes: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    @property
    def part(self) -> Path:
        """Where the file grows until it is whole."""
        return self.path.with_name(self.path.name + ".part")

    def next_call(self) -> Call:
        """Return the request for what is still missing."""
        headers = {}
        if self.n_bytes and self.etag:
            headers = {"range": f"bytes={self.n_bytes}-", "if-range": self.etag}
        return Call("GET", self.call.path, self.call.parameters, accept="*/*", headers=headers)

    def begin(self, status: int, headers: Mapping[str, str], file: IO[bytes]) -> None:
        """Note what the server sends; start over where it does not continue."""
        if status != 206:
            file.seek(0)
            file.truncate()
            self.n_bytes, self.digest = 0, hashlib.sha256()
        self.etag = headers.get("etag", "")
        self.export_id = headers.get("x-rankloop-export", "")

    def take(self, chunk: bytes, file: IO[bytes]) -> None:
        """Write a piece."""
        file.write(chunk)
        self.n_bytes += len(chunk)
        self.digest.update(chunk)

    def finish(self, manifest: Manifest) -> Manifest:
        """Check the whole file and put it in its place."""
        if self.digest.hexdigest() != manifest.sha256:
            raise UnavailableError(
                f"{self.path.name} did not arrive whole: its checksum differs",
                hint="Export it again.",
            )
        self.part.replace(self.path)
        return manifest


class Exports:
    """Whole tables as files: `loop.exports`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def download(
        self,
        kind: ExportKind,
        path: str | Path,
        format: ExportFormat = "ndjson",  # noqa: A002 the name that the API gives it
        **filters: Unpack[ExportFilters],
    ) -> Manifest:
        """Write an export to a file; a broken transfer goes on where it stopped.

        Args:
            kind: Which table.
            path: The file; it appears once it is whole and its checksum is right.
            format: `ndjson`, `parquet` or `csv`; pairs also as `triplets` and
                `triplets-parquet`, judgments as `letor`, `trec` and `srw`.
            **filters: What narrows; see `ExportFilters`.

        Returns:
            The manifest: rows, checksum, window, filters.

        Raises:
            UnavailableError: The transfer broke off again and again.
        """
        transfer = _start(kind, path, format, filters)
        with _opened(transfer) as file:
            for attempt in range(N_ATTEMPTS):
                try:
                    self._receive(transfer, file)
                    break
                except UnavailableError:
                    if attempt + 1 == N_ATTEMPTS:
                        raise
                    time.sleep(RetryConfig().pause_s(attempt))
        return transfer.finish(self.manifest(transfer.export_id))

    def manifest(self, export_id: str) -> Manifest:
        """Return what an earlier export held.

        Raises:
            NotFoundError: There was none of that id.
        """
        return self._caller.run(_manifest(export_id))

    def _receive(self, transfer: _Transfer, file: IO[bytes]) -> None:
        with self._caller.transport.stream(transfer.next_call()) as stream:
            transfer.begin(stream.status, stream.headers, file)
            for chunk in stream.chunks:
                transfer.take(chunk, file)


class AsyncExports:
    """The same for asynchronous code; see `Exports`."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def download(
        self,
        kind: ExportKind,
        path: str | Path,
        format: ExportFormat = "ndjson",  # noqa: A002 the name that the API gives it
        **filters: Unpack[ExportFilters],
    ) -> Manifest:
        """Write an export to a file; a broken transfer goes on where it stopped."""
        transfer = _start(kind, path, format, filters)
        with _opened(transfer) as file:
            for attempt in range(N_ATTEMPTS):
                try:
                    await self._receive(transfer, file)
                    break
                except UnavailableError:
                    if attempt + 1 == N_ATTEMPTS:
                        raise
                    await asyncio.sleep(RetryConfig().pause_s(attempt))
        return transfer.finish(await self.manifest(transfer.export_id))

    async def manifest(self, export_id: str) -> Manifest:
        """Return what an earlier export held."""
        return await self._caller.run(_manifest(export_id))

    async def _receive(self, transfer: _Transfer, file: IO[bytes]) -> None:
        async with self._caller.transport.stream(transfer.next_call()) as stream:
            transfer.begin(stream.status, stream.headers, file)
            async for chunk in stream.chunks:
                transfer.take(chunk, file)


def _start(
    kind: ExportKind, path: str | Path, file_format: ExportFormat, filters: ExportFilters
) -> _Transfer:
    """Prepare a transfer."""
    parameters: dict[str, Any] = {"format": file_format, **filters}
    return _Transfer(Path(path), Call("GET", f"/v1/exports/{quote_step(kind)}", parameters))


def _manifest(export_id: str) -> Operation[Manifest]:
    """Build the request for a manifest."""
    call = Call("GET", f"/v1/exports/manifests/{quote_step(export_id)}")
    return Operation(call, read_json(Manifest))


@contextmanager
def _opened(transfer: _Transfer) -> Iterator[IO[bytes]]:
    """Open the growing file; take it away again if the transfer fails."""
    try:
        with transfer.part.open("w+b", buffering=_CHUNK_BYTES) as file:
            yield file
    except OSError as error:
        raise FileError(f"{transfer.path} cannot be written: {error.strerror}") from error
    except BaseException:
        transfer.part.unlink(missing_ok=True)
        raise
