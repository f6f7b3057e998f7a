"""Fields that requests of many kinds have, with their bounds, and what holds between them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Final

from msgspec import Meta

from rankloop.errors import InputError

MAX_DAYS: Final = 36_500
"""How far back `days` may reach."""

Text = Annotated[str, Meta(min_length=1, max_length=512)]
Moment = Annotated[
    datetime, Meta(tz=True, description="RFC 3339 with a zone, or a date, which means 00:00 UTC.")
]
Days = Annotated[
    float, Meta(gt=0, le=MAX_DAYS, description="Only the last so many days, counted from now.")
]
Start = Annotated[Moment, Meta(description="First moment that counts.")]
End = Annotated[Moment, Meta(description="First moment that no longer counts.")]


def check_window(days: float | None, start: datetime | None, end: datetime | None) -> None:
    """Refuse a window that contradicts itself.

    Raises:
        InputError: It ends before it starts, or its start is said twice.
    """
    if days is not None and start is not None:
        raise InputError("days and start cannot be given together", where="/days")
    if start is not None and end is not None and end < start:
        raise InputError("the window ends before it starts", where="/end")


def to_start(days: float | None, start: datetime | None, now: datetime) -> datetime | None:
    """Return the first moment that counts."""
    return start if days is None else now - timedelta(days=days)
