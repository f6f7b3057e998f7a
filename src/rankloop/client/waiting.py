"""Events that wait to be sent: two bounded lanes, and the rule when a batch is due."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rankloop.client.batches import INTERACTIONS, MAX_BYTES, MAX_ITEMS, SEARCHES
from rankloop.errors import SettingsError

if TYPE_CHECKING:
    from rankloop.client.batches import Kind, Line


@dataclass(frozen=True, slots=True)
class WaitingConfig:
    """How long events wait, and how many."""

    every_s: float = 0.5
    """How long an event waits for company, in seconds."""

    batch_items: int = 1_000
    """Events that are sent at once without waiting, at most 5,000 a request."""

    max_queued: int = 100_000
    """Most events that wait; beyond, new ones are turned away."""

    def __post_init__(self) -> None:
        if not 1 <= self.batch_items <= MAX_ITEMS:
            raise SettingsError(f"batch_items is 1 to {MAX_ITEMS}", where="batch_items")
        if self.max_queued < 1:
            raise SettingsError("max_queued must be 1 or more", where="max_queued")
        if self.every_s < 0:
            raise SettingsError("every_s must be 0 or more", where="every_s")


class WaitingLines:
    """Events in the order given, searches in a lane of their own that goes first.

    A batch stays in its lane until it is forgotten, so what is under way is never lost sight of.

    Example:
        >>> from rankloop.client.batches import to_line
        >>> lines = WaitingLines(WaitingConfig(every_s=0))
        >>> lines.put(INTERACTIONS, to_line(INTERACTIONS, 0, {"interaction_id": "i1"}))
        True
        >>> kind, batch = lines.wait_for_batch()
        >>> lines.forget(kind, len(batch))
        >>> len(lines)
        0
    """

    def __init__(self, config: WaitingConfig | None = None) -> None:
        self._config = config or WaitingConfig()
        self._changed = threading.Condition()
        self._lanes: dict[Kind, deque[Line]] = {SEARCHES: deque(), INTERACTIONS: deque()}
        self._is_flushing = False
        self._is_stopped = False
        self._oldest_at = 0.0
        self.is_closed = False

    def __len__(self) -> int:
        """Return how many events wait."""
        return sum(len(lane) for lane in self._lanes.values())

    def put(self, kind: Kind, line: Line) -> bool:
        """Let an event wait; False where there is no room or no more sending."""
        with self._changed:
            if self.is_closed or len(self) >= self._config.max_queued:
                return False
            if not len(self):
                self._oldest_at = time.monotonic()
            self._lanes[kind].append(line)
            # The first event starts the clock, a full batch stops it; others change nothing.
            if len(self) == 1 or self._is_due():
                self._changed.notify_all()
            return True

    def wait_for_batch(self) -> tuple[Kind, list[Line]] | None:
        """Wait until a batch is due and return it; None once closed and empty, or stopped."""
        with self._changed:
            while not self._is_stopped:
                if len(self) and self._is_due():
                    return self._peek()
                if self.is_closed and not len(self):
                    return None
                wait_s = None
                if len(self):
                    wait_s = max(0.0, self._oldest_at + self._config.every_s - time.monotonic())
                self._changed.wait(wait_s)
            return None

    def forget(self, kind: Kind, count: int) -> None:
        """Take events off the front of a lane: they are settled."""
        with self._changed:
            lane = self._lanes[kind]
            for _ in range(min(count, len(lane))):
                lane.popleft()
            self._oldest_at = time.monotonic()
            if not len(self):
                self._is_flushing = False
            self._changed.notify_all()

    def flush(self, timeout_s: float | None) -> bool:
        """Make everything due, and wait until nothing waits; False if it took longer."""
        with self._changed:
            self._is_flushing = bool(len(self))
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not len(self), timeout_s)

    def close(self, timeout_s: float) -> bool:
        """Take no more, make everything due, wait until nothing waits, then stop."""
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()
            is_empty = self._changed.wait_for(lambda: not len(self), timeout_s)
            self._is_stopped = True
            self._changed.notify_all()
            return is_empty

    def pause(self, pause_s: float) -> None:
        """Wait, unless sending stops."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped, pause_s)

    def _is_due(self) -> bool:
        """Say whether a batch should go out now."""
        if self._is_flushing or self.is_closed:
            return True
        if max(len(lane) for lane in self._lanes.values()) >= self._config.batch_items:
            return True
        return time.monotonic() >= self._oldest_at + self._config.every_s

    def _peek(self) -> tuple[Kind, list[Line]]:
        """Return as many events as fit into one request, searches first."""
        kind = SEARCHES if self._lanes[SEARCHES] else INTERACTIONS
        lines: list[Line] = []
        size = 0
        for line in self._lanes[kind]:
            size += len(line.text) + 1
            if lines and (len(lines) >= self._config.batch_items or size > MAX_BYTES):
                break
            lines.append(line)
        return kind, lines
