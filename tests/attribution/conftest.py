"""A log written by hand, its derived tables, and attribution done slowly in plain Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rankloop.attribution.base import AttributionConfig
from rankloop.attribution.derivation import Derivation
from rankloop.events.rows import InteractionRow, ResultRow, SearchRow
from rankloop.events.types import CLICK_MASK, CONVERSION_MASK, SIGNAL_BITS, to_mask
from rankloop.store.base import StoreConfig
from rankloop.store.duckdb import DuckDBStore

SECOND = 1_000_000
START = int(datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()) * SECOND
DAY = 86_400 * SECOND
HOUR = 3_600 * SECOND


def make_search(search_id: str, at_s: float, documents: Iterable[str] | None, **more: Any):
    """Make a list shown `at_s` seconds after noon; None for one that is not known."""
    at = START + int(at_s * SECOND)
    results = [ResultRow(document) for document in documents or ()]
    row = {
        "search_id": search_id,
        "at": at,
        "received_at": at,
        "retriever_id": "products",
        "query": "shoes",
        "query_key": "shoes",
        "results": results,
        "n_results": None if documents is None else len(results),
    }
    return SearchRow(**(row | more))


def make_interaction(
    interaction_id: str, at_s: float, document: str | None, types: Iterable[str] = (), **more: Any
):
    """Make an interaction `at_s` seconds after noon; a click unless types are given."""
    at = START + int(at_s * SECOND)
    names = list(types) or ["click"]
    row = {
        "interaction_id": interaction_id,
        "at": at,
        "received_at": at,
        "document_id": document,
        "types": names,
        "type_mask": to_mask(names),
        "retriever_id": "products",
    }
    return InteractionRow(**(row | more))


def to_lines(rows: Iterable[msgspec.Struct]) -> bytes:
    """Encode rows as the journal does."""
    encode = msgspec.json.Encoder().encode
    return b"".join(encode(row) + b"\n" for row in rows)


_CREDITS = """
    SELECT i.interaction_id, s.search_id, s.page_offset, c.position, c.rule,
        c.interaction_day = i.at::DATE AS is_filed
    FROM credits c
    JOIN interactions i ON i.interaction_key = c.interaction_key
    LEFT JOIN searches s ON s.search_key = c.search_key
"""
_SEARCH_LOG = """
    SELECT s.search_id, s.page_offset, l.* EXCLUDE (search_key, cluster_key),
        CASE WHEN l.cluster_level < 2 THEN l.cluster_key END AS cluster_key
    FROM search_log l
    JOIN searches s ON s.search_key = l.search_key
"""
_CLICK_LOG = """
    SELECT s.search_id, s.page_offset, c.* EXCLUDE (search_key, cluster_key),
        CASE WHEN c.cluster_level < 2 THEN c.cluster_key END AS cluster_key
    FROM click_log c
    JOIN searches s ON s.search_key = c.search_key
    ORDER BY s.page_offset
"""
_POSITION_DAYS = """
    SELECT "day", retriever_id, surface, device, is_counted, position,
        sum(impressions) AS impressions, sum(clicks) AS clicks
    FROM position_days
    GROUP BY ALL
