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
            derived = _time(engine.derivation.refresh)
            engine.store.checkpoint()
            ours, theirs = [], []
            for run in range(N_RUNS + 1):
                say(f"asking, run {run} of {N_RUNS} (run 0 warms up)")
                ours.append(_time(lambda: engine.insights.signals("shop", InsightsWindow())))
                if against is not None:
                    theirs.append(_time(lambda: ask_plainly(engine.store)))
        finally:
            engine.close()
    return Outcome(
        [
            *(
                compare(
                    name,
                    statistics.median(run[kind] for run in ours[1:]),
                    "s",
                    against,
                    statistics.median(run[kind] for run in theirs[1:]) if theirs else None,
                )
                for kind, name in enumerate(("signals_s", "signals_cpu_s"))
            ),
            compare("derive_s", derived[0], "s"),
            compare("derive_cpu_s", derived[1], "s"),
        ],
        describe_machine(),
    )


def _time(work: Callable[[], object]) -> tuple[float, float]:
    """Do something; return the seconds on the clock and those of the processor, over all cores."""
    began, began_cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - began_cpu
