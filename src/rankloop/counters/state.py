"""Everything that is counted, as of one moment, and how accepted rows change it.

One thread folds rows in; any thread reads. What readers look at is replaced, never changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rankloop.counters.columns import (
    HOUR_US,
    Acts,
    RecentSearches,
    to_acts,
    to_asked,
    to_deed_person,
    to_hashes,
)
from rankloop.counters.histories import DOING, Histories, to_person
from rankloop.counters.people import Change, Deeds, PersonDays
from rankloop.counters.registers import SHOWN_MASK, Documents, Masks
from rankloop.counters.robots import HourGuard
from rankloop.counters.tallies import Tallies, pack
from rankloop.events.types import CLICK_MASK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankloop.counters.base import CountersConfig
    from rankloop.events.rows import InteractionRow, SearchRow

SLOT_BITS: Final = 31
"""Bits of a slot in the key of a clicked query; the query has the 32 above them."""

KEPT_DAYS: Final = 366
"""How long what was counted is kept, the longest window of a boost."""


class State:
    """The counters at one moment.

    Args:
        config: Bounds.
        examination: `[n_positions]`, chance that each position is looked at, relative to
            position 0; the last holds for all behind it.
        open_since_day: The first day of which single people are known, days since 1970; what is
            earlier can only be read anew from the store.
        whole_after_us: Histories hold all that came after this moment.
    """

    def __init__(
        self,
        config: CountersConfig,
        examination: NDArray[np.float64],
        open_since_day: int = 0,
        whole_after_us: int = -1,
    ) -> None:
        self.documents = Documents()
        self.masks = Masks()
        self.counts = Tallies()
        self.totals = Tallies()
        self.exposures = Tallies()
        self.exposure_totals = Tallies()
        self.queries = Tallies()
        self.counts_from_hour = 0
        self.exposures_from_hour = 0
        self.histories = Histories(
            config.max_history_bytes, config.history_length, whole_after_us=whole_after_us
        )
        self.recent = RecentSearches()
        self.is_stale = False
        """Whether something came that only the store can count."""
        self.memo: dict[Any, Any] = {}
        """Sums that readers keep until the next change."""
        self.listed: dict[Any, Any] = {}
        """What readers keep of a tally as long as the tally lives."""
        self._people = PersonDays()
        self._open_since_day = open_since_day
        self._examination = examination
        self._busy_people = HourGuard(config.robot_interactions_per_hour)
        self._busy_searchers = HourGuard(config.robot_searches_per_hour)

    @property
    def n_person_days(self) -> int:
        """Rows of what single people did."""
        return self._people.n_rows

    @property
    def n_bytes(self) -> int:
        """About how much memory the arrays and histories take."""
        tallies = (self.counts, self.totals, self.exposures, self.exposure_totals, self.queries)
        return sum(part.n_bytes for part in tallies) + self._people.n_bytes + self.histories.n_bytes

    def fold(self, searches: Sequence[SearchRow], interactions: Sequence[InteractionRow]) -> None:
        """Take accepted rows in."""
        if searches:
            self._fold_searches(searches)
        if interactions:
            acts = to_acts(interactions, self.recent)
            if acts.document_ids:
                self._fold_acts(acts)
        self.memo = {}

    def count_deeds(self, deeds: Deeds) -> None:
        """Count what people did, once a person, document and day."""
        self._people, change = self._people.noted(deeds)
        self.count(change)

    def count(self, change: Change) -> None:
        """Change the counts of documents and retrievers."""
        masks = self.masks.enter(change.masks)
        self.counts = self.counts.added(pack(change.slots, change.hours, masks), change.amounts)
        self.count_total(self.documents.retrievers(change.slots), change)

    def count_total(self, retrievers: NDArray[np.int64], change: Change) -> None:
        """Change the counts of retrievers alone."""
        masks = self.masks.enter(change.masks)
        self.totals = self.totals.added(pack(retrievers, change.hours, masks), change.amounts)

    def expose(
        self, slots: NDArray[np.int64], hours: NDArray[np.int64], amounts: NDArray[np.float64]
    ) -> None:
        """Count examinations of documents and retrievers."""
        none = np.zeros_like(slots)
        self.exposures = self.exposures.added(pack(slots, hours, none), amounts)
        self.expose_total(self.documents.retrievers(slots), hours, amounts)

    def expose_total(
        self, retrievers: NDArray[np.int64], hours: NDArray[np.int64], amounts: NDArray[np.float64]
    ) -> None:
        """Count examinations of retrievers alone."""
        none = np.zeros_like(retrievers)
        self.exposure_totals = self.exposure_totals.added(pack(retrievers, hours, none), amounts)

    def count_queries(
        self,
        queries: NDArray[np.uint64],
        slots: NDArray[np.int64],
        amounts: NDArray[np.float64],
    ) -> None:
        """Count clicks on documents by information need."""
        keys = (queries >> np.uint64(32)).astype(np.int64) << SLOT_BITS
        is_known = queries != 0
        self.queries = self.queries.added((keys | slots)[is_known], amounts[is_known])

    def _fold_acts(self, acts: Acts) -> None:
        """Count what people did, and write it into their histories."""
        slots = self.documents.enter_each(acts.retriever_ids, acts.document_ids)
        hours = np.array(acts.at_us, np.int64) // HOUR_US
        masks = np.array(acts.masks, np.int64)
        queries = np.array(acts.queries, np.uint64)
        people = to_hashes(acts.people)
        # By our own clock: a sender's may say anything.
        arrived = np.array(acts.received_us, np.int64) // HOUR_US
        is_counted = self._busy_people.admit(people, arrived) & ~np.array(acts.is_program, bool)
        is_late = hours < 24 * self._open_since_day
        if (is_counted & is_late).any():
            self.is_stale = True
        is_open = is_counted & ~is_late
        shown = np.where(acts.is_shown, SHOWN_MASK, 0)
        self.count_deeds(
            Deeds(slots[is_open], people[is_open], hours[is_open], (masks | shown)[is_open])
        )
        is_click = is_counted & (masks & CLICK_MASK != 0)
        self.count_queries(queries[is_click], slots[is_click], np.ones(int(is_click.sum())))
        self._remember(acts, slots, queries)

    def _remember(self, acts: Acts, slots: NDArray[np.int64], queries: NDArray[np.uint64]) -> None:
        """Write what people did into the histories of users and sessions."""
        doings = np.empty(slots.size, DOING)
        doings["at_us"] = acts.at_us
        doings["query"] = queries
        doings["slot"] = slots
        doings["mask"] = acts.masks
        doings["position"] = acts.positions
        for names, is_session in ((acts.users, False), (acts.sessions, True)):
            places = [place for place, name in enumerate(names) if name]
            people = [to_person(name, is_session=is_session) for name in names if name]
            if people:
                self.histories.add(people, doings[places])

    def _fold_searches(self, searches: Sequence[SearchRow]) -> None:
        """Remember searches, and count what they showed as looked at."""
        for row in searches:
            self.recent.add(row.search_id, to_asked(row))
        shown = [row for row in searches if row.results and row.actor == "human"]
        if not shown:
            return
        people = to_hashes(
            [to_deed_person(row.user, row.session_id, row.search_id) or 0 for row in shown]
        )
        hours = np.array([row.at for row in shown], np.int64) // HOUR_US
        arrived = np.array([row.received_at for row in shown], np.int64) // HOUR_US
        is_counted = self._busy_searchers.admit(people, arrived)
        sizes = np.array([len(row.results) for row in shown])
        offsets = np.array([row.page_offset for row in shown])
        first = np.cumsum(sizes) - sizes
        positions = np.arange(int(sizes.sum())) - np.repeat(first - offsets, sizes)
        slots = self.documents.enter_each(
            [row.retriever_id for row in shown for _ in row.results],
            [result.document_id for row in shown for result in row.results],
        )
        chances = self._examination[np.minimum(positions, self._examination.size - 1)]
        is_counted = np.repeat(is_counted, sizes)
        self.expose(slots[is_counted], np.repeat(hours, sizes)[is_counted], chances[is_counted])
