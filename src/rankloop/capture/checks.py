"""The one law on what a valid event is, and the step from the wire form to the row at rest.

Every way in ends here: HTTP requests directly, files for each line that the import's fast lane
does not recognize as surely valid.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import msgspec

from rankloop.events.bodies import InteractionBody, SearchBody
from rankloop.events.identity import PSEUDONYM_PREFIX, is_identifier, make_uuid7s
from rankloop.events.limits import (
    EARLIEST_AT_US,
    MAX_AHEAD_US,
    MAX_DOCUMENT_ID_CHARACTERS,
    MAX_DURATION_MS,
    MAX_METADATA_BYTES,
    MAX_QUERY_CHARACTERS,
    MAX_RESULTS,
    MAX_TAGS,
    MAX_TYPES_PER_INTERACTION,
)
from rankloop.events.queries import to_query_key
from rankloop.events.refusals import RefusedError, from_decoding
from rankloop.events.rows import InteractionRow, ResultRow, SearchRow
from rankloop.events.types import SIGNAL_BITS, is_type_name, needs_document, to_mask
from rankloop.events.verdicts import Rejection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Body = TypeVar("Body", InteractionBody, SearchBody)
Row = TypeVar("Row", InteractionRow, SearchRow)

_DECODING = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MICROS: Final = 1_000_000
_canonical = msgspec.json.Encoder(order="sorted")
_plain = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Checked(Generic[Row]):
    """What became of a batch: rows to keep, and a verdict for each item that is not."""

    rows: list[Row]
    row_indexes: list[int]
    """Place in the batch of each row."""
    client_named: list[bool]
    """Whether the client made the row's identifier itself."""
    rejected: list[Rejection]


class TypeLedger:
    """The custom types that an installation has seen, up to a bound.

    Identifiers sent as types by mistake would otherwise make every later table as long as the
    log.

    Example:
        >>> ledger = TypeLedger(most=1)
        >>> ledger.admit("hovered"), ledger.admit("rotated"), ledger.admit("hovered")
        (True, False, True)
    """

    def __init__(self, known: Iterable[str] = (), *, most: int = 1_000) -> None:
        self.most = most
        self._custom = {name for name in known if name not in SIGNAL_BITS}
        self._lock = threading.Lock()

    def admit(self, name: str) -> bool:
        """Take a custom type in; False where the bound is reached and it is not known."""
        if name in self._custom:
            return True
        with self._lock:
            if len(self._custom) >= self.most:
                return False
            self._custom.add(name)
        return True


