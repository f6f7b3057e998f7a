"""Which part of the log an answer is about."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from rankloop.errors import InputError

SEGMENT_FIELDS = ("surface", "device")


class Segment(msgspec.Struct, frozen=True):
    """A part of the traffic, by where and on what people searched."""

    surface: str | None = None
    """Only lists shown there; left out means all."""

    device: str | None = None
    """Only lists shown on this kind of device; left out means all."""

    @classmethod
    def parse(cls, text: str | None) -> Segment:
        """Read a segment as people type it: `device:mobile`, `surface:app,device:tablet`.

        Raises:
            InputError: The text names neither a surface nor a device, or one of them twice.

        Example:
            >>> Segment.parse("device:mobile")
            Segment(surface=None, device='mobile')
        """
        values: dict[str, str] = {}
        for part in (text or "").split(","):
            if not part.strip():
                continue
            name, _, value = (piece.strip() for piece in part.partition(":"))
            if name not in SEGMENT_FIELDS or not value or name in values:
                raise InputError(
                    f"segment {part.strip()!r} cannot be read",
                    where="/segment",
                    hint="Write `surface:NAME` or `device:NAME`, both parted by a comma.",
                )
            values[name] = value
        return cls(**values)


class InsightsWindow(msgspec.Struct, frozen=True):
    """From when to when, and which part of the traffic; everything when left out.

    The start is part of the window and the end is not. Moments carry a time zone.
    """

    start: datetime | None = None
    """First moment that counts; null for the beginning of the log."""

    end: datetime | None = None
    """First moment that no longer counts; null for the end of the log."""

    segment: Segment = Segment()
    """Which part of the traffic."""

    include_robots: bool = False
    """Whether robots count like people."""

    def __post_init__(self) -> None:
        for name, moment in (("start", self.start), ("end", self.end)):
            if moment is not None and moment.tzinfo is None:
                raise InputError(
                    f"{name} has no time zone",
                    where=f"/{name}",
                    hint="End it in Z for UTC, or in an offset such as +01:00.",
                )
        if self.start is not None and self.end is not None and self.end < self.start:
            raise InputError(
                f"the window ends at {self.end.isoformat()}, before it starts at "
                f"{self.start.isoformat()}",
                where="/end",
                hint="Exchange start and end.",
            )

    @classmethod
    def last_days(
        cls,
        days: int,
        now: datetime,
        segment: Segment | None = None,
        *,
        include_robots: bool = False,
    ) -> InsightsWindow:
        """Make the window of the last days before a moment.

        Raises:
            InputError: The number of days is under 1 or reaches before the year 1.

        Example:
            >>> from datetime import UTC
            >>> now = datetime(2026, 11, 8, tzinfo=UTC)
            >>> InsightsWindow.last_days(7, now).start.isoformat()
            '2026-11-01T00:00:00+00:00'
        """
        if not 1 <= days <= now.toordinal():
            raise InputError(f"days is {days}, it must be 1 or more", where="/days")
        start = now - timedelta(days=days)
        return cls(start, None, segment or Segment(), include_robots)
