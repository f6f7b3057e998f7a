"""How long cells, click models and propensities take, beside models fitted list by list."""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from rankloop.benchmarks.bias_log import (
    build_simulation,
    build_unique,
    fold_lists,
    fold_parquet,
    write_log,
)
from rankloop.benchmarks.figures import Figure, Outcome, compare, describe_machine, to_table
from rankloop.benchmarks.peer_click_models import PeerModel, fit_pbm, fit_ubm, to_plain
from rankloop.bias.estimates import estimate_propensities
from rankloop.bias.expectation import EMConfig
from rankloop.bias.pbm import PositionBasedModel
from rankloop.bias.ubm import UserBrowsingModel
from rankloop.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rankloop.bias.cells import Cells

__all__ = ["measure", "to_table"]

T = TypeVar("T")

PEER: Final = "pyclick-like"
N_SEARCHES: Final = 1_000_000
N_SEARCHES_LARGE: Final = 10_000_000
N_SEARCHES_PEER: Final = 10_000
N_SEARCHES_UNIQUE: Final = 200_000
N_ROUNDS_PEER: Final = 20


def measure(
    *, against: str | None = None, large: bool = False, say: Callable[[str], None]
) -> Outcome:
    """Measure a million searches in memory, or ten million from Parquet.

    Args:
        against: `pyclick-like`: the same two models by plain expectation maximization over 10,000
            searches, list by list; their parameters must agree to 1e-10.
        large: Ten million searches, written to Parquet first and aggregated by DuckDB.
        say: Told what is being done.

    Raises:
        InputError: There is no such peer.
    """
    if against not in {None, PEER}:
        raise InputError(f"there is no peer {against!r}", hint=f"Known: {PEER}.")
    figures = _compare_with_lists(say) if against == PEER else []
    cells, folding = _fold_large(say) if large else _fold(say)
    figures += [*folding, *_measure_fits(cells, say)]
    figures += _measure_unique(say)
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures.append(compare("peak_memory_mib", peak_kib / 1024, "MiB"))
    return Outcome(figures, describe_machine())


def _time(what: str, call: Callable[[], T], say: Callable[[str], None]) -> tuple[T, float]:
    """Return what a call returns and the seconds it took; say the processor's beside them."""
    began, processor_began = time.perf_counter(), time.process_time()
    result = call()
    seconds, processor_s = time.perf_counter() - began, time.process_time() - processor_began
    say(f"{what}: {seconds:.2f} s, {processor_s:.2f} s of processor time")
    return result, seconds


def _fold(say: Callable[[str], None]) -> tuple[Cells, list[Figure]]:
    """Simulate a million searches and fold them in memory."""
    simulation = build_simulation(N_SEARCHES)
    (lists, known), simulated_s = _time("simulation", lambda: fold_lists(simulation), say)
    cells, cells_s = _time("cells", lambda: lists.to_cells(known), say)
    per_s = len(lists) / simulated_s
    return cells, [compare("simulated_per_s", per_s, "1/s"), compare("cells_s", cells_s, "s")]


def _fold_large(say: Callable[[str], None]) -> tuple[Cells, list[Figure]]:
    """Fold ten million searches that are in a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.parquet"
        write_log(build_simulation(N_SEARCHES_LARGE), path, say)
        cells, cells_s = _time("cells", lambda: fold_parquet(path), say)
    return cells, [compare("cells_s", cells_s, "s")]


def _measure_fits(told_apart: Cells, say: Callable[[str], None]) -> list[Figure]:
    """Time the propensities with their errors, and both models."""
    _, propensities_s = _time("propensities", lambda: estimate_propensities(told_apart), say)
    cells = told_apart.sum_over("shard")
    _, pbm_s = _time("position-based model", lambda: PositionBasedModel.fit(cells), say)
    _, ubm_s = _time("user browsing model", lambda: UserBrowsingModel.fit(cells), say)
    return [
        compare("propensities_s", propensities_s, "s"),
        compare("pbm_s", pbm_s, "s"),
        compare("ubm_s", ubm_s, "s"),
        compare("impressions_per_cell", cells.n_impressions / len(cells), "1"),
    ]


def _measure_unique(say: Callable[[str], None]) -> list[Figure]:
    """Time a log in which nothing repeats, so that a cell is an impression."""
    say(f"{N_SEARCHES_UNIQUE:,} searches of which none repeats")
    lists = build_unique(N_SEARCHES_UNIQUE)
    cells, cells_s = _time("cells", lists.to_cells, say)
    _, pbm_s = _time("position-based model", lambda: PositionBasedModel.fit(cells), say)
    _, ubm_s = _time("user browsing model", lambda: UserBrowsingModel.fit(cells), say)
    return [
        compare("unique_cells_s", cells_s, "s"),
        compare("unique_pbm_s", pbm_s, "s"),
        compare("unique_ubm_s", ubm_s, "s"),
        compare("unique_impressions_per_cell", cells.n_impressions / len(cells), "1"),
    ]


def _compare_with_lists(say: Callable[[str], None]) -> list[Figure]:
    """Fit both models on cells and list by list, and hold the parameters to each other."""
    lists = build_simulation(N_SEARCHES_PEER).run(0, N_SEARCHES_PEER).lists
    config = EMConfig(
        n_rounds=N_ROUNDS_PEER, tolerance=0.0, prior_clicks=1.0, prior_skips=1.0, n_starts=1
    )
    plain = to_plain(lists)
    peer_pbm, peer_pbm_s = _time("pbm by list", lambda: fit_pbm(plain, N_ROUNDS_PEER), say)
    pbm, pbm_s = _time("pbm", lambda: PositionBasedModel.fit(lists.to_cells(), config), say)
    peer_ubm, peer_ubm_s = _time("ubm by list", lambda: fit_ubm(plain, N_ROUNDS_PEER), say)
    ubm, ubm_s = _time("ubm", lambda: UserBrowsingModel.fit(lists.to_cells(), config), say)
    gap = max(_find_gap(pbm, peer_pbm), _find_gap(ubm, peer_ubm))
    return [
        compare("pbm_10k_s", pbm_s, "s", PEER, peer_pbm_s),
        compare("ubm_10k_s", ubm_s, "s", PEER, peer_ubm_s),
        Figure("largest_parameter_difference", gap, "1"),
    ]


def _find_gap(ours: PositionBasedModel | UserBrowsingModel, theirs: PeerModel) -> float:
    """Return the largest difference between parameters, ours being relative to position 0."""
    attraction, examination = theirs
    first = examination[0]
    pairs, looks = np.array(list(attraction)), np.array(list(examination))
    expected = np.array(list(attraction.values())) * first
    gap = float(np.abs(ours.attraction[pairs] - expected).max())
    is_matrix = ours.examination.ndim == 2
    found = ours.examination[looks // 1000, looks % 1000] if is_matrix else ours.examination[looks]
    expected = np.array(list(examination.values())) / first
    return max(gap, float(np.abs(found - expected).max()))
