"""From what is accepted to what is counted: read from the store once, then fed.

Everything accepted carries the number of the journal entry that made it durable, and everything
read from the store says up to which entry it reaches; so nothing counts twice and nothing is
missed, whatever happens in between. While the store is read, what comes in goes into the counters
in use and is held as well; then it is taken into the new ones, and they replace the old.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from rankloop.counters.filling import read_state
from rankloop.errors import RankloopError, UnavailableError
from rankloop.events.rows import InteractionRow, SearchRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from rankloop.counters.filling import Filling
    from rankloop.counters.state import State
    from rankloop.store.base import EventStore

log = logging.getLogger(__name__)

_searches = msgspec.json.Decoder(SearchRow)
_interactions = msgspec.json.Decoder(InteractionRow)

_GATHER_S: Final = 0.02
_LOOK_EVERY_S: Final = 30.0
_RETRY_S: Final = 2.0
_DELIVERED_S: Final = 30.0
_CLOSE_S: Final = 10.0
_PAUSE_S: Final = 5.0
"""Least pause between two readings that nobody waits for, in seconds."""
_PATIENCE: Final = 20
"""Such readings take a twentieth of the time at most."""


@dataclass(frozen=True, slots=True)
class _Accepted:
    """What one journal entry made durable."""

    sequence: int
    searches: bytes
    interactions: bytes

    def read_searches(self) -> list[SearchRow]:
        """Read its lines of searches."""
        return _searches.decode_lines(self.searches)

    def read_interactions(self) -> list[InteractionRow]:
        """Read its lines of interactions."""
        return _interactions.decode_lines(self.interactions)


class Feed:
    """Keeps the counters of one moment up to date.

    Args:
        store: Where the events are.
        wait_delivered: Waits until all that was acknowledged is in the store, some seconds at
            most; False where it took longer.
        fill_with: Says what the counters are read with now.
    """

    def __init__(
        self,
        store: EventStore,
        wait_delivered: Callable[[float], bool],
        fill_with: Callable[[], Filling],
    ) -> None:
        self._store = store
        self._wait_delivered = wait_delivered
        self._fill_with = fill_with
        self.state: State | None = None
        """The counters; None until they were read for the first time."""
        self._queue: deque[_Accepted | threading.Event] = deque()
        self._has_work = threading.Event()
        self._is_awaited = threading.Event()
        """Set where a request waits for what was just accepted: then nothing is gathered."""
        self._n_heard = 0
        """Journal entries that came."""
        self._last_interaction = 0
        """Which of them was the last with an interaction."""
        self._n_folded = 0
        self._is_listening = False
        self._is_closed = False
        self._changed = threading.Condition()
        self._n_wanted = 0
        """How many times a reading of the store was asked for; the next covers all of them."""
        self._n_urgent = 0
        """The last of them that somebody waits for; the others come once in a while."""
        self._n_done = 0
        self._held: list[_Accepted] | None = None
        self._filled: tuple[State, int, int] | None = None
        self._is_failed = False
        self._next_reading = 0.0
        self._day = 0
        self._reader: threading.Thread | None = None
        self._thread = threading.Thread(target=self._run, name="counters", daemon=True)

    def accept(
        self,
        sequence: int,
        searches: bytes,
        interactions: bytes,
    ) -> None:
        """Take note of what one journal entry made durable; called from the intake's thread.

        Args:
            sequence: Number of the entry.
            searches: NDJSON of `SearchRow`; read here, in a thread of its own.
            interactions: NDJSON of `InteractionRow`, likewise.
        """
        if self._is_listening:
            self._queue.append(_Accepted(sequence, searches, interactions))
            self._n_heard += 1
            if interactions:
                self._last_interaction = self._n_heard
            if not self._has_work.is_set():
                self._has_work.set()

    def start(self) -> None:
        """Read the store and begin to listen; the second call does nothing."""
        with self._changed:
            if self._is_listening or self._is_closed:
                return
            # What is acknowledged from here on is heard; what was before is waited for.
            self._is_listening = True
            self._n_wanted += 1
            self._n_urgent = self._n_wanted
            self._thread.start()
        self._has_work.set()

    def refresh(self, timeout_s: float = 0.0) -> bool:
        """Read everything anew, after an import or an erasure.

        Args:
            timeout_s: How long to wait until it is done; not at all when left out.

        Returns:
            Whether nothing older than this call is counted any more.
        """
        with self._changed:
            if not self._is_listening:
                return True
            self._n_wanted += 1
            wanted = self._n_urgent = self._n_wanted
            self._has_work.set()
            return self._changed.wait_for(
                lambda: self._n_done >= wanted or self._is_closed, timeout_s
            )

    def catch_up(self, timeout_s: float) -> bool:
        """Wait until every interaction accepted by now is counted; at once where all are.

        What was shown need not be as fresh as what was done: searches are not waited for.

        Args:
            timeout_s: Longest wait.

        Returns:
            False where it took longer.
        """
        target = self._last_interaction
        if self._n_folded >= target or self.state is None:
            return self.state is not None
        self._is_awaited.set()
        self._has_work.set()
        with self._changed:
            return self._changed.wait_for(
                lambda: self._n_folded >= target or self._is_closed, timeout_s
            )

    def wait_delivered(self, timeout_s: float) -> bool:
        """Wait until all that was acknowledged is in the store; False where it took longer."""
        return self._wait_delivered(timeout_s)

    def settle(self, timeout_s: float = 5.0) -> bool:
        """Wait until all that was accepted by now is counted; False where it took longer."""
        self.ready(timeout_s)
        done = threading.Event()
        self._queue.append(done)
        self._has_work.set()
        return done.wait(timeout_s)

    @property
    def n_waiting(self) -> int:
        """Journal entries that are not counted yet."""
        return len(self._queue)

    def close(self) -> None:
        """Stop listening."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._has_work.set()
        for thread in (self._thread, self._reader):
            if thread is not None and thread.is_alive():
                thread.join(_CLOSE_S)
        self._is_listening = False

    def ready(self, timeout_s: float) -> State:
        """Return the counters, read from the store on first use.

        Raises:
            UnavailableError: They are still being read after this time.
        """
        state = self.state
        if state is not None:
            return state
        self.start()
        with self._changed:
            self._changed.wait_for(
                lambda: self.state is not None or self._is_closed or self._is_failed,
                timeout_s,
            )
            if self.state is None:
                raise UnavailableError(
                    "the counters are still being read from the store", hint="Try again."
                )
            return self.state

    def _run(self) -> None:
        """Fold what comes, and read the store anew where that is due, until closed."""
        while not self._is_closed:
            self._has_work.wait(self._rest_s())
            self._has_work.clear()
            self._is_awaited.wait(_GATHER_S)
            self._is_awaited.clear()
            try:
                self._turn()
            except Exception:  # The thread's outermost door: it must never die.
                log.exception("counters_failed")
                self._request()

    def _rest_s(self) -> float:
        """Say how long there is nothing to do, if nothing comes."""
        if self._n_wanted > self._n_done and self._held is None:
            return max(0.0, min(self._next_reading - time.monotonic(), _LOOK_EVERY_S))
        return _LOOK_EVERY_S

    def _is_due(self) -> bool:
        """Say whether the store is to be read now."""
        if self._held is not None or self._n_wanted == self._n_done:
            return False
        is_urgent = self._n_urgent > self._n_done and not self._is_failed
        return is_urgent or time.monotonic() >= self._next_reading

    def _turn(self) -> None:
        """Do once what there is to do."""
        markers = self._take_queue()
        filled, self._filled = self._filled, None
        if filled is not None:
            self._replace(*filled)
        for marker in markers:
            marker.set()
        state = self.state
        if state is not None and (state.is_stale or self._day != self._fill_with().today):
            state.is_stale = False
            self._request()
        if self._is_due():
            # What was drawn before this is acknowledged, and waited for before reading.
            self._held = []
            self._day = self._fill_with().today
            self._reader = threading.Thread(
                target=self._fill, args=(self._n_wanted,), name="counters-reader", daemon=True
            )
            self._reader.start()

    def _take_queue(self) -> list[threading.Event]:
        """Fold all that came; return who waits for it."""
        items = [self._queue.popleft() for _ in range(len(self._queue))]
        accepted = [item for item in items if not isinstance(item, threading.Event)]
        try:
            self._fold(accepted)
        finally:
            # Also where they could not be counted: nobody waits for them again.
            with self._changed:
                self._n_folded += len(accepted)
                self._changed.notify_all()
        return [item for item in items if isinstance(item, threading.Event)]

    def _fold(self, accepted: list[_Accepted]) -> None:
        """Count what came, and hold it as well while the store is read."""
        if self._held is not None:
            self._held += accepted
        searches: list[SearchRow] = []
        interactions: list[InteractionRow] = []
        for item in accepted:
            searches.extend(item.read_searches())
            interactions.extend(item.read_interactions())
        if self.state is not None and (searches or interactions):
            self.state.fold(searches, interactions)

    def _fill(self, generation: int) -> None:
        """Read the store, in a thread of its own."""
        began = time.monotonic()
        try:
            if not self._wait_delivered(_DELIVERED_S):
                raise UnavailableError("what was acknowledged is not in the store yet")
            state, mark = read_state(self._store, self._fill_with())
        except Exception as error:  # The thread's outermost door.
            code = error.code if isinstance(error, RankloopError) else type(error).__name__
            if not self._is_closed:
                log.exception("counters_not_read code=%s", code)
            with self._changed:
                self._next_reading = time.monotonic() + _RETRY_S
                self._held = None
                self._is_failed = True
                self._changed.notify_all()
        else:
            took_s = time.monotonic() - began
            self._next_reading = time.monotonic() + max(_PAUSE_S, _PATIENCE * took_s)
            self._filled = (state, mark, generation)
        self._has_work.set()

    def _replace(self, state: State, mark: int, generation: int) -> None:
        """Take into new counters what came while they were read, and put them to use."""
        held, self._held = self._held or [], None
        for accepted in held:
            if accepted.sequence > mark:
                state.fold(accepted.read_searches(), accepted.read_interactions())
        with self._changed:
            self.state = state
            self._is_failed = False
            self._n_done = generation
            self._changed.notify_all()

    def _request(self) -> None:
        """Ask for a reading of the store when it is due."""
        with self._changed:
            self._n_wanted += 1
