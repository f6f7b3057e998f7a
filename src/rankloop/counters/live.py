"""The counters of a running server, as its pipelines ask for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.counters.asking import Asker
from rankloop.counters.base import EXAMINATION, CountersConfig, Person
from rankloop.counters.feeding import Feed
from rankloop.counters.filling import Filling
from rankloop.counters.histories import to_events, to_person
from rankloop.counters.reading import Hours, read_entropy, read_popularity, to_retrievers
from rankloop.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from rankloop.counters.base import Event, Popularity, PopularityWindow
    from rankloop.counters.state import State
    from rankloop.store.base import EventStore

FRESH_S: Final = 0.05
"""How long a request waits for what was accepted before it, in seconds; usually a millisecond."""

DOCUMENT_BYTES: Final = 170
"""About what the name of a document costs, in both directions."""


class LiveCounters:
    """`ServingCounters` over a store and what is accepted meanwhile.

    Nothing is read and nothing is kept until somebody asks, or `start` is called.

    Args:
        store: Where the events are.
        wait_delivered: Waits until all that was acknowledged is in the store, some seconds at
            most; False where it took longer.
        config: Bounds.
        examination: `[n_positions]`, chance that each position is looked at, relative to
            position 0; 1 / rank when left out.
        clock: Says what day it is, aware UTC.
    """

    def __init__(
        self,
        store: EventStore,
        wait_delivered: Callable[[float], bool],
        config: CountersConfig | None = None,
        examination: NDArray[np.float64] = EXAMINATION,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._config = config or CountersConfig()
        self._examination = examination
        self._clock = clock
        self._asker = Asker(store, self._fill_with)
        self._feed = Feed(store, wait_delivered, self._fill_with)

    def accept(
        self,
        sequence: int,
        searches: bytes,
        interactions: bytes,
    ) -> None:
        """Take note of what one journal entry made durable, as NDJSON of rows; see `Feed`."""
        self._feed.accept(sequence, searches, interactions)

    def start(self) -> None:
        """Read the store and begin to listen; the second call does nothing."""
        self._feed.start()

    def refresh(self, timeout_s: float = 0.0) -> bool:
        """Read everything anew, after an import or an erasure; see `Feed.refresh`."""
        return self._feed.refresh(timeout_s)

    def settle(self, timeout_s: float = 5.0) -> bool:
        """Wait until all that was accepted by now is counted; False where it took longer."""
        return self._feed.settle(timeout_s)

    def use_examination(self, examination: NDArray[np.float64]) -> None:
        """Take another examination curve, as measured; everything is read anew with it."""
        self._examination = examination
        self._feed.refresh()

    def close(self) -> None:
        """Stop listening; the second call does nothing."""
        self._feed.close()

    def popularity(
        self,
        window: PopularityWindow,
        document_ids: Sequence[str],
        now: datetime,
        half_life_days: float | None = None,
    ) -> Popularity:
        """Say how popular documents are; a hard window where no half-life is given.

        Raises:
            UnavailableError: The store is still being read.
        """
        state = self._ready()
        hours = Hours.of(window.days, now, half_life_days)
        if window.query_key is not None:
            return self._asker.popularity(window, document_ids, hours)
        popularity = read_popularity(state, window, document_ids, hours)
        held_from = (state.counts_from_hour, state.exposures_from_hour)
        if hours.first < max(held_from):
            return self._asker.add_older(popularity, window, document_ids, hours, held_from)
        return popularity

    def history(
        self, *, user_key: str | None, session_id: str | None, retriever_id: str, now: datetime
    ) -> list[Event]:
        """Return what a user (else a session) did up to now, newest first, bounded in length.

        Raises:
            UnavailableError: The store is still being read.
        """
        person = _to_person(user_key, session_id, retriever_id)
        if person is None:
            return []
        state = self._ready()
        doings, whole_after_us = _find(state, person)
        if whole_after_us >= 0 and doings.size < self._config.history_length:
            self._asker.put_history(state, person)
            doings, _ = _find(state, person)
        doings = doings[_is_of(state, doings, retriever_id) & (doings["at_us"] <= _to_us(now))]
        return to_events(doings, state.documents)

    def interacted(self, who: Person, type_mask: int, days: float, now: datetime) -> frozenset[str]:
        """Return every document that a person dealt with in one of these ways.

        While the counters are still being read the store itself is asked.

        Raises:
            UnavailableError: Neither the counters nor the store can tell in time.
        """
        start = now - timedelta(days=days)
        if self._feed.state is None:
            return self._ask_interacted(who, type_mask, start)
        state = self._ready()
        doings, whole_after_us = _find(state, who)
        is_in = (doings["mask"] & np.uint32(type_mask)) != 0
        is_in &= doings["at_us"] >= _to_us(start)
        slots = doings["slot"][is_in & _is_of(state, doings, who.retriever_id)]
        found = frozenset(map(state.documents.name, slots.tolist()))
        if whole_after_us >= _to_us(start):
            found |= self._asker.interacted(who, type_mask, start)
        return found

    def _ask_interacted(self, who: Person, type_mask: int, start: datetime) -> frozenset[str]:
        """Ask the store what a person dealt with, while the counters get ready."""
        self._feed.start()
        if not self._feed.wait_delivered(self._config.wait_s):
            raise UnavailableError("what was acknowledged is not in the store yet")
        return self._asker.ask_interacted(who, type_mask, start)

    def query_entropy(self, retriever_id: str, query_key: str) -> float:
        """Return the entropy of a query's clicks over documents, in bits; NaN where unknown."""
        return read_entropy(self._ready(), retriever_id, query_key)

    def sizes(self) -> dict[str, int]:
        """Say how much is held: documents, people, rows and bytes, and entries on their way."""
        state = self._feed.state
        held = {"documents": 0, "people": 0, "rows": 0, "bytes": 0}
        if state is not None:
            held = {
                "documents": len(state.documents),
                "people": len(state.histories),
                "rows": state.counts.n_rows + state.exposures.n_rows + state.queries.n_rows,
                "bytes": state.n_bytes + DOCUMENT_BYTES * len(state.documents),
            }
        return {**held, "behind": self._feed.n_waiting}

    def _ready(self) -> State:
        """Return the counters, read from the store on first use, with what was just accepted."""
        state = self._feed.ready(self._config.wait_s)
        self._feed.catch_up(FRESH_S)
        return self._feed.state or state

    def _fill_with(self) -> Filling:
        """Say what the counters are read with."""
        return Filling(self._config, self._examination, self._clock())


def _to_person(user_key: str | None, session_id: str | None, retriever_id: str) -> Person | None:
    """Name the user, else the session."""
    if user_key:
        return Person(user_key, is_session=False, retriever_id=retriever_id)
    if session_id:
        return Person(session_id, is_session=True, retriever_id=retriever_id)
    return None


def _find(state: State, person: Person) -> tuple[NDArray[np.void], int]:
    """Return what memory holds of a person, and after which moment it is whole."""
    return state.histories.find(to_person(person.name, is_session=person.is_session))


def _is_of(state: State, doings: NDArray[np.void], retriever_id: str) -> NDArray[np.bool_]:
    """Say which events are of a retriever, or name none."""
    wanted = [state.documents.number(name) for name in to_retrievers(retriever_id)]
    numbers = state.documents.retrievers(doings["slot"])
    is_of = numbers == wanted[0]
    for number in wanted[1:]:
        is_of |= numbers == number
    return np.asarray(is_of)


def _to_us(moment: datetime) -> int:
    """Return microseconds since 1970."""
    return round(moment.timestamp() * 1e6)
