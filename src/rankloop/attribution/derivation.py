"""Derived tables kept up to date with the raw facts, one day at a time.

Credits are derived by the day of the interaction, the search log and the click log by the day of
the list. A refresh finds out which days new, late or erased rows touch and derives those anew from
the raw facts, in one transaction with the mark of how far it came. What comes out depends on the
raw rows alone, never on the order of their arrival.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from rankloop.attribution.base import AttributionConfig, Refreshed
from rankloop.attribution.cells import refresh_cells
from rankloop.attribution.days import Stretch, cut_stretches

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from rankloop.store.base import EventStore, Transaction, Value


@dataclass(frozen=True, slots=True)
class _News:
    """How far the raw facts reach, and how far derivation has come."""

    searches: int
    interactions: int
    dirty_days: int
    searches_done: int
    interactions_done: int
    rules_done: int


class Derivation:
    """Brings `credits`, `search_log`, `click_log` and what it adds up to by day up to date.

    Any thread may call; a second refresh waits for the first and then finds nothing left to do.

    Args:
        store: Where the raw facts are, and what is derived from them.
        config: The rules; with other rules than last time everything is derived anew.

    Example:
        >>> from rankloop.store.duckdb import DuckDBStore
        >>> store = DuckDBStore()
        >>> Derivation(store).refresh().is_changed
        False
        >>> store.close()
    """

    def __init__(self, store: EventStore, config: AttributionConfig | None = None) -> None:
        self._store = store
        self._config = config or AttributionConfig()
        self._lock = threading.Lock()

    def refresh(self) -> Refreshed:
        """Derive what new, late and erased rows made stale.

        Returns:
            Which days were derived anew; none where nothing had changed.
        """
        began = time.perf_counter()
        with self._lock:
            refreshed = Refreshed()
            if self._is_stale(_read_news(self._store.ask("derive_news"))):
                with self._store.transaction() as transaction:
                    refreshed = self._derive(transaction)
        return replace(refreshed, took_ms=(time.perf_counter() - began) * 1_000)

    def _is_stale(self, news: _News) -> bool:
        """Say whether there is anything to derive."""
        return (
            news.searches > news.searches_done
            or news.interactions > news.interactions_done
            or news.dirty_days > 0
            or (self._is_ruled_otherwise(news) and news.searches + news.interactions > 0)
        )

    def _is_ruled_otherwise(self, news: _News) -> bool:
        """Say whether the derived rows follow other rules, or none were derived yet."""
        return news.rules_done != self._config.rules

    def _derive(self, transaction: Transaction) -> Refreshed:
        """Derive the stale days and move the marks."""
        news = _read_news(transaction.ask("derive_news"))
        volumes = transaction.ask("derive_volumes").to_pylist()
        rows = {row["day"]: int(row["n_rows"]) for row in volumes}
        dirty = [row["day"] for row in volumes if row["is_dirty"]]
        work = _Work(transaction, self._config, rows)
        if self._is_ruled_otherwise(news):
            work.credit(rows)
            work.log(rows)
        else:
            self._derive_stale(work, news, is_erased=bool(dirty))
        refresh_cells(transaction, work.done.search_days, rows)
        transaction.clear_days(dirty)
        transaction.write_watermark("searches", max(news.searches, news.searches_done))
        transaction.write_watermark("interactions", max(news.interactions, news.interactions_done))
        transaction.write_watermark("rules", self._config.rules)
        return work.done

    def _derive_stale(self, work: _Work, news: _News, *, is_erased: bool) -> None:
        """Find the stale days and derive them."""
        done: dict[str, Value] = {
            "searches_done": news.searches_done,
            "interactions_done": news.interactions_done,
        }
        search_days = work.ask_days(
            "derive_search_days",
            {
                **done,
                "margin_us": self._config.margin_us,
                "robot_interactions": self._config.robot_interactions_per_hour,
            },
        )
        interaction_days = work.ask_days(
            "derive_interaction_days", {**done, "window_us": self._config.window_us}
        )
        search_days |= work.credit_and_compare(interaction_days)
        if is_erased:
            search_days |= work.ask_days("derive_miscounted_days", {})
        work.log(search_days)


class _Work:
    """One refresh under way: days in, derived rows out."""

    def __init__(
        self, transaction: Transaction, config: AttributionConfig, volumes: dict[date, int]
    ) -> None:
        self._transaction = transaction
        self._config = config
        self._volumes = volumes
        self.done = Refreshed()

    def ask_days(self, question: str, parameters: dict[str, Value]) -> set[date]:
        """Ask for days."""
        return set(self._transaction.ask(question, parameters).column("day").to_pylist())

    def credit(self, days: Iterable[date]) -> None:
        """Credit the interactions of these days anew."""
        held = sorted(self._volumes.keys() & set(days))
        n_rows = sum(map(self._credit, self._cut(held)))
        self.done = replace(self.done, interaction_days=tuple(held), n_credits=n_rows)

    def credit_and_compare(self, days: Iterable[date]) -> set[date]:
        """Credit the interactions of these days anew; say which days' lists that affects."""
        held = self._volumes.keys() & set(days)
        before = [self._read_credited(stretch) for stretch in self._cut(held)]
        self.credit(held)
        after = [self._read_credited(stretch) for stretch in self._cut(held)]
        return {
            day
            for old, new in zip(before, after, strict=True)
            for day in old.keys() | new.keys()
            if old.get(day) != new.get(day)
        }

    def log(self, days: Iterable[date]) -> None:
        """Derive the lists of these days, and what they showed, anew."""
        held = sorted(self._volumes.keys() & set(days))
        n_searches = n_impressions = 0
        for stretch in self._cut(held):
            span: dict[str, Value] = {"since": stretch.since, "until": stretch.until}
            n_searches += self._transaction.replace_days(
                "search_log",
                "search_log",
                stretch.days,
                {**span, **self._config.search_log_parameters},
            )
            n_impressions += self._transaction.replace_days(
                "click_log", "click_log", stretch.days, span
            )
            for table in ("position_days", "document_days"):
                self._transaction.replace_days(table, table, stretch.days, span)
        self.done = replace(
            self.done,
            search_days=tuple(held),
            n_searches=n_searches,
            n_impressions=n_impressions,
        )

    def _credit(self, stretch: Stretch) -> int:
        """Credit the interactions of a stretch anew; say how many there are."""
        return self._transaction.replace_days(
            "credits",
            "credits",
            stretch.days,
            {
                "since": stretch.since,
                "until": stretch.until,
                "shown_since": stretch.since - timedelta(microseconds=self._config.window_us),
                "window_us": self._config.window_us,
            },
        )

    def _read_credited(self, stretch: Stretch) -> dict[date, int]:
        """Read what a stretch's interactions are credited to, one number per day of lists."""
        answer = self._transaction.ask(
            "derive_credited_days",
            {"since": stretch.first, "until": stretch.until.date()},
        )
        return {row["day"]: row["credited"] for row in answer.to_pylist()}

    def _cut(self, days: Iterable[date]) -> list[Stretch]:
        """Cut days into stretches."""
        return cut_stretches(days, self._volumes)


def _read_news(answer: pa.Table) -> _News:
    """Read the one row of `derive_news`."""
    return _News(**answer.to_pylist()[0])
