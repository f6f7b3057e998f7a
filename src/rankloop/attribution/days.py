"""Stretches of days that are derived in one go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_STRETCH_ROWS: Final = 4_000_000
"""Most raw rows of one stretch, where a day does not hold more: what a join keeps in memory."""

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days that follow each other."""

    first: date
    """The first day."""

    last: date
    """The last day."""

    @property
    def days(self) -> list[date]:
        """Every day of the stretch."""
        return [self.first + _DAY * place for place in range((self.last - self.first).days + 1)]

    @property
    def since(self) -> datetime:
        """The first moment of the stretch, UTC."""
        return datetime.combine(self.first, time(), UTC)

    @property
    def until(self) -> datetime:
        """The first moment after the stretch, UTC."""
        return datetime.combine(self.last, time(), UTC) + _DAY


def cut_stretches(
    days: Iterable[date], volumes: Mapping[date, int], max_rows: int = MAX_STRETCH_ROWS
) -> list[Stretch]:
    """Join days that follow each other until their rows are too many.

    Args:
        days: The days, in any order.
        volumes: Raw rows per day; a day that is absent has none.
        max_rows: Most rows of a stretch of more than one day.

    Returns:
        The stretches, ascending.

    Example:
        >>> first, second, fifth = date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 5)
        >>> [len(stretch.days) for stretch in cut_stretches([fifth, first, second], {})]
        [2, 1]
    """
    stretches: list[Stretch] = []
    n_rows = 0
    for day in sorted(set(days)):
        volume = volumes.get(day, 0)
        if stretches and stretches[-1].last + _DAY == day and n_rows + volume <= max_rows:
            stretches[-1] = Stretch(stretches[-1].first, day)
            n_rows += volume
        else:
            stretches.append(Stretch(day, day))
            n_rows = volume
    return stretches