class Checker:
    """Turn wire bodies into rows, or say what is wrong with them.

    Args:
        pseudonymize: Plain user id to what is stored.
        types: The custom types known so far.
    """

    def __init__(self, pseudonymize: Callable[[str], str], types: TypeLedger) -> None:
        self._pseudonymize = pseudonymize
        self._types = types
        self._interactions = msgspec.json.Decoder(InteractionBody)
        self._searches = msgspec.json.Decoder(SearchBody)

    def check_interactions(
        self, items: Sequence[bytes | msgspec.Raw], received_at: int, source: str = "api"
    ) -> Checked[InteractionRow]:
        """Check interactions one by one; a bad one never spoils the others.

        Args:
            items: JSON texts, one interaction each.
            received_at: When they reached us, microseconds UTC.
            source: Where they came from, such as `api` or `native`.

        Returns:
            Rows in the order sent, and the rejections.
        """
        bodies, rejected = _decode(self._interactions, items)
        fresh = iter(make_uuid7s(sum(b.interaction_id is None for _, b in bodies), received_at))
        rows, indexes, named = [], [], []
        for index, body in bodies:
            try:
                row = self._to_interaction(body, received_at, source)
            except RefusedError as refused:
                rejected.append(_reject(index, refused))
                continue
            named.append(bool(row.interaction_id))
            if not row.interaction_id:
                row.interaction_id = next(fresh)
            rows.append(row)
            indexes.append(index)
        return Checked(rows, indexes, named, _sorted(rejected))

    def check_searches(
        self, items: Sequence[bytes | msgspec.Raw], received_at: int, source: str = "api"
    ) -> Checked[SearchRow]:
        """Check searches one by one; arguments and result as for interactions."""
        bodies, rejected = _decode(self._searches, items)
        rows, indexes, named = [], [], []
        for index, body in bodies:
            try:
                row = self._to_search(body, received_at, source)
            except RefusedError as refused:
                rejected.append(_reject(index, refused))
                continue
            named.append(bool(row.search_id))
            if not row.search_id:
                row.search_id = make_uuid7s(1, received_at)[0]
            rows.append(row)
            indexes.append(index)
        return Checked(rows, indexes, named, _sorted(rejected))

    def _to_interaction(
        self, body: InteractionBody, received_at: int, source: str
    ) -> InteractionRow:
        types = self._check_types(body.interaction_type)
        document_id = _same(body.feature_id, body.document_id, "feature_id", "document_id")
        _check_identifier(document_id, "/feature_id", MAX_DOCUMENT_ID_CHARACTERS)
        if document_id is None and needs_document(types):
            raise RefusedError("missing_field", "/feature_id", f"{types[0]} needs a feature_id")
        search_id = _same(body.search_id, body.execution_id, "search_id", "execution_id")
        _check_identifier(search_id, "/search_id")
        _check_identifier(body.retriever_id, "/retriever_id")
        _check_identifier(body.session_id, "/session_id")
        _check_identifier(body.interaction_id, "/interaction_id")
        _check_retriever(body.retriever_id)
        row = InteractionRow(
            interaction_id=body.interaction_id or "",
            at=_check_moment(body.timestamp, received_at),
            received_at=received_at,
            types=types,
            type_mask=to_mask(types),
            retriever_id=body.retriever_id,
            search_id=search_id,
            document_id=document_id,
            position=body.position,
            user=self._check_user(body.user_id),
            session_id=body.session_id,
            value_micros=None if body.value is None else round(body.value * _MICROS),
            currency=body.currency,
            source=source,
        )
        if body.metadata:
            _take_metadata(row, body.metadata)
        return row

    def _to_search(self, body: SearchBody, received_at: int, source: str) -> SearchRow:
        if body.query is None:
            raise RefusedError("missing_field", "/query", "a search needs a query")
        _check_query(body.query, "/query")
        search_id = _same(body.search_id, body.execution_id, "search_id", "execution_id")
        _check_identifier(search_id, "/search_id")
        _check_identifier(body.retriever_id, "/retriever_id")
        _check_identifier(body.session_id, "/session_id")
        _check_retriever(body.retriever_id)
        for name in ("surface", "device", "pipeline_version", "variant"):
            _check_identifier(getattr(body, name), f"/{name}")
        filters = _to_text(body.filters, "/filters") if body.filters else None
        return SearchRow(
            search_id=search_id or "",
            at=_check_moment(body.timestamp, received_at),
            received_at=received_at,
            retriever_id=body.retriever_id or "default",
            query=body.query,
            query_key=to_query_key(body.query, filters),
            page_offset=body.offset,
            pipeline_version=body.pipeline_version,
            filters=filters,
            user=self._check_user(body.user_id),
            session_id=body.session_id,
            surface=body.surface,
            device=body.device,
            actor=body.actor or "human",
            variant=body.variant,
            total=body.total,
            latency_ms=body.latency_ms,
            tags=_check_tags(body.tags),
            source=source,
            n_results=None if body.results is None else len(body.results),
            results=_check_results(body),
        )

    def _check_types(self, given: str | list[str] | None) -> list[str]:
        if given is None:
            raise RefusedError("missing_field", "/interaction_type", "at least one type is needed")
        types = [given] if isinstance(given, str) else list(dict.fromkeys(given))
        if not 0 < len(types) <= MAX_TYPES_PER_INTERACTION:
            detail = f"1 to {MAX_TYPES_PER_INTERACTION} types are taken, got {len(types)}"
            raise RefusedError("out_of_range", "/interaction_type", detail)
        for place, name in enumerate(types):
            if name in SIGNAL_BITS:
                continue
            pointer = (
                "/interaction_type" if isinstance(given, str) else f"/interaction_type/{place}"
            )
            if not is_type_name(name):
                detail = "a type is 1 to 64 word characters (letters, digits, underscore)"
                raise RefusedError("invalid_type_name", pointer, detail)
            if not self._types.admit(name):
                detail = f"over {self._types.most} distinct custom types; is this an identifier?"
                raise RefusedError("too_many_types", pointer, detail)
        return types

    def _check_user(self, user_id: str | None) -> str | None:
        if user_id is None:
            return None
        _check_identifier(user_id, "/user_id")
        if user_id.startswith(PSEUDONYM_PREFIX):
            detail = f"a user_id may not begin with {PSEUDONYM_PREFIX}"
            raise RefusedError("reserved", "/user_id", detail)
        return self._pseudonymize(user_id)


def _decode(
    decoder: msgspec.json.Decoder[Body], items: Sequence[bytes | msgspec.Raw]
) -> tuple[list[tuple[int, Body]], list[Rejection]]:
    """Decode all items at once; only where one fails, look for the bad ones."""
    try:
        return list(enumerate([decoder.decode(item) for item in items])), []
    except _DECODING:
        bodies: list[tuple[int, Body]] = []
        rejected = []
        for index, item in enumerate(items):
            try:
                bodies.append((index, decoder.decode(item)))
            except _DECODING as error:
                rejected.append(_reject(index, from_decoding(error)))
        return bodies, rejected


