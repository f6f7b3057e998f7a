"""The counters read anew from the store: everything up to one journal entry, in one snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rankloop.counters.columns import HOUR_US, to_hashes
from rankloop.counters.histories import DOING, to_person, to_query_number
from rankloop.counters.people import Change, Deeds
from rankloop.counters.state import KEPT_DAYS, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankloop.counters.base import CountersConfig
    from rankloop.store.base import EventStore, Snapshot, Value

    Ints = NDArray[np.int64]

_OPEN_STEPS: Final = (3, 6)
"""Days of which single people are known, so that late rows count at once: tomorrow, today and
yesterday always, the six before where there is room."""

_FINE_HOURS: Final = 72
"""The latest hours of which examinations are kept by the hour; before, by the day."""


@dataclass(frozen=True, slots=True)
class Filling:
    """What the counters are read with.

    Attributes:
        config: Bounds.
        examination: `[n_positions]`, chance that each position is looked at.
        now: The moment; what happened a year before is left out.
    """

    config: CountersConfig
    examination: NDArray[np.float64]
    now: datetime

    @property
    def today(self) -> int:
        """Today, days since 1970."""
        return int(self.now.timestamp() // 86_400)

    @property
    def exposure_parameters(self) -> dict[str, Value]:
        """What `counter_exposures` is asked with beside the window."""
        return {
            "fine_hour": int(self.now.timestamp() // 3_600) - _FINE_HOURS,
            "robot_searches": self.config.robot_searches_per_hour,
            "examination": self.examination.tolist(),
            "n_positions": self.examination.size,
        }

    @property
    def count_parameters(self) -> dict[str, Value]:
        """What the questions for interactions are asked with beside the window."""
        return {"robot_interactions": self.config.robot_interactions_per_hour}


def read_state(store: EventStore, filling: Filling) -> tuple[State, int]:
    """Read the counters from the store.

    Returns:
        The counters, and the journal entry up to which they reach.
    """
    config = filling.config
    with store.snapshot() as snapshot:
        mark = snapshot.ask("counter_mark").column("sequence")[0].as_py()
        deeds, open_since_day = _ask_deeds(snapshot, filling)
        start = _to_moment(filling.today - KEPT_DAYS)
        counts = snapshot.ask(
            "counter_counts",
            {**filling.count_parameters, "start": start, "end": _to_moment(open_since_day)},
        )
        exposures = snapshot.ask(
            "counter_exposures", {**filling.exposure_parameters, "start": start}
        )
        queries = snapshot.ask("counter_queries", {**filling.count_parameters, "start": start})
        n_doings = max(1, config.max_history_bytes // (2 * DOING.itemsize))
        doings = snapshot.ask("counter_doings", {"limit": n_doings})
    cut_at_us = doings["at_us"][-1].as_py() if doings.num_rows == n_doings else -1
    state = State(config, filling.examination, open_since_day, whole_after_us=cut_at_us)
    for table in deeds:
        _take_deeds(state, table)
    take_counts(state, counts, config.max_rows)
    take_exposures(state, exposures, config.max_rows)
    _take_queries(state, queries, config.max_rows)
    take_doings(state, doings, ("session_id", "user_key"), config.history_length, cut_at_us)
    return state, int(mark)


def enter_slots(state: State, table: pa.Table) -> Ints:
    """Return the slots of the documents that a table names."""
    retrievers, names = _encode(table["retriever_id"])
    documents, ids = _encode(table["document_id"])
    slots = np.empty(table.num_rows, np.int64)
    for number, name in enumerate(names):
        places = np.flatnonzero(retrievers == number)
        different, inverse = np.unique(documents[places], return_inverse=True)
        slots[places] = state.documents.enter(name, [ids[place] for place in different])[inverse]
    return slots


def _ask_deeds(snapshot: Snapshot, filling: Filling) -> tuple[list[pa.Table], int]:
    """Ask what single people did on the last days, as far back as there is room."""
    room = max(filling.config.max_rows // 4, 1)
    tables: list[pa.Table] = []
    # The clocks of senders may be a day ahead.
    end = filling.today + 2
    for n_days in _OPEN_STEPS:
        start = end - n_days
        parameters: dict[str, Value] = {
            **filling.count_parameters,
            "start": _to_moment(start),
            "end": _to_moment(end),
        }
        table = snapshot.ask("counter_deeds", parameters)
        room -= table.num_rows
        if tables and room < 0:
            return tables, end
        tables.append(table)
        end = start
    return tables, end


def _take_deeds(state: State, table: pa.Table) -> None:
    """Count what single people did on one day."""
    if table.num_rows:
        people, names = _encode(table["person"])
        hashes = to_hashes([hash(name) for name in names])
        state.count_deeds(
            Deeds(
                enter_slots(state, table),
                hashes[people],
                _numbers(table["hour"]),
                _numbers(table["type_mask"]),
            )
        )


def take_counts(state: State, table: pa.Table, most: int) -> None:
    """Count what is by document and hour already; the oldest is left out where there is no room."""
    if not table.num_rows:
        return
    first = _find_first_hour(_numbers(table["hour"]), most)
    state.counts_from_hour = first
    is_kept = _numbers(table["hour"]) >= first
    kept, left = table.filter(pa.array(is_kept)), table.filter(pa.array(~is_kept))
    state.count(
        Change(
            enter_slots(state, kept),
            _numbers(kept["hour"]),
            _numbers(kept["type_mask"]),
            _numbers(kept["n"]).astype(np.float64),
        )
    )
    if left.num_rows:
        masks, hours = _numbers(left["type_mask"]), _numbers(left["hour"])
        retrievers = _enter_retrievers(state, left)
        amounts = _numbers(left["n"]).astype(np.float64)
        state.count_total(retrievers, Change(retrievers, hours, masks, amounts))


def take_exposures(state: State, table: pa.Table, most: int) -> None:
    """Count examinations; of the oldest only the sums, where there is no room."""
    if not table.num_rows:
        return
    hours, amounts = _numbers(table["hour"]), _fractions(table["examinations"])
    first = _find_first_hour(hours, most)
    state.exposures_from_hour = first
    is_kept = hours >= first
    kept = table.filter(pa.array(is_kept))
    state.expose(enter_slots(state, kept), hours[is_kept], amounts[is_kept])
    left = table.filter(pa.array(~is_kept))
    if left.num_rows:
        state.expose_total(_enter_retrievers(state, left), hours[~is_kept], amounts[~is_kept])


def _take_queries(state: State, table: pa.Table, most: int) -> None:
    """Count clicks by information need; the least clicked are left out where there is no room."""
    if table.num_rows > most:
        table = table.sort_by([("n", "descending")]).slice(0, most)
    if table.num_rows:
        codes, keys = _encode(table["query_key"])
        numbers = np.array([to_query_number(key) for key in keys], np.uint64)
        slots = enter_slots(state, table)
        state.count_queries(numbers[codes], slots, _numbers(table["n"]).astype(np.float64))


def take_doings(
    state: State, table: pa.Table, columns: Sequence[str], length: int, cut_at_us: int
) -> None:
    """Write histories of users and of sessions.

    Args:
        state: The counters.
        table: What people did, newest first.
        columns: Whose histories: `user_key`, `session_id`.
        length: Most events of a history.
        cut_at_us: The table holds all that came after this moment.
    """
    if not table.num_rows:
        return
    table = table.take(pa.array(np.arange(table.num_rows)[::-1]))
    doings = np.empty(table.num_rows, DOING)
    doings["at_us"] = _numbers(table["at_us"])
    doings["slot"] = enter_slots(state, table)
    doings["mask"] = _numbers(table["type_mask"])
    doings["position"] = np.minimum(_numbers(table["position"]), 2**31 - 1)
    queries, keys = _encode(table["query_key"])
    numbers = np.array([0 if key is None else to_query_number(key) for key in keys], np.uint64)
    doings["query"] = numbers[queries]
    for column in columns:
        is_session = column == "session_id"
        people, names = _encode(table[column])
        order = np.argsort(people, kind="stable")
        starts = np.flatnonzero(np.diff(people[order], prepend=-1))
        ends = np.append(starts[1:], order.size)
        # Whoever was active last is put in last, and let go of last.
        for place in np.argsort(order[ends - 1], kind="stable").tolist():
            name = names[people[order[starts[place]]]]
            if name is None:
                continue
            own = doings[order[starts[place] : ends[place]]]
            kept = own[-length:]
            after_us = int(kept["at_us"][0]) if own.size > kept.size else cut_at_us
            state.histories.put(to_person(name, is_session=is_session), kept, after_us)


def _find_first_hour(hours: Ints, most: int) -> int:
    """Return the first hour from which on there are at most so many rows; 0 for all."""
    if hours.size <= most:
        return 0
    return int(np.partition(hours, hours.size - most)[hours.size - most]) + 1


def _enter_retrievers(state: State, table: pa.Table) -> Ints:
    """Return the number of each row's retriever."""
    codes, names = _encode(table["retriever_id"])
    for name in names:
        state.documents.enter(name, [])
    return np.array([state.documents.number(name) for name in names], np.int64)[codes]


def _encode(column: pa.ChunkedArray) -> tuple[Ints, list[str]]:
    """Return the place of each value in the list of different ones; that may hold None."""
    encoded = pc.dictionary_encode(column.combine_chunks(), null_encoding="encode")
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), (
        encoded.dictionary.to_pylist()
    )


def _numbers(column: pa.ChunkedArray) -> Ints:
    """Return whole numbers."""
    return np.asarray(column.to_numpy(), np.int64)


def _fractions(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Return fractions."""
    return np.asarray(column.to_numpy(), np.float64)


def _to_moment(day: int) -> datetime:
    """Return the beginning of a day, days since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)


def to_moment(hour: int) -> datetime:
    """Return the beginning of an hour, hours since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=hour * HOUR_US)
