"""How long all signals take over 20 million impressions, beside plain SQL on the raw tables."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rankloop.benchmarks.figures import Outcome, compare, describe_machine, to_table
from rankloop.benchmarks.peer_sql import ask_plainly
from rankloop.benchmarks.traffic import TrafficSpec, write_traffic
from rankloop.errors import InputError
from rankloop.tables.windows import InsightsWindow
from rankloop.wiring import open_engine

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["measure", "to_table"]

N_RUNS: Final = 3


def measure(*, against: str | None = None, say: Callable[[str], None]) -> Outcome:
    """Measure the signals, warm, with default settings.

    Args:
        against: `sql`: the same questions as plain SQL on the raw tables, without intervals.
        say: Told what is being done.

    Raises:
        InputError: There is no such peer.
    """
    if against not in {None, "sql"}:
        raise InputError(f"there is no peer {against!r}", hint="Known: sql.")
    with tempfile.TemporaryDirectory() as name:
        engine = open_engine(Path(name))
        try:
            write_traffic(engine.store, TrafficSpec(), say)
            say("deriving")
            began = time.perf_counter()
            engine.derivation.refresh()
            derive_s = time.perf_counter() - began
            engine.store.checkpoint()
            ours, theirs = [], []
            for run in range(N_RUNS + 1):
                say(f"asking, run {run} of {N_RUNS} (run 0 warms up)")
                began = time.perf_counter()
                engine.insights.signals("shop", InsightsWindow())
                ours.append(time.perf_counter() - began)
                if against is not None:
                    theirs.append(ask_plainly(engine.store))
        finally:
            engine.close()
    peer_s = statistics.median(theirs[1:]) if theirs else None
    return Outcome(
        [
            compare("signals_s", statistics.median(ours[1:]), "s", against, peer_s),
            compare("derive_s", derive_s, "s"),
        ],
        describe_machine(),
    )