def _reject(index: int, refused: RefusedError) -> Rejection:
    """Give a refusal its place in the batch."""
    return Rejection(index, refused.code, refused.pointer, refused.detail)


def _sorted(rejected: list[Rejection]) -> list[Rejection]:
    """Order rejections as the items were sent."""
    return sorted(rejected, key=lambda rejection: rejection.index)


def _same(first: str | None, second: str | None, name: str, alias: str) -> str | None:
    """Merge a field with its alias; both given and different is a contradiction."""
    if first is not None and second is not None and first != second:
        raise RefusedError("conflict", f"/{alias}", f"{alias} differs from {name}")
    return second if first is None else first


def _check_identifier(text: str | None, pointer: str, most: int = 128) -> None:
    """Refuse an identifier that is empty, too long or holds spaces or control characters."""
    if text is not None and not is_identifier(text, most):
        detail = f"1 to {most} printable characters without spaces are taken"
        raise RefusedError("invalid_identifier", pointer, detail)


def _check_retriever(retriever_id: str | None) -> None:
    """Refuse the one retriever id whose address would mean something else."""
    if retriever_id == "interactions":
        raise RefusedError("reserved", "/retriever_id", "`interactions` is a reserved id")


def _check_query(query: str, pointer: str) -> None:
    """Refuse a query that is too long or holds a zero byte."""
    if len(query) > MAX_QUERY_CHARACTERS:
        detail = f"a query has at most {MAX_QUERY_CHARACTERS} characters, got {len(query)}"
        raise RefusedError("too_long", pointer, detail)
    if "\x00" in query:
        raise RefusedError("invalid_text", pointer, "a query may not hold a zero byte")


def _check_moment(moment: datetime | None, received_at: int) -> int:
    """Turn the client's time into microseconds; refuse what no clock skew explains."""
    if moment is None:
        return received_at
    at = (moment - _EPOCH) // _MICROSECOND
    if at < EARLIEST_AT_US:
        raise RefusedError("out_of_range", "/timestamp", "before 2000; is the unit right?")
    if at > received_at + MAX_AHEAD_US:
        raise RefusedError("out_of_range", "/timestamp", "over 24 hours ahead of our clock")
    return at


def _take_metadata(row: InteractionRow, metadata: dict[str, Any]) -> None:
    """Keep the free metadata as text, and the parts that mean something as columns."""
    row.metadata = _to_text(metadata, "/metadata")
    query = metadata.get("query")
    if isinstance(query, str):
        _check_query(query, "/metadata/query")
        row.query = query
        row.query_key = to_query_key(query)
    device = metadata.get("device")
    if isinstance(device, str) and is_identifier(device):
        row.device = device
    duration = metadata.get("duration_ms")
    if isinstance(duration, int | float) and not isinstance(duration, bool):
        if not 0 <= duration <= MAX_DURATION_MS:
            detail = f"0 to {MAX_DURATION_MS:.0f} milliseconds are believed"
            raise RefusedError("out_of_range", "/metadata/duration_ms", detail)
        row.duration_ms = float(duration)


def _to_text(value: dict[str, Any], pointer: str) -> str:
    """Write an object as JSON text (keys sorted for filters, so that equal ones compare)."""
    encoder = _canonical if pointer == "/filters" else _plain
    text = encoder.encode(value)
    if len(text) > MAX_METADATA_BYTES:
        detail = f"at most {MAX_METADATA_BYTES} bytes of JSON are taken, got {len(text)}"
        raise RefusedError("too_large", pointer, detail)
    return text.decode()


def _check_tags(tags: list[str] | None) -> str | None:
    """Write tags as JSON text."""
    if not tags:
        return None
    if len(tags) > MAX_TAGS:
        raise RefusedError("too_many", "/tags", f"at most {MAX_TAGS} tags are taken")
    for place, tag in enumerate(tags):
        _check_identifier(tag, f"/tags/{place}")
    return _plain.encode(tags).decode()


def _check_results(body: SearchBody) -> list[ResultRow]:
    """Turn the shown list into rows; positions follow from the order."""
    if body.results is None:
        return []
    if len(body.results) > MAX_RESULTS:
        detail = f"at most {MAX_RESULTS} results are taken, got {len(body.results)}"
        raise RefusedError("too_many", "/results", detail)
    for place, result in enumerate(body.results):
        if not is_identifier(result.document_id, MAX_DOCUMENT_ID_CHARACTERS):
            _check_identifier(
                result.document_id,
                f"/results/{place}/document_id",
                MAX_DOCUMENT_ID_CHARACTERS,
            )
    return [
        ResultRow(result.document_id, result.score, result.logging_probability)
        for result in body.results
    ]
