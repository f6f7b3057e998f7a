"""Cells kept by day, and rolled up to weeks once those are closed.

A week is closed when a later one than the next has a list: what arrives late mostly belongs to the
last days, which are cheap to rebuild. What is closed follows from the lists alone, never from the
clock, so that a log from which somebody was erased is cut as if it had never held them.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from rankloop.attribution.days import cut_stretches

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from rankloop.store.base import Transaction

N_OPEN_WEEKS: Final = 2
"""Weeks whose cells are kept by day: that of the last list and those before it."""

_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)


def refresh_cells(
    transaction: Transaction, days: Collection[date], volumes: Mapping[date, int]
) -> None:
    """Count the cells of some days anew, roll closed weeks up and lay reopened ones out by day.

    Args:
        transaction: Where the click log is up to date.
        days: Days whose lists were derived anew.
        volumes: Raw rows per day, which say how many days are counted in one go.
    """
    if not days:
        return
    by_day, rolled, last = _read_spans(transaction)
    opened = date.min if last is None else last - (N_OPEN_WEEKS - 1) * _WEEK
    closing = {week for week in by_day if week < opened}
    opening = {week for week in rolled if week >= opened}
    transaction.delete_days("cell_days", _list_days(closing))
    transaction.delete_days("cell_weeks", sorted(opening))
    _count_days(transaction, {*_list_days(opening), *(d for d in days if d >= opened)}, volumes)
    _count_weeks(transaction, closing | {find_week(day) for day in days if day < opened})


def find_week(day: date) -> date:
    """Return the Monday of a day's week.

    Example:
        >>> find_week(date(2026, 1, 1)).isoformat()
        '2025-12-29'
    """
    return day - timedelta(days=day.weekday())


def _list_days(weeks: Iterable[date]) -> list[date]:
    """List the days of some weeks."""
    return [week + place * _DAY for week in sorted(weeks) for place in range(7)]


def _read_spans(transaction: Transaction) -> tuple[set[date], set[date], date | None]:
    """Read which weeks are kept by day, which are rolled up, and the week of the last list."""
    rows = transaction.ask("derive_cell_spans").to_pylist()
    weeks = [{row["week"] for row in rows if row["form"] == form} for form in range(3)]
    return weeks[0], weeks[1], weeks[2].pop()


def _count_days(
    transaction: Transaction, days: Iterable[date], volumes: Mapping[date, int]
) -> None:
    """Count days."""
    for stretch in cut_stretches(days, volumes):
        span = {"since": stretch.since, "until": stretch.until}
        transaction.replace_days("cell_days", "cell_days", stretch.days, span)


def _count_weeks(transaction: Transaction, weeks: Iterable[date]) -> None:
    """Count weeks whole: adding days up would count everything twice."""
    for week in sorted(weeks):
        since = datetime.combine(week, time(), UTC)
        span = {"since": since, "until": since + _WEEK}
        transaction.replace_days("cell_weeks", "cell_weeks", [week], span)
