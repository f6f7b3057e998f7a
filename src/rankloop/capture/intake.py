"""The intake: many requests, one commit, and an answer only after it.

Requests hand their rows over and wait. One thread gathers whatever has come since the last
commit, finds what is known already, writes the rest to the journal in a single commit and then
tells every request which of its rows were duplicates.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.errors import RankloopError, UnavailableError
from rankloop.store.identifiers import Hashes, to_hashes

if TYPE_CHECKING:
    from collections.abc import Callable

    from rankloop.capture.identifiers import IdentifierLedger
    from rankloop.capture.journal import Journal
    from rankloop.capture.written import WrittenRows
    from rankloop.store.base import Kind

    OnAccepted = Callable[[int, bytes, bytes], None]

_MAX_GROUP_ROWS: Final = 20_000
_BUSY_FROM: Final = 8
_GATHER_S: Final = 0.003

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Submission:
    """One request's rows on their way, and where its answer goes."""

    kind: Kind
    written: WrittenRows
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[list[bool]]
    duplicates: list[bool] = field(default_factory=list)


class Intake:
    """Take rows in, durably and once.

    Args:
        journal: Owned by the intake's thread from `start` on.
        searches: Ledger of `to_search_identity` names.
        interactions: Ledger of interaction ids.
        on_accepted: Told the sequence of each commit and the searches and interactions that it
            made durable, none twice; it must return at once.
    """

    def __init__(
        self,
        journal: Journal,
        searches: IdentifierLedger,
        interactions: IdentifierLedger,
        on_accepted: OnAccepted | None = None,
    ) -> None:
        self._journal = journal
        self._on_accepted = on_accepted
        self._searches = searches
        self._interactions = interactions
        self._queue: deque[_Submission | threading.Event | None] = deque()
        # Waking a thread is a system call: it is done once for all that comes while it sleeps.
        self._has_work = threading.Event()
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self._is_open = False
        self._is_busy = False
        self._trim_through = 0
        self.acknowledged_sequence = journal.last_sequence()

    def start(self) -> None:
        """Begin to take rows."""
        self._is_open = True
        self._thread.start()

    async def take_interactions(self, written: WrittenRows) -> list[bool]:
        """Make interactions durable.

        Args:
            written: What was checked and found good.

        Returns:
            Per row, True where it was accepted before and nothing changed.

        Raises:
            UnavailableError: The journal cannot take them; nothing of this batch was kept.
        """
        return await self._submit("interaction", written)

    async def take_searches(self, written: WrittenRows) -> list[bool]:
        """Make searches durable; argument and answer as for interactions."""
        return await self._submit("search", written)

    def release(self, sequence: int) -> None:
        """Let the journal forget what the store has by now; called by the delivery."""
        self._trim_through = max(self._trim_through, sequence)
        self._searches.settle(sequence)
        self._interactions.settle(sequence)

    def scrub(self, timeout_s: float = 10.0) -> None:
        """Wipe from the journal's files what the store has by now; for erasure.

        Raises:
            UnavailableError: It was not done in time.
        """
        done = threading.Event()
        self._put(done)
        if not done.wait(timeout_s):
            raise UnavailableError("the journal was not wiped in time", hint="Try again.")

    def stop(self) -> None:
        """Commit what is waiting, and take no more."""
        if self._is_open:
            self._is_open = False
            self._put(None)
            self._thread.join()

    def close(self) -> None:
        """Let go of the journal, without what the store has by now."""
        self.stop()
        self._journal.trim(self._trim_through)
        self._journal.close()

    async def _submit(self, kind: Kind, written: WrittenRows) -> list[bool]:
        if not written.names:
            return []
        if not self._is_open:
            raise UnavailableError("the intake is closed")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[bool]] = loop.create_future()
        self._put(_Submission(kind, written, loop, answer))
        return await answer

    def _put(self, item: _Submission | threading.Event | None) -> None:
        """Hand something to the thread."""
        self._queue.append(item)
        if not self._has_work.is_set():
            self._has_work.set()

    def _run(self) -> None:
        """Gather and commit until closed."""
        is_last = False
        while not is_last:
            group, is_last = self._gather()
            if not group:
                continue
            failure: RankloopError | None = None
            try:
                self._commit(group)
            except RankloopError as error:
                failure = error
            except Exception as error:  # noqa: BLE001  outermost door: the requests must hear of it
                failure = UnavailableError(f"the intake failed: {type(error).__name__}")
            _answer(group, failure)

    def _gather(self) -> tuple[list[_Submission], bool]:
        """Wait for work, then take all that has come; True once closed."""
        self._has_work.wait()
        if self._is_busy:
            # Many are about to come: a moment's wait lets one flush serve them all.
            time.sleep(_GATHER_S)
        self._has_work.clear()
        group: list[_Submission] = []
        n_rows = 0
        while self._queue and n_rows < _MAX_GROUP_ROWS:
            item = self._queue.popleft()
            if item is None:
                return group, True
            if isinstance(item, threading.Event):
                self._wipe(item)
                continue
            group.append(item)
            n_rows += len(item.written.names)
        if self._queue:
            self._has_work.set()
        self._is_busy = len(group) >= _BUSY_FROM
        return group, False

    def _wipe(self, done: threading.Event) -> None:
        """Trim the journal and wipe its files; whoever waits hears of it only if that was done."""
        try:
            self._journal.trim(self._trim_through)
            self._journal.scrub()
        except UnavailableError:
            log.exception("journal_not_wiped")
        else:
            done.set()

    def _commit(self, group: list[_Submission]) -> None:
        """Write what is new in a group of submissions with one commit."""
        searches = _find_new(self._searches, [one for one in group if one.kind == "search"])
        interactions = _find_new(
            self._interactions, [one for one in group if one.kind == "interaction"]
        )
        if not searches.names and not interactions.names:
            return
        sequence = self._journal.append(
            searches.lines,
            len(searches.names),
            interactions.lines,
            len(interactions.names),
            trim_through=self._trim_through,
        )
        self._searches.add(searches.names, sequence, searches.hashes)
        self._interactions.add(interactions.names, sequence, interactions.hashes)
        self.acknowledged_sequence = sequence
        if self._on_accepted is not None:
            self._on_accepted(sequence, searches.lines, interactions.lines)


