"""What can be asked for: the parameters of every reading address, as records."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from rankloop.errors import InputError
from rankloop.events.types import to_mask
from rankloop.privacy.exports import ExportFormat
from rankloop.tables.fields import MAX_DAYS, Days, End, Start, Text, check_window, to_start
from rankloop.tables.windows import InsightsWindow, Segment

if TYPE_CHECKING:
    from collections.abc import Callable

    from rankloop.store.base import Value

MAX_PAGE_SIZE: Final = 1_000
"""Most rows of one page."""

DEFAULT_PAGE_SIZE: Final = 100
"""Rows of a page where the request does not say."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Position = Annotated[int, Meta(ge=0, le=2**31 - 1)]
MinInteractions = Annotated[
    int,
    Meta(
        ge=1,
        le=1_000_000,
        description="For pairs, distinct people who clicked a positive at least.",
    ),
]
PageNumber = Annotated[int, Meta(ge=1, le=10_000_000)]
PageSize = Annotated[int, Meta(ge=1, le=MAX_PAGE_SIZE)]
AllowStale = Annotated[
    bool,
    Meta(description="Answer from what the store has, if it lags behind, and say `behind`."),
]


class InteractionQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which interactions, and which page of them."""

    feature_id: Annotated[Text, Meta(description="Only about this document.")] | None = None
    user_id: Annotated[Text, Meta(description="Plain id or pseudonym.")] | None = None
    session_id: Text | None = None
    search_id: Text | None = None
    retriever_id: Text | None = None
    interaction_type: (
        Annotated[list[Text], Meta(max_length=100, description="At least one of these types.")]
        | Text
        | None
    ) = None
    position_gte: Position | None = None
    position_lte: Position | None = None
    days: Days | None = None
    start: Start | None = None
    end: End | None = None
    page: Annotated[PageNumber, Meta(description="From 1, with `page_size`.")] | None = None
    page_size: PageSize | None = None
    limit: (
        Annotated[int, Meta(ge=1, description="Rows wanted; up to 1,000, any number as NDJSON.")]
        | None
    ) = None
    offset: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    cursor: (
        Annotated[Text, Meta(description="`next_cursor` of the page before: stable under writes.")]
        | None
    ) = None
    include_total: bool = False
    allow_stale: AllowStale = False

    def __post_init__(self) -> None:
        check_window(self.days, self.start, self.end)
        styles = {
            "page": self.page is not None or self.page_size is not None,
            "offset": self.offset is not None,
            "cursor": self.cursor is not None,
        }
        chosen = [name for name, is_used in styles.items() if is_used]
        if len(chosen) > 1 or (styles["page"] and self.limit is not None):
            raise InputError(
                "two ways of paging cannot be mixed",
                where=f"/{chosen[-1]}",
                hint="Use page and page_size, or limit and offset, or limit and cursor.",
            )

    @property
    def size(self) -> int:
        """Rows of this page."""
        return self.limit or self.page_size or DEFAULT_PAGE_SIZE

    @property
    def skip(self) -> int:
        """Rows before this page; 0 with a cursor."""
        return ((self.page or 1) - 1) * self.size if self.offset is None else self.offset

    def check_page(self) -> None:
        """Refuse a page that is too long for one JSON document."""
        if self.size > MAX_PAGE_SIZE:
            raise InputError(
                f"limit is {self.size}, a page has at most {MAX_PAGE_SIZE} rows",
                where="/limit",
                hint="Follow next_cursor, or ask for application/x-ndjson.",
            )

    def to_parameters(self, to_lookup: Callable[[str], str], now: datetime) -> dict[str, Value]:
        """Return the filters as the store's questions take them, without the paging.

        Args:
            to_lookup: Plain id or pseudonym to what is stored.
            now: What `days` counts back from.
        """
        types = self.interaction_type
        if isinstance(types, str):
            types = [types]
        return {
            "feature_id": self.feature_id,
            "user_id": None if self.user_id is None else to_lookup(self.user_id),
            "session_id": self.session_id,
            "search_id": self.search_id,
            "retriever_id": self.retriever_id,
            "interaction_type": types,
            "type_mask": None if types is None else to_mask(types),
            "position_gte": self.position_gte,
            "position_lte": self.position_lte,
            "start": to_start(self.days, self.start, now),
            "end": self.end,
        }


class ExportQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which rows to export, and as what."""

    format: ExportFormat = "ndjson"
    retriever_id: Text | None = None
    days: Days | None = None
    start: Start | None = None
    end: End | None = None
    min_interactions: MinInteractions = 2
    weights: (
        Annotated[
            Text,
            Meta(
                description="For judgments, what the steps behind a click count for, such as "
                "`click:1,satisfied:1,cart:3,purchase:10`."
            ),
        ]
        | None
    ) = None
    source_weights: (
        Annotated[
            Text,
            Meta(
                description="For judgments, what each source counts for, such as "
                "`clicks:1,votes:1,human:3`; 1 where it is not named."
            ),
        ]
        | None
    ) = None

    def __post_init__(self) -> None:
        check_window(self.days, self.start, self.end)


class WindowQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which part of the log an estimate is about."""

    days: Annotated[int, Meta(ge=1, le=MAX_DAYS, description="Only the last days.")] | None = None
    start: Start | None = None
    end: End | None = None
    segment: (
        Annotated[Text, Meta(description="Such as `device:mobile` or `surface:app`.")] | None
    ) = None
    allow_stale: AllowStale = False

    def __post_init__(self) -> None:
        check_window(self.days, self.start, self.end)
        Segment.parse(self.segment)

    def to_window(self, now: datetime) -> InsightsWindow:
        """Return the window that the analytics understand."""
        start = to_start(self.days, self.start, now)
        return InsightsWindow(start=start, end=self.end, segment=Segment.parse(self.segment))


class SignalQuery(WindowQuery, frozen=True):
    """Which part of the log the signals are about."""

    include_robots: bool = False

    def to_window(self, now: datetime) -> InsightsWindow:
        """Return the window that the analytics understand."""
        window = WindowQuery.to_window(self, now)
        return msgspec.structs.replace(window, include_robots=self.include_robots)


class PartQuery(SignalQuery, frozen=True):
    """The same, one page at a time."""

    page: PageNumber = 1
    page_size: PageSize = 50


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an address without parameters takes."""


def encode_cursor(at: datetime, key: int) -> str:
    """Write down the last row seen, as an opaque text.

    Example:
        >>> decode_cursor(encode_cursor(datetime(2026, 11, 2, tzinfo=UTC), 7))
        (datetime.datetime(2026, 11, 2, 0, 0, tzinfo=datetime.timezone.utc), 7)
    """
    at_us = (at - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(f"1:{at_us}:{key}".encode()).decode().rstrip("=")


def decode_cursor(text: str) -> tuple[datetime, int]:
    """Read the last row seen.

    Raises:
        InputError: The text is no cursor of ours.
    """
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        version, at_us, key = base64.urlsafe_b64decode(padded).decode("ascii").split(":")
        if version != "1":
            raise ValueError(version)
        return _EPOCH + timedelta(microseconds=int(at_us)), int(key)
    except (ValueError, binascii.Error, OverflowError) as error:
        raise InputError(
            "this is no cursor of ours", where="/cursor", hint="Take `next_cursor` of a page."
        ) from error
