"""Numbers as people read them: shares, intervals, counts, times, ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

UNKNOWN: Final = "–"
"""What stands where the log cannot answer."""

SMALL: Final = 0.01
"""Shares under this get two decimals."""


def to_percent(share: float | None) -> str:
    """Write a share as a percentage.

    Example:
        >>> to_percent(0.4187), to_percent(0.0042), to_percent(0.0), to_percent(None)
        ('41.9%', '0.42%', '0%', '–')
    """
    if share is None:
        return UNKNOWN
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    return f"{share:.2%}" if share < SMALL else f"{share:.1%}"


def to_interval(rate: Mapping[str, Any]) -> str:
    """Write the 95% interval of a rate.

    Example:
        >>> to_interval({"low": 0.41, "high": 0.428}), to_interval({"low": None, "high": None})
        ('41.0–42.8%', '')
    """
    low, high = rate.get("low"), rate.get("high")
    if low is None or high is None:
        return ""
    decimals = 2 if high < SMALL else 1
    return f"{100 * low:.{decimals}f}–{100 * high:.{decimals}f}%"


def to_evidence(rate: Mapping[str, Any]) -> str:
    """Write what a rate rests on: interval, n, and whose outcomes were taken together.

    Example:
        >>> to_evidence({"low": 0.1, "high": 0.2, "n": 1000, "clustered_by": "user"})
        '10.0–20.0%, n=1,000, by user'
        >>> to_evidence({"low": None, "high": None, "n": 0, "clustered_by": None})
        'no data'
    """
    if not rate.get("n"):
        return "no data"
    parts = [to_interval(rate), f"n={rate['n']:,}"]
    if rate.get("clustered_by"):
        parts.append(f"by {rate['clustered_by']}")
    return ", ".join(part for part in parts if part)


def to_rate(rate: Mapping[str, Any]) -> str:
    """Write a rate with its interval.

    Example:
        >>> to_rate({"value": 0.15, "low": 0.1, "high": 0.2})
        '15.0% (10.0–20.0%)'
    """
    interval = to_interval(rate)
    text = to_percent(rate.get("value"))
    return f"{text} ({interval})" if interval else text


def to_seconds(seconds: float | None) -> str:
    """Write a duration.

    Example:
        >>> to_seconds(4.26), to_seconds(75.0), to_seconds(None)
        ('4.3 s', '1.2 min', '–')
    """
    if seconds is None:
        return UNKNOWN
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} min"


def to_rank(position: float | None) -> str:
    """Write a position, which counts from 0, as a rank, which counts from 1.

    Example:
        >>> to_rank(0), to_rank(1.25), to_rank(None)
        ('1', '2.2', '–')
    """
    if position is None:
        return UNKNOWN
    rank = position + 1
    return f"{rank:.0f}" if isinstance(position, int) else f"{rank:.1f}"


def to_count(number: float | None) -> str:
    """Write a count, a mean count with one decimal.

    Example:
        >>> to_count(31564), to_count(38.25), to_count(None)
        ('31,564', '38.2', '–')
    """
    if number is None:
        return UNKNOWN
    return f"{number:,}" if isinstance(number, int) else f"{number:,.1f}"


def to_counted(number: int, one: str, many: str = "") -> str:
    """Write a count with the name of what is counted, in the singular for one.

    Example:
        >>> to_counted(1, "visit"), to_counted(1234, "visit"), to_counted(2, "search", "searches")
        ('1 visit', '1,234 visits', '2 searches')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