@dataclass(frozen=True, slots=True)
class _New:
    """What of a group's rows of one kind is new."""

    names: list[str]
    hashes: Hashes
    lines: bytes


def _find_new(ledger: IdentifierLedger, submissions: list[_Submission]) -> _New:
    """Mark each submission's duplicates, and say what is new."""
    names = [name for submission in submissions for name in submission.written.names]
    named = [flag for submission in submissions for flag in submission.written.client_named]
    hashes = to_hashes(names)
    suspects = list(compress(names, named))
    known = ledger.find_known(suspects, hashes[np.array(named, dtype=bool)])
    if not known and len(set(suspects)) == len(suspects):
        for submission in submissions:
            submission.duplicates = [False] * len(submission.written.names)
        return _New(names, hashes, b"".join([one.written.lines for one in submissions]))
    is_new: list[bool] = []
    lines: list[bytes] = []
    for submission in submissions:
        written = submission.written
        for name, flag in zip(written.names, written.client_named, strict=True):
            submission.duplicates.append(flag and name in known)
            known.add(name)
        places = [place for place, is_known in enumerate(submission.duplicates) if not is_known]
        lines.append(written.pick_lines(places))
        is_new += [not is_known for is_known in submission.duplicates]
    return _New(
        list(compress(names, is_new)), hashes[np.array(is_new, dtype=bool)], b"".join(lines)
    )


def _answer(group: list[_Submission], failure: RankloopError | None) -> None:
    """Wake the waiting requests, once per event loop."""
    loops = {submission.loop for submission in group}
    for loop in loops:
        mine = [submission for submission in group if submission.loop is loop]
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, mine, failure)


def _resolve(group: list[_Submission], failure: RankloopError | None) -> None:
    """Set the answers, on the event loop's own thread."""
    for submission in group:
        if submission.answer.done():
            continue
        if failure is None:
            submission.answer.set_result(submission.duplicates)
        else:
            submission.answer.set_exception(failure)
