"""What memory does not hold, asked of the store: old hours, single queries, long histories."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import numpy as np

from rankloop.counters.filling import (
    take_counts,
    take_doings,
    take_exposures,
    to_moment,
)
from rankloop.counters.histories import DOING, to_person
from rankloop.counters.reading import Hours, read_popularity, to_retrievers
from rankloop.counters.state import State

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence
    from datetime import datetime

    from rankloop.counters.base import Person, Popularity, PopularityWindow
    from rankloop.counters.filling import Filling
    from rankloop.store.base import EventStore, Value

_KEPT_S: Final = 5.0
_MOST_KEPT: Final = 1_024

Answer = TypeVar("Answer")


class _Kept(Generic[Answer]):
    """Answers that hold for a moment, the oldest let go."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, tuple[float, Answer]] = OrderedDict()

    def find(self, key: Hashable, ask: Callable[[], Answer]) -> Answer:
        """Return the answer to a key, asked anew once it is too old."""
        now = time.monotonic()
        kept = self._answers.get(key)
        if kept is not None and now - kept[0] < _KEPT_S:
            return kept[1]
        answer = ask()
        self._answers[key] = (now, answer)
        while len(self._answers) > _MOST_KEPT:
            self._answers.popitem(last=False)
        return answer


class Asker:
    """Asks the store for one thing at a time, and keeps the answers for five seconds.

    Args:
        store: Where the rows are.
        fill_with: Says what the counters are read with now.
    """

    def __init__(self, store: EventStore, fill_with: Callable[[], Filling]) -> None:
        self._store = store
        self._fill_with = fill_with
        self._states: _Kept[State] = _Kept()
        self._documents: _Kept[frozenset[str]] = _Kept()

    def popularity(
        self, window: PopularityWindow, document_ids: Sequence[str], hours: Hours
    ) -> Popularity:
        """Say how popular documents are for one information need."""
        key = (window.retriever_id, window.query_key, hours.first)
        state = self._states.find(
            key,
            lambda: self._read(
                {
                    "retriever_ids": list(to_retrievers(window.retriever_id)),
                    "query_key": window.query_key,
                    "start": to_moment(hours.first),
                }
            ),
        )
        return read_popularity(state, window, document_ids, hours)

    def add_older(
        self,
        popularity: Popularity,
        window: PopularityWindow,
        document_ids: Sequence[str],
        hours: Hours,
        end_hours: tuple[int, int],
    ) -> Popularity:
        """Add what happened before the hours that memory holds.

        Args:
            popularity: What memory says; its sums over all documents are whole.
            window: What is asked for.
            document_ids: The documents.
            hours: The whole window.
            end_hours: The first hours that memory holds, of counts and of examinations.
        """
        wanted: dict[str, Value] = {
            "retriever_ids": list(to_retrievers(window.retriever_id)),
            "document_ids": list(document_ids),
            "start": to_moment(hours.first),
        }
        older = read_popularity(self._read(wanted, end_hours), window, document_ids, hours)
        return replace(
            popularity,
            count=popularity.count + older.count,
            expected=popularity.expected + older.expected,
        )

    def put_history(self, state: State, person: Person) -> None:
        """Read a history from the store, add what only memory has, and keep it in memory."""
        most = self._fill_with().config.history_length
        named = "session_id" if person.is_session else "user_key"
        table = self._store.ask("counter_doings", {named: person.name, "limit": most})
        cut_at_us = table["at_us"][-1].as_py() if table.num_rows == most else -1
        if table.num_rows:
            take_doings(state, table, (named,), most, cut_at_us)
        else:
            number = to_person(person.name, is_session=person.is_session)
            state.histories.put(number, np.empty(0, DOING), cut_at_us)

    def interacted(self, person: Person, type_mask: int, start: datetime) -> frozenset[str]:
        """List every document that a person dealt with in certain ways."""
        key = (person, type_mask, start.replace(second=0, microsecond=0))
        return self._documents.find(key, lambda: self.ask_interacted(person, type_mask, start))

    def ask_interacted(self, person: Person, type_mask: int, start: datetime) -> frozenset[str]:
        """List the same as the store has it now, whatever was answered before."""
        wanted: dict[str, Value] = {
            "session_id" if person.is_session else "user_key": person.name,
            "retriever_ids": list(to_retrievers(person.retriever_id)),
            "type_mask": type_mask,
            "start": start,
        }
        table = self._store.ask("counter_interacted", wanted)
        return frozenset(table["document_id"].to_pylist())

    def _read(self, wanted: dict[str, Value], end_hours: tuple[int, int] | None = None) -> State:
        """Read counts and examinations into a small state of their own."""
        ends = [None if hour is None else to_moment(hour) for hour in end_hours or (None, None)]
        filling = self._fill_with()
        state = State(filling.config, filling.examination)
        given = {**filling.count_parameters, **wanted, "end": ends[0]}
        take_counts(state, self._store.ask("counter_counts", given), filling.config.max_rows)
        given = {**filling.exposure_parameters, **wanted, "end": ends[1]}
        take_exposures(state, self._store.ask("counter_exposures", given), filling.config.max_rows)
        return state
