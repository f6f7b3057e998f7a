"""Splits: what a model learns from, what it is chosen by, and what it is judged on.

Days are never mixed at random: a model is judged on later days than those it learned from, with a
gap between them, so that what a person did in one sitting does not stand on both sides. Queries
and people are told apart by hashes, so that they stand on the same side in every run.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, Literal

import msgspec
import numpy as np

from rankloop.errors import NotEnoughDataError, SettingsError, TableError
from rankloop.events.queries import normalize_query
from rankloop.tables.manifests import N_SHARDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankloop.tables.windows import InsightsWindow

Part = Literal["all", "seen", "unseen", "head", "torso", "tail"]
"""Queries that are measured apart."""

_SALT: Final = "rankloop split 1"
"""Part of every hash; another one would put queries and people on other sides."""

_HASHES: Final = 2.0**64


@dataclass(frozen=True, slots=True)
class SplitConfig:
    """How much is kept from learning."""

    validation_share: float = 0.15
    """Share of the days that candidates are chosen by, in (0, 1)."""

    test_share: float = 0.25
    """Share of the days that the chosen one is judged on, in (0, 1)."""

    gap_days: int = 1
    """Days that are left out between two parts, 0 or more."""

    query_share: float = 0.2
    """Share of the queries that no model learns from, in [0, 1)."""

    people_share: float = 0.25
    """Share of the groups of people that no model learns from, in [0, 1)."""

    def __post_init__(self) -> None:
        for name in ("validation_share", "test_share"):
            if not 0 < getattr(self, name) < 1:
                raise SettingsError(f"{name} must be in (0, 1)", where=name)
        for name in ("query_share", "people_share"):
            if not 0 <= getattr(self, name) < 1:
                raise SettingsError(f"{name} must be in [0, 1)", where=name)
        if self.validation_share + self.test_share >= 1:
            raise SettingsError("nothing is left to learn from", where="test_share")
        if self.gap_days < 0:
            raise SettingsError("gap_days must be 0 or more", where="gap_days")


@dataclass(frozen=True, slots=True)
class TimeSplit:
    """Three windows of whole days, one after the other.

    Attributes:
        train: What is learned from.
        validation: What candidates are chosen by.
        test: What the chosen one is judged on, once.
    """

    train: InsightsWindow
    validation: InsightsWindow
    test: InsightsWindow


def split_time(
    window: InsightsWindow, first: datetime, last: datetime, config: SplitConfig | None = None
) -> TimeSplit:
    """Cut a window into days to learn from, to choose by and to judge on.

    The last part ends where the window does, or is open where the window is.

    Args:
        window: What may be used.
        first: Moment of the first search in it, aware.
        last: Moment of the last search in it, aware.
        config: Shares and gap.

    Raises:
        NotEnoughDataError: There are fewer days than one for each part and the gaps.

    Example:
        >>> from rankloop.tables.windows import InsightsWindow
        >>> first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 20, 9, tzinfo=UTC)
        >>> split = split_time(InsightsWindow(), first, last)
        >>> [f"{part.end:%d}" for part in (split.train, split.validation)]
        ['12', '16']
        >>> [f"{part.start:%d}" for part in (split.validation, split.test)]
        ['13', '17']
    """
    config = config or SplitConfig()
    begin, end = _to_day(first), _to_day(last) + timedelta(days=1)
    n_days = (end - begin).days
    needed = 3 + 2 * config.gap_days
    if n_days < needed:
        raise NotEnoughDataError(
            f"the log spans {_count_days(n_days)}; learning, choosing and judging on days of "
            f"their own take {needed}",
            where="window",
            hint=f"Collect {_count_days(needed - n_days)} more, or take a longer window.",
        )
    n_used = n_days - 2 * config.gap_days
    n_test = max(1, round(n_used * config.test_share))
    n_validation = max(1, round(n_used * config.validation_share))
    gap = timedelta(days=config.gap_days)
    test = end - timedelta(days=n_test)
    validation = test - gap - timedelta(days=n_validation)
    return TimeSplit(
        msgspec.structs.replace(window, end=validation - gap),
        msgspec.structs.replace(window, start=validation, end=test - gap),
        msgspec.structs.replace(window, start=test),
    )


def hold_out_queries(texts: Sequence[str], config: SplitConfig | None = None) -> NDArray[np.bool_]:
    """Say which queries no model may learn from, by the words they have.

    Queries of the same words in another order, case or width stand on the same side.

    Args:
        texts: `[n_queries]` what people typed.
        config: How many of them.

    Returns:
        `[n_queries]` bool; a query without words is never held out.

    Example:
        >>> hold_out_queries(["red shoes", "Shoes  red", "lamp", ""]).tolist()
        [True, True, False, False]
    """
    config = config or SplitConfig()
    words = (" ".join(sorted(normalize_query(text).split())) for text in texts)
    held = [bool(each) and _hash("query", each) < config.query_share for each in words]
    return np.array(held, dtype=bool)


def split_people(config: SplitConfig | None = None) -> tuple[list[int], list[int]]:
    """Return the groups of people to learn from, and those to judge on; both ascending.

    Example:
        >>> taught, judging = split_people()
        >>> len(taught), len(judging), sorted(taught + judging) == list(range(64))
        (48, 16, True)
    """
    config = config or SplitConfig()
    order = sorted(range(N_SHARDS), key=lambda shard: _hash("people", str(shard)))
    n_judging = round(N_SHARDS * config.people_share)
    return sorted(order[n_judging:]), sorted(order[:n_judging])


def name_parts(
    searches: NDArray[np.int64], is_seen: NDArray[np.bool_]
) -> dict[Part, NDArray[np.bool_]]:
    """Say which queries belong to each part that is measured apart.

    The most frequent queries that make up a third of the searches are the head, the next third
    the torso, the rest the tail. Queries that are asked equally often stand together, where the
    middle of them falls.

    Args:
        searches: `[n_queries]` int64, how often each was asked.
        is_seen: `[n_queries]` bool, whether the model learned from the query.

    Returns:
        `[n_queries]` bool by part; a part may be empty.

    Raises:
        TableError: The arrays differ in length.

    Example:
        >>> parts = name_parts(np.array([40, 30, 20, 5, 5]), np.arange(5) < 4)
        >>> {name: np.flatnonzero(rows).tolist() for name, rows in parts.items() if name != "all"}
        {'seen': [0, 1, 2, 3], 'unseen': [4], 'head': [0], 'torso': [1], 'tail': [2, 3, 4]}
    """
    if searches.shape != is_seen.shape or searches.ndim != 1:
        raise TableError(
            f"searches are {searches.shape} but is_seen is {is_seen.shape}", where="is_seen"
        )
    frequency, place = np.unique(searches, return_inverse=True)
    mass = np.bincount(place, searches, frequency.size)
    above = mass[::-1].cumsum()[::-1] - mass
    middle = ((above + mass / 2) / max(float(mass.sum()), 1.0))[place]
    return {
        "all": np.ones(searches.size, dtype=bool),
        "seen": is_seen.copy(),
        "unseen": ~is_seen,
        "head": middle < 1 / 3,
        "torso": (middle >= 1 / 3) & (middle < 2 / 3),
        "tail": middle >= 2 / 3,
    }


def _hash(kind: str, text: str) -> float:
    """Return a number in [0, 1) that is a text's own, in every process."""
    digest = hashlib.blake2b(f"{_SALT}\x1f{kind}\x1f{text}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / _HASHES


def _to_day(moment: datetime) -> datetime:
    """Return the beginning of a moment's day, UTC."""
    return datetime.combine(moment.astimezone(UTC).date(), time(), UTC)


def _count_days(n_days: int) -> str:
    """Write a number of days."""
    return "1 day" if n_days == 1 else f"{n_days} days"
