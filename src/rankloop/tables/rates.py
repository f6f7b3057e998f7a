"""A share of something, with the evidence behind it."""

from __future__ import annotations

from typing import Literal

from rankloop.tables.records import Record

ClusteredBy = Literal["user", "session", "search", "mixed"]
"""Whose outcomes an interval takes to hang together; mixed where rows differ in what they have."""


class Rate(Record, frozen=True):
    """A rate, how much it rests on, and between which bounds it is likely to lie.

    No data and no success are different answers: the value is null in the first case and 0 in
    the second.

    Example:
        >>> import msgspec
        >>> msgspec.json.encode(Rate.unknown()).decode()
        '{"value":null,"n":0,"low":null,"high":null,"clustered_by":null}'
    """

    value: float | None
    """The share, in [0, 1]; null where nothing was counted."""

    n: int
    """What the share is taken of: searches or impressions."""

    low: float | None
    """Lower end of the 95% interval, in [0, 1]."""

    high: float | None
    """Upper end of the 95% interval, in [0, 1]."""

    clustered_by: ClusteredBy | None
    """Whose outcomes were taken together; null where nothing was counted."""

    @classmethod
    def unknown(cls) -> Rate:
        """Return the rate of nothing."""
        return cls(value=None, n=0, low=None, high=None, clustered_by=None)
