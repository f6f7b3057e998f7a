"""Judgments: relevance that people or models have judged, brought in and listed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from rankloop.client.calls import Call, Operation, quote_step, read_json
from rankloop.errors import FileError
from rankloop.tables.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rankloop.client.calling import AsyncCaller, Caller

JudgmentFormat = Literal["ndjson", "srw", "trec"]

MEDIA_TYPES: Final[dict[JudgmentFormat, str]] = {
    "ndjson": "application/x-ndjson",
    "srw": "application/json",
    "trec": "text/plain",
}
"""Content type by form."""


class JudgmentSource(Record, frozen=True):
    """Judgments that were brought in under one name."""

    source: str
    """The name."""
    judgments: int
    """Judged (query, document) pairs."""
    queries: int
    """Different queries among them."""


class _Sources(Record, frozen=True):
    """Every source."""

    results: list[JudgmentSource]


def _put(source: str, rows: bytes, form: JudgmentFormat) -> Operation[JudgmentSource]:
    """Build the request that brings judgments in."""
    call = Call(
        "PUT",
        f"/v1/judgments/{quote_step(source)}",
        {"format": form},
        body=rows,
        content_type=MEDIA_TYPES[form],
    )
    return Operation(call, read_json(JudgmentSource))


def _list() -> Operation[_Sources]:
    """Build the request for every source."""
    return Operation(Call("GET", "/v1/judgments"), read_json(_Sources))


def _remove(source: str) -> Operation[None]:
    """Build the request that forgets a source."""
    return Operation(Call("DELETE", f"/v1/judgments/{quote_step(source)}"), lambda _: None)


def _read(judgments: str | Path | Iterable[Mapping[str, Any]]) -> bytes:
    """Return the content of a file, or rows as lines."""
    if not isinstance(judgments, str | Path):
        return msgspec.json.Encoder().encode_lines(judgments)
    try:
        return Path(judgments).read_bytes()
    except OSError as error:
        raise FileError(f"{judgments} cannot be read: {error.strerror}") from error


class Judgments:
    """What was judged elsewhere: `loop.judgments`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def put(
        self,
        source: str,
        judgments: str | Path | Iterable[Mapping[str, Any]],
        format: JudgmentFormat = "ndjson",  # noqa: A002 the name that the API gives it
    ) -> JudgmentSource:
        """Bring in the judgments of a source, in place of those it had.

        Args:
            source: Its name, such as `human`.
            judgments: A file, or rows with `query`, `document_id` and `relevance`.
            format: Of a file: `ndjson`, `srw` (Search Relevance Workbench) or `trec` (qrels).

        Raises:
            FileError: The file cannot be read, or is not of that form.
        """
        return self._caller.run(_put(source, _read(judgments), format))

    def list(self) -> list[JudgmentSource]:
        """Return the sources that were brought in."""
        return self._caller.run(_list()).results

    def remove(self, source: str) -> None:
        """Forget the judgments of a source.

        Raises:
            NotFoundError: There are none of it.
        """
        self._caller.run(_remove(source))


class AsyncJudgments:
    """The same for asynchronous code; see `Judgments`."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def put(
        self,
        source: str,
        judgments: str | Path | Iterable[Mapping[str, Any]],
        format: JudgmentFormat = "ndjson",  # noqa: A002 the name that the API gives it
    ) -> JudgmentSource:
        """Bring in the judgments of a source, in place of those it had."""
        return await self._caller.run(_put(source, _read(judgments), format))

    async def list(self) -> list[JudgmentSource]:
        """Return the sources that were brought in."""
        return (await self._caller.run(_list())).results

    async def remove(self, source: str) -> None:
        """Forget the judgments of a source."""
        await self._caller.run(_remove(source))
