"""The rules of attribution as numbers, and what one refresh did."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final

from rankloop.errors import SettingsError

if TYPE_CHECKING:
    from datetime import date

RULES_VERSION: Final = 3
"""Raised whenever the questions that derive change their answers, so that all is derived anew."""

_HOUR_US: Final = 3_600_000_000
_SECOND_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class AttributionConfig:
    """Settings of attribution; the defaults are what the documentation promises.

    Example:
        >>> AttributionConfig(window_s=3_600).window_us
        3600000000
    """

    window_s: float = 86_400.0
    """How long after a list an interaction that names no search may be credited, in seconds."""

    session_gap_s: float = 1_800.0
    """Longest pause within a visit, in seconds."""

    robot_searches_per_hour: int = 500
    """Most lists that a person is shown in an hour."""

    robot_interactions_per_hour: int = 1_000
    """Most interactions of a person in an hour."""

    repeat_window_s: float = 1_800.0
    """Longest time after which an unchanged list counts as shown again, in seconds."""

    reformulation_s: float = 300.0
    """Longest time until the next query that counts as another try, in seconds."""

    quiet_s: float = 60.0
    """How long nothing else may be asked for after a last click that ended a search, in seconds."""

    def __post_init__(self) -> None:
        spans = ("window_s", "session_gap_s", "repeat_window_s", "reformulation_s", "quiet_s")
        for name in spans:
            if not 0 < getattr(self, name) <= 366 * 86_400:
                raise SettingsError(
                    f"{name} must be above 0 and at most a year", where=f"attribution.{name}"
                )
        for name in ("robot_searches_per_hour", "robot_interactions_per_hour"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} must be 1 or more", where=f"attribution.{name}")

    @property
    def window_us(self) -> int:
        """The window in microseconds."""
        return int(self.window_s * _SECOND_US)

    @property
    def margin_us(self) -> int:
        """How far around a list others matter to it, in microseconds: an hour at least."""
        seconds = max(self.repeat_window_s, self.reformulation_s)
        return max(int(seconds * _SECOND_US), _HOUR_US)

    @property
    def search_log_parameters(self) -> dict[str, int]:
        """Parameters of the question `search_log` that do not depend on the days."""
        return {
            "margin_us": self.margin_us,
            "session_gap_us": int(self.session_gap_s * _SECOND_US),
            "repeat_window_us": int(self.repeat_window_s * _SECOND_US),
            "reformulation_us": int(self.reformulation_s * _SECOND_US),
            "quiet_us": int(self.quiet_s * _SECOND_US),
            "robot_searches": self.robot_searches_per_hour,
            "robot_interactions": self.robot_interactions_per_hour,
        }

    @property
    def rules(self) -> int:
        """A positive number that stands for these rules and changes with any of them."""
        text = repr((RULES_VERSION, tuple(float(value) for value in astuple(self))))
        digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()
        return (int.from_bytes(digest[:8], "big") >> 1) | 1


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What one refresh did."""

    interaction_days: tuple[date, ...] = ()
    """Days of which the interactions were credited anew, ascending."""

    search_days: tuple[date, ...] = ()
    """Days of which the lists were derived anew, ascending."""

    n_credits: int = 0
    """Rows written to `credits`."""

    n_searches: int = 0
    """Rows written to `search_log`."""

    n_impressions: int = 0
    """Rows written to `click_log`."""

    took_ms: float = 0.0
    """Time it took, waiting for others included."""

    @property
    def is_changed(self) -> bool:
        """Whether anything was derived."""
        return bool(self.interaction_days or self.search_days)
