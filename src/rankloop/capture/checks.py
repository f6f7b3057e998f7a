"""The one law on what a valid event is, and the step from the wire form to the row at rest.

Every way in ends here: HTTP requests directly, files for each line that the import's fast lane
does not recognize as surely valid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import msgspec

from rankloop.capture.fields import (
    INTERACTION_NAMES,
    SEARCH_NAMES,
    check_moment,
    check_names,
    check_query,
    check_results,
    check_retriever,
    check_tags,
    have_plain_names,
    merge_alias,
    take_metadata,
    to_text,
)
from rankloop.events.bodies import InteractionBody, SearchBody
from rankloop.events.identity import PSEUDONYM_PREFIX, make_uuid7s
from rankloop.events.limits import (
    MAX_TYPES_PER_INTERACTION,
)
from rankloop.events.queries import to_query_key
from rankloop.events.refusals import RefusedError, from_decoding
from rankloop.events.rows import InteractionRow, SearchRow
from rankloop.events.types import SIGNAL_BITS, is_type_name, needs_document, to_mask
from rankloop.events.verdicts import Rejection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rankloop.capture.custom_types import TypeLedger

Body = TypeVar("Body", InteractionBody, SearchBody)
Row = TypeVar("Row", InteractionRow, SearchRow)

_DECODING = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_MICROS: Final = 1_000_000
_MOST_COMBINATIONS: Final = 4_096


@dataclass(frozen=True, slots=True)
class Checked(Generic[Row]):
    """What became of a batch: rows to keep, and a verdict for each item that is not."""

    rows: list[Row]
    row_indexes: list[int]
    """Place in the batch of each row."""
    client_named: list[bool]
    """Whether the client made the row's identifier itself."""
    rejected: list[Rejection]


class Checker:
    """Turn wire bodies into rows, or say what is wrong with them.

    Args:
        pseudonymize: Plain user id to what is stored.
        types: The custom types known so far.
    """

    def __init__(self, pseudonymize: Callable[[str], str], types: TypeLedger) -> None:
        self._pseudonymize = pseudonymize
        self._types = types
        # A custom type once admitted stays so, hence what was found holds.
        self._combinations: dict[str | tuple[str, ...] | None, tuple[list[str], int]] = {}
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
        are_plain = have_plain_names(bodies, INTERACTION_NAMES)
        rows, indexes = [], []
        for index, body in enumerate(bodies):
            if body is None:
                continue
            try:
                rows.append(self._to_interaction(body, received_at, source, are_plain))
                indexes.append(index)
            except RefusedError as refused:
                rejected.append(_reject(index, refused))
        named = [row.interaction_id != "" for row in rows]
        fresh = iter(make_uuid7s(named.count(False), received_at))
        for row in rows:
            if not row.interaction_id:
                row.interaction_id = next(fresh)
        return Checked(rows, indexes, named, _sorted(rejected))

    def check_searches(
        self, items: Sequence[bytes | msgspec.Raw], received_at: int, source: str = "api"
    ) -> Checked[SearchRow]:
        """Check searches one by one; arguments and result as for interactions."""
        bodies, rejected = _decode(self._searches, items)
        are_plain = have_plain_names(bodies, SEARCH_NAMES)
        rows, indexes = [], []
        for index, body in enumerate(bodies):
            if body is None:
                continue
            try:
                rows.append(self._to_search(body, received_at, source, are_plain))
                indexes.append(index)
            except RefusedError as refused:
                rejected.append(_reject(index, refused))
        named = [row.search_id != "" for row in rows]
        fresh = iter(make_uuid7s(named.count(False), received_at))
        for row in rows:
            if not row.search_id:
                row.search_id = next(fresh)
        return Checked(rows, indexes, named, _sorted(rejected))

    def _to_interaction(
        self, body: InteractionBody, received_at: int, source: str, are_plain: bool
    ) -> InteractionRow:
        types, type_mask = self._check_types(body.interaction_type)
        document_id, search_id = body.feature_id, body.search_id
        if body.document_id is not None:
            document_id = merge_alias(document_id, body.document_id, "feature_id", "document_id")
        if body.execution_id is not None:
            search_id = merge_alias(search_id, body.execution_id, "search_id", "execution_id")
        if document_id is None and needs_document(type_mask):
            raise RefusedError("missing_field", "/feature_id", f"{types[0]} needs a feature_id")
        if not are_plain:
            check_names(body, INTERACTION_NAMES)
        if body.retriever_id is not None:
            check_retriever(body.retriever_id)
        row = InteractionRow(
            interaction_id=body.interaction_id or "",
            at=received_at if body.timestamp is None else check_moment(body.timestamp, received_at),
            received_at=received_at,
            types=types,
            type_mask=type_mask,
            retriever_id=body.retriever_id,
            search_id=search_id,
            document_id=document_id,
            position=body.position,
            user=None if body.user_id is None else self._check_user(body.user_id),
            session_id=body.session_id,
            value_micros=None if body.value is None else round(body.value * _MICROS),
            currency=body.currency,
            source=source,
        )
        if body.metadata:
            take_metadata(row, body.metadata)
        return row

    def _to_search(
        self, body: SearchBody, received_at: int, source: str, are_plain: bool
    ) -> SearchRow:
        if body.query is None:
            raise RefusedError("missing_field", "/query", "a search needs a query")
        check_query(body.query, "/query")
        search_id = merge_alias(body.search_id, body.execution_id, "search_id", "execution_id")
        if not are_plain:
            check_names(body, SEARCH_NAMES)
        check_retriever(body.retriever_id)
        filters = to_text(body.filters, "/filters") if body.filters else None
        return SearchRow(
            search_id=search_id or "",
            at=check_moment(body.timestamp, received_at),
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
            tags=check_tags(body.tags),
            source=source,
            n_results=None if body.results is None else len(body.results),
            results=check_results(body),
        )

    def _check_types(self, given: str | list[str] | None) -> tuple[list[str], int]:
        """Return the types without repetition, and their mask; most were seen before."""
        combination = tuple(given) if isinstance(given, list) else given
        found = self._combinations.get(combination)
        if found is None:
            types = self._admit_types(given)
            found = types, to_mask(types)
            if len(self._combinations) < _MOST_COMBINATIONS:
                self._combinations[combination] = found
        return found

    def _admit_types(self, given: str | list[str] | None) -> list[str]:
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
        if user_id.startswith(PSEUDONYM_PREFIX):
            detail = f"a user_id may not begin with {PSEUDONYM_PREFIX}"
            raise RefusedError("reserved", "/user_id", detail)
        return self._pseudonymize(user_id)


def _decode(
    decoder: msgspec.json.Decoder[Body], items: Sequence[bytes | msgspec.Raw]
) -> tuple[Sequence[Body | None], list[Rejection]]:
    """Decode all items at once; only where one fails, look for the bad ones, which give None."""
    try:
        decoded: list[Body] = decoder.decode_lines(b"\n".join(items))
        if len(decoded) == len(items):
            return decoded, []
    except _DECODING:
        pass
    bodies: list[Body | None] = []
    rejected = []
    for index, item in enumerate(items):
        try:
            bodies.append(decoder.decode(item))
        except _DECODING as error:
            bodies.append(None)
            rejected.append(_reject(index, from_decoding(error)))
    return bodies, rejected


def _reject(index: int, refused: RefusedError) -> Rejection:
    """Give a refusal its place in the batch."""
    return Rejection(index, refused.code, refused.pointer, refused.detail)


def _sorted(rejected: list[Rejection]) -> list[Rejection]:
    """Order rejections as the items were sent."""
    return sorted(rejected, key=lambda rejection: rejection.index)
