"""The rules of single fields: what each may hold, and how it is written at rest."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from rankloop.events.identity import is_identifier, is_plain
from rankloop.events.limits import (
    EARLIEST_AT_US,
    MAX_AHEAD_US,
    MAX_DURATION_MS,
    MAX_METADATA_BYTES,
    MAX_QUERY_CHARACTERS,
    MAX_RESULTS,
    MAX_TAGS,
)
from rankloop.events.queries import to_query_key
from rankloop.events.refusals import RefusedError
from rankloop.events.rows import InteractionRow, ResultRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rankloop.events.bodies import InteractionBody, SearchBody

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MENTIONED_KEPT: Final = 16_384
INTERACTION_NAMES: Final = (
    "feature_id",
    "document_id",
    "search_id",
    "execution_id",
    "retriever_id",
    "session_id",
    "interaction_id",
    "user_id",
)
SEARCH_NAMES: Final = (
    "search_id",
    "execution_id",
    "retriever_id",
    "session_id",
    "user_id",
    "surface",
    "device",
    "pipeline_version",
    "variant",
)
_NAMES_OF: Final[dict[tuple[str, ...], Callable[[object], tuple[str | None, ...]]]] = {
    names: attrgetter(*names) for names in (INTERACTION_NAMES, SEARCH_NAMES)
}
_canonical = msgspec.json.Encoder(order="sorted")
_plain = msgspec.json.Encoder()


def merge_alias(first: str | None, second: str | None, name: str, alias: str) -> str | None:
    """Merge a field with its alias; both given and different is a contradiction."""
    if first is not None and second is not None and first != second:
        raise RefusedError("conflict", f"/{alias}", f"{alias} differs from {name}")
    return second if first is None else first


def have_plain_names(
    bodies: Iterable[InteractionBody | SearchBody | None], names: tuple[str, ...]
) -> bool:
    """Say whether no identifier of a whole batch holds a space or a control character.

    All of them are looked at as one text, because nearly always all of them are fine.
    """
    texts = chain.from_iterable(map(_NAMES_OF[names], filter(None, bodies)))
    return is_plain("".join(filter(None, texts)))


def check_names(body: InteractionBody | SearchBody, names: tuple[str, ...]) -> None:
    """Refuse identifiers with spaces or control characters; their lengths are checked before."""
    for name in names:
        text = getattr(body, name)
        if text is not None and not is_plain(text):
            raise _to_refusal(f"/{name}")


def _to_refusal(pointer: str) -> RefusedError:
    """Say what an identifier may consist of."""
    return RefusedError(
        "invalid_identifier", pointer, "printable characters without spaces are taken"
    )


def check_retriever(retriever_id: str | None) -> None:
    """Refuse the one retriever id whose address would mean something else."""
    if retriever_id == "interactions":
        raise RefusedError("reserved", "/retriever_id", "`interactions` is a reserved id")


def check_query(query: str, pointer: str) -> None:
    """Refuse a query that is too long or holds a zero byte."""
    if len(query) > MAX_QUERY_CHARACTERS:  # Metadata is free, so the decoder did not look.
        detail = f"a query has at most {MAX_QUERY_CHARACTERS} characters, got {len(query)}"
        raise RefusedError("too_long", pointer, detail)
    if "\x00" in query:
        raise RefusedError("invalid_text", pointer, "a query may not hold a zero byte")


def check_moment(moment: datetime | None, received_at: int) -> int:
    """Turn the client's time into microseconds; refuse what no clock skew explains."""
    if moment is None:
        return received_at
    at = (moment - _EPOCH) // _MICROSECOND
    if at < EARLIEST_AT_US:
        raise RefusedError("out_of_range", "/timestamp", "before 2000; is the unit right?")
    if at > received_at + MAX_AHEAD_US:
        raise RefusedError("out_of_range", "/timestamp", "over 24 hours ahead of our clock")
    return at


def take_metadata(row: InteractionRow, metadata: dict[str, Any]) -> None:
    """Keep the free metadata as text, and the parts that mean something as columns."""
    row.metadata = to_text(metadata, "/metadata")
    query = metadata.get("query")
    if isinstance(query, str):
        row.query = query
        row.query_key = _to_mentioned_key(query)
    device = metadata.get("device")
    if device is not None and isinstance(device, str) and is_identifier(device):
        row.device = device
    duration = metadata.get("duration_ms")
    if duration is not None:
        row.duration_ms = _check_duration(duration)


@functools.lru_cache(_MENTIONED_KEPT)
def _to_mentioned_key(query: str) -> str:
    """Check a query that an interaction mentions and name it; most were mentioned before."""
    check_query(query, "/metadata/query")
    return to_query_key(query)


def _check_duration(duration: object) -> float | None:
    """Believe a dwell time within reason; what is no number is none of ours."""
    if not isinstance(duration, int | float) or isinstance(duration, bool):
        return None
    if not 0 <= duration <= MAX_DURATION_MS:
        detail = f"0 to {MAX_DURATION_MS:.0f} milliseconds are believed"
        raise RefusedError("out_of_range", "/metadata/duration_ms", detail)
    return float(duration)


def to_text(value: dict[str, Any], pointer: str) -> str:
    """Write an object as JSON text (keys sorted for filters, so that equal ones compare)."""
    encoder = _canonical if pointer == "/filters" else _plain
    text = encoder.encode(value)
    if len(text) > MAX_METADATA_BYTES:
        detail = f"at most {MAX_METADATA_BYTES} bytes of JSON are taken, got {len(text)}"
        raise RefusedError("too_large", pointer, detail)
    return text.decode()


def check_tags(tags: list[str] | None) -> str | None:
    """Write tags as JSON text."""
    if not tags:
        return None
    if len(tags) > MAX_TAGS:
        raise RefusedError("too_many", "/tags", f"at most {MAX_TAGS} tags are taken")
    for place, tag in enumerate(tags):
        if not is_plain(tag):
            raise _to_refusal(f"/tags/{place}")
    return _plain.encode(tags).decode()


def check_results(body: SearchBody) -> list[ResultRow]:
    """Turn the shown list into rows; positions follow from the order."""
    if body.results is None:
        return []
    if len(body.results) > MAX_RESULTS:
        detail = f"at most {MAX_RESULTS} results are taken, got {len(body.results)}"
        raise RefusedError("too_many", "/results", detail)
    if not is_plain("".join([result.document_id for result in body.results])):
        for place, result in enumerate(body.results):
            if not is_plain(result.document_id):
                raise _to_refusal(f"/results/{place}/document_id")
    return [
        ResultRow(result.document_id, result.score, result.logging_probability)
        for result in body.results
    ]