"""
_DOCUMENT_DAYS = "SELECT * FROM document_days"
_CELL_DAYS = "SELECT * FROM cell_days"
_CELL_WEEKS = "SELECT * FROM cell_weeks"


class Log:
    """A store in memory with its derivation, read back by identifiers instead of keys."""

    def __init__(self, config: AttributionConfig | None = None, path: Path | None = None) -> None:
        self.store = DuckDBStore(StoreConfig(path=path))
        self.derivation = Derivation(self.store, config)

    def append(self, *rows: SearchRow | InteractionRow) -> Log:
        """Take rows in, in one batch."""
        searches = [row for row in rows if isinstance(row, SearchRow)]
        interactions = [row for row in rows if isinstance(row, InteractionRow)]
        self.store.append_lines(to_lines(searches), to_lines(interactions))
        return self

    def refresh(self) -> Log:
        """Derive."""
        self.derivation.refresh()
        return self

    def read(self, statement: str) -> list[dict[str, Any]]:
        """Read rows."""
        with self.store.staging() as staging:
            return staging.execute(statement).to_pylist()

    def credits(self) -> dict[str, tuple[str | None, int | None, int]]:
        """Read which search, place and rule each interaction has."""
        return {
            row["interaction_id"]: (row["search_id"], row["position"], row["rule"])
            for row in self.read(_CREDITS)
        }

    def lists(self) -> dict[tuple[str, int], dict[str, Any]]:
        """Read the search log by search and offset."""
        return {(row["search_id"], row["page_offset"]): row for row in self.read(_SEARCH_LOG)}

    def places(self) -> dict[tuple[str, int], dict[str, Any]]:
        """Read the click log by search and position."""
        return {(row["search_id"], row["position"]): row for row in self.read(_CLICK_LOG)}

    def tables(self) -> list[list[str]]:
        """Read every derived table in a form that does not depend on keys."""
        return [
            sorted(repr(sorted(row.items())) for row in self.read(statement))
            for statement in (
                _CREDITS,
                _SEARCH_LOG,
                _CLICK_LOG,
                _POSITION_DAYS,
                _DOCUMENT_DAYS,
                _CELL_DAYS,
                _CELL_WEEKS,
            )
        ]


@dataclass
class Expected:
    """What attribution must say of a log, one event at a time and without any SQL."""

    searches: Sequence[SearchRow]
    interactions: Sequence[InteractionRow]
    config: AttributionConfig = field(default_factory=AttributionConfig)

    def credits(self) -> dict[str, tuple[SearchRow | None, int | None, int]]:
        """Credit every interaction that has a document."""
        return {i.interaction_id: self._credit(i) for i in self.interactions if i.document_id}

    def _credit(self, act: InteractionRow) -> tuple[SearchRow | None, int | None, int]:
        if act.search_id is not None:
            return self._credit_named(act)
        for rule, name in ((2, "session_id"), (3, "user")):
            who = getattr(act, name)
            shown = [
                s
                for s in self.searches
                if who is not None
                and getattr(s, name) == who
                and 0 <= act.at - s.at <= self.config.window_us
                and place_of(s, act.document_id) is not None
            ]
            own = [s for s in shown if s.retriever_id == (act.retriever_id or "default")]
            wide = shown if act.retriever_id in (None, "default") else []
            for candidates in (own, wide):
                if candidates:
                    best = max(candidates, key=lambda s: (s.at, s.search_id, s.page_offset))
                    return best, place_of(best, act.document_id), rule
        return None, None, 0

    def _credit_named(self, act: InteractionRow) -> tuple[SearchRow | None, int | None, int]:
        lists = sorted(
            (s for s in self.searches if s.search_id == act.search_id), key=lambda s: s.page_offset
        )
        for s in lists:
            if place_of(s, act.document_id) is not None:
                return s, place_of(s, act.document_id), 1
        for s in lists:
            if s.n_results is None:
                return s, None, 1
        return (lists[0] if lists else None), None, 0

    def lists(self) -> dict[tuple[str, int], dict[str, Any]]:
        """Describe every list, as far as `search_log` says more than its raw row."""
        return {(s.search_id, s.page_offset): self._describe(s) for s in self.searches}

    def _describe(self, s: SearchRow) -> dict[str, Any]:
        acts = self._acts_of(s)
        clicks = [(i.at, place) for i, place in acts if i.type_mask & CLICK_MASK]
        seen = [(at, place) for at, place in clicks if place is not None]
        n_clicked = len({place for _, place in seen})
        is_robot = s.actor != "human" or self._is_robot(s)
        return {
            "is_robot": is_robot,
            "is_counted": not is_robot,
            "is_repeat": self._is_repeat(s),
            "n_clicked": n_clicked,
            "n_duplicate_clicks": len(seen) - n_clicked,
            "first_click_position": min(seen)[1] if seen else None,
            "first_click_delay_ms": max(min(seen)[0] - s.at, 0) // 1_000 if seen else None,
            "final_click_position": self._find_final_click(s, seen),
            "n_interactions": len(acts) + self._count_named(s),
            "is_converted": any(i.type_mask & CONVERSION_MASK for i, _ in acts),
            "value_micros": sum_purchases(i for i, _ in acts),
            "is_reformulated": self._is_reformulated(s, min(clicks)[0] if clicks else None),
            "is_abandoned": s.n_results is not None and not acts,
            "visit_at": datetime.fromtimestamp(self._visit_at(s) / SECOND, UTC).replace(
                tzinfo=None
            ),
            "cluster_level": 0 if s.user else 1 if s.session_id else 2,
        }

    def places(self) -> dict[tuple[str, int], dict[str, Any]]:
        """Describe every document shown, as far as `click_log` says more than its raw row."""
        described = {}
        # Lists of one search may overlap: the one that begins deeper is described.
        for s in sorted(self.searches, key=lambda s: s.page_offset):
            acts = self._acts_of(s)
            for offset, result in enumerate(s.results):
                position = s.page_offset + offset
                here = [i for i, place in acts if place == position]
                clicked = {p for i, p in acts if p is not None and i.type_mask & CLICK_MASK}
                seen = [(i.at, p) for i, p in acts if p in clicked and i.type_mask & CLICK_MASK]
                clicks = [i.at for i in here if i.type_mask & CLICK_MASK]
                described[s.search_id, position] = {
                    "document_id": result.document_id,
                    "clicked": int(bool(clicks)),
                    "n_clicks": len(clicks),
                    "previous_click": max((p for p in clicked if p < position), default=-1),
                    "is_final_click": self._find_final_click(s, seen) == position,
                    "converted": int(any(i.type_mask & CONVERSION_MASK for i in here)),
                    "first_click_delay_ms": max(min(clicks) - s.at, 0) // 1_000 if clicks else None,
                    "duration_ms": max(
                        (i.duration_ms for i in here if i.duration_ms is not None), default=None
                    ),
                    "type_mask": to_mask(name for i in here for name in i.types),
                    "value_micros": sum_purchases(here),
                }
        return described

    def _acts_of(self, s: SearchRow) -> list[tuple[InteractionRow, int | None]]:
        credits = self.credits()
        return [
            (i, credits[i.interaction_id][1])
            for i in self.interactions
            if i.document_id
            and credits[i.interaction_id][2] > 0
            and credits[i.interaction_id][0] is s
        ]

    def _count_named(self, s: SearchRow) -> int:
        first = min(t.page_offset for t in self.searches if t.search_id == s.search_id)
        named = [
            i for i in self.interactions if i.document_id is None and i.search_id == s.search_id
        ]
        return len(named) if s.page_offset == first else 0

    def _is_repeat(self, s: SearchRow) -> bool:
        return s.n_results is not None and any(
            is_same_list(s, t)
            and (t.at, t.search_id) < (s.at, s.search_id)
            and s.at - t.at <= self.config.repeat_window_s * SECOND
            for t in self.searches
        )

    def _is_reformulated(self, s: SearchRow, click_at: int | None) -> bool:
        later = [
            t.at
            for t in self.searches
            if is_same_person(s, t)
            and t.retriever_id == s.retriever_id
            and t.query_key != s.query_key
            and (t.at, t.query_key) > (s.at, s.query_key)
        ]
        if not later or min(later) - s.at > self.config.reformulation_s * SECOND:
            return False
        return click_at is None or click_at >= min(later)

    def _find_final_click(self, s: SearchRow, seen: list[tuple[int, int]]) -> int | None:
        if not (s.user or s.session_id) or not seen:
            return None
        click_at, position = max(seen)
        click_at = max(click_at, s.at)
        quiet_us = int(self.config.quiet_s * SECOND)
        if click_at + quiet_us > s.at + self.config.margin_us:
            return None
        theirs = sorted(
            (t.at, t.query_key)
            for t in self.searches
            if is_same_person(s, t) and t.retriever_id == s.retriever_id
        )
        changes = [
            at
            for (_, before), (at, query_key) in pairwise(theirs)
            if query_key != before and at > click_at
        ]
        return position if not changes or min(changes) > click_at + quiet_us else None

    def _visit_at(self, s: SearchRow) -> int:
        start = s.at
        for at in sorted((t.at for t in self.searches if is_same_person(s, t)), reverse=True):
            is_near = at // DAY == s.at // DAY and start - at <= self.config.session_gap_s * SECOND
            if at <= start and is_near:
                start = at
        return start

    def _is_robot(self, s: SearchRow) -> bool:
        return any(
            self._is_too_busy([e.at for e in events if getattr(e, name) == who], s.at // DAY, most)
            for name, who in (("user", s.user), ("session_id", s.session_id))
            if who is not None
            for events, most in (
                (self.searches, self.config.robot_searches_per_hour),
                (self.interactions, self.config.robot_interactions_per_hour),
            )
        )

    @staticmethod
    def _is_too_busy(moments: list[int], day: int, most: int) -> bool:
        return any(
            at // DAY == day
            and sum(at // SECOND - 3_600 < other // SECOND <= at // SECOND for other in moments)
            > most
            for at in moments
        )


def place_of(s: SearchRow, document_id: str | None) -> int | None:
    """Say where a list showed a document first."""
    documents = [result.document_id for result in s.results]
    return s.page_offset + documents.index(document_id) if document_id in documents else None


def is_same_person(s: SearchRow, t: SearchRow) -> bool:
    """Say whether two lists were shown to one user, else session, else are one list."""
    if s.user or t.user:
        return s.user == t.user
    return (s.session_id == t.session_id) if s.session_id or t.session_id else s is t


def is_same_list(s: SearchRow, t: SearchRow) -> bool:
    """Say whether two lists show the same to the same person in the same session."""
    names = ("session_id", "retriever_id", "query_key", "page_offset", "n_results", "results")
    return is_same_person(s, t) and all(getattr(s, n) == getattr(t, n) for n in names)


def sum_purchases(acts: Iterable[InteractionRow]) -> int:
    """Sum the value of purchases."""
    bit = 1 << SIGNAL_BITS["purchase"]
    return sum(i.value_micros or 0 for i in acts if i.type_mask & bit)


@pytest.fixture(scope="session")
def search() -> Callable[..., SearchRow]:
    """Return the builder of lists."""
    return make_search


@pytest.fixture(scope="session")
def interaction() -> Callable[..., InteractionRow]:
    """Return the builder of interactions."""
    return make_interaction


@pytest.fixture
def log() -> Iterable[Log]:
    """Return an empty log."""
    opened = Log()
    yield opened
    opened.store.close()


@pytest.fixture(scope="session")
def open_log() -> type[Log]:
    """Return the class of logs, for those with other rules."""
    return Log


@pytest.fixture(scope="session")
def expected() -> type[Expected]:
    """Return attribution done slowly."""
    return Expected
