"""Examination by position with everything that supports it, or what a log lacks to tell it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from rankloop.bias.contextual import Contextual, compare_contexts
from rankloop.bias.curves import N_JUDGED, Curve, Method, estimate_curve
from rankloop.bias.drift import Drift, compare_weeks
from rankloop.bias.identifiability import (
    AMBER,
    Light,
    Swap,
    light_up,
    list_nodes,
    plan_swaps,
    pool_positions,
)
from rankloop.bias.isotonic import smooth
from rankloop.bias.propensities import Propensities, Status
from rankloop.bias.sensitivity import Guess, sweep
from rankloop.bias.sightings import Sightings, sight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankloop.bias.cells import Cells

Lack = Literal["", "impressions", "clicks", "positions", "repeats", "swaps"]
"""What a log lacks: lists, clicks, a second position, a pair shown twice or at two ranks."""

MIN_SHARE: Final = 0.01
"""A rank shown less often than this, relative to the most shown one, decides nothing."""

Z: Final = 1.959964
"""Standard errors on each side of a 95% interval."""


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One position, or several that are pooled.

    Attributes:
        position: The first position, from 0.
        last_position: The last one; the same for all but deep positions.
        propensity: Examination relative to position 0; None where it is not identified.
        std_error: Standard error of its logarithm; None likewise.
        low: Lower end of the 95% interval; None likewise.
        high: Upper end; None likewise.
        naive: Click rate relative to that of position 0, which mixes examination with what was
            shown there; None where either is unknown.
        light: Whether the estimate may be relied on.
        n: Impressions.
        clicks: Clicked ones.
        isotonic: The nearest curve that never rises, for the eye only; None where not identified.
    """

    position: int
    last_position: int
    propensity: float | None
    std_error: float | None
    low: float | None
    high: float | None
    naive: float | None
    light: Light
    n: int
    clicks: int
    isotonic: float | None


@dataclass(frozen=True, slots=True)
class BiasEstimate:
    """What a log says about examination.

    Attributes:
        propensities: Examination by position, for whoever divides by it.
        node_of: `[n_positions]` int64, which row each position belongs to.
        rows: The same with intervals and counts, by node: a position, or several deep ones.
        lack: What the log lacks where nothing could be estimated; empty text where it could.
        curve: The curve that was chosen; None where there is nothing to compare.
        components: Positions that hang together; more than one means scales of their own.
        harvest_share: Share of clicks that fell on what was shown at several ranks, in [0, 1].
        drift: Whether attraction moves from week to week.
        contextual: Whether surfaces and devices differ; None where there is one of them.
        swaps: Neighbors to exchange so that every position turns green.
        guesses: What would follow from guesses; empty where something is identified.
    """

    propensities: Propensities
    node_of: NDArray[np.int64]
    rows: tuple[NodeRow, ...]
    lack: Lack
    curve: Curve | None
    components: tuple[tuple[int, ...], ...]
    harvest_share: float
    drift: Drift
    contextual: Contextual | None
    swaps: tuple[Swap, ...]
    guesses: tuple[Guess, ...]


def estimate_propensities(cells: Cells) -> BiasEstimate:
    """Estimate how likely each position is looked at, relative to the first.

    Args:
        cells: A log's cells; with clicks told apart by shard, errors allow for people.

    Returns:
        The estimate; where the log cannot tell, its status is `not_identifiable` and no position
        has a number.

    Example:
        >>> from rankloop.bias.cells import Cells
        >>> swapped = Cells.from_columns(
        ...     {
        ...         "query_key": ["q"] * 4,
        ...         "document_id": ["a", "b", "b", "a"],
        ...         "position": [0, 1, 0, 1],
        ...         "n": [9000] * 4,
        ...         "clicks": [3000, 900, 1800, 1500],
        ...     }
        ... )
        >>> estimate = estimate_propensities(swapped)
        >>> estimate.propensities.status, estimate.propensities.examination.round(2).tolist()
        ('identified', [1.0, 0.5])
        >>> frozen = swapped.select(swapped.position == swapped.pair)
        >>> estimate_propensities(frozen).propensities.status
        'not_identifiable'
    """
    node_of = pool_positions(max(cells.n_positions, 1))
    seen = sight(cells, node_of)
    work = _Described(cells, node_of, seen.n_by_node, seen.clicks_by_node)
    if not work.clicks.any() or node_of.size < 2:
        return work.describe(None, Drift.unchecked(1), None)
    moved = seen.keep_moved()
    curve, drift = choose_effects(moved, node_of)
    contextual = None
    if curve.method != "none":
        contextual = compare_contexts(moved, node_of, curve.by)
    return work.describe(curve, drift, contextual)


def choose_effects(seen: Sightings, node_of: NDArray[np.int64]) -> tuple[Curve, Drift]:
    """Estimate with attraction free by week, or by pair alone where weeks cost too much.

    Weeks are kept, whatever they cost, where estimates with and without them disagree.
    """
    if not seen.week.any():
        pair = estimate_curve(seen, node_of, ["pair"])
        return pair, Drift.unchecked(pair.beta.size)
    # Two curves of the same rows, each mostly within NumPy, which lets the other go on.
    with ThreadPoolExecutor(2) as threads:
        by_week = threads.submit(estimate_curve, seen, node_of, ["pair", "week"])
        pair = estimate_curve(seen, node_of, ["pair"])
        week = by_week.result()
    if pair.method == "none":
        return pair, Drift.unchecked(pair.beta.size)
    drift = compare_weeks(pair, week)
    return (pair if drift.status == "unchecked" else week), drift


@dataclass(frozen=True, slots=True)
class _Described:
    """What is told of a log: counts by node, `[n_nodes]` each, and whatever was estimated."""

    cells: Cells
    node_of: NDArray[np.int64]
    n: NDArray[np.float64]
    clicks: NDArray[np.float64]

    def describe(
        self, curve: Curve | None, drift: Drift, contextual: Contextual | None
    ) -> BiasEstimate:
        """Put together what is told."""
        cells, node_of = self.cells, self.node_of
        nodes = list_nodes(node_of)
        unknown = np.full(len(nodes), np.inf)
        is_told = curve is not None and curve.method != "none"
        std_error = curve.std_error if curve is not None and is_told else unknown
        beta = curve.beta if curve is not None and is_told else np.full(len(nodes), np.nan)
        method: Method = curve.method if curve is not None else "none"
        status = _judge(std_error, self.n, method)
        swaps = tuple(plan_swaps(curve.graph, std_error)) if curve is not None else ()
        n_clicks = float(self.clicks.sum())
        return BiasEstimate(
            propensities=Propensities(np.exp(beta)[node_of], std_error[node_of], status, method),
            node_of=node_of,
            rows=tuple(self._list_rows(beta, std_error)) if len(cells) else (),
            lack="" if is_told else find_lack(cells),
            curve=curve,
            components=_list_components(curve, nodes, len(cells)),
            harvest_share=curve.n_clicks / n_clicks if curve is not None else 0.0,
            drift=drift,
            contextual=contextual,
            swaps=swaps,
            guesses=() if is_told or not n_clicks else tuple(sweep(cells)),
        )

    def _list_rows(
        self, beta: NDArray[np.float64], std_error: NDArray[np.float64]
    ) -> list[NodeRow]:
        """Lay the estimate out by node."""
        n, clicks = self.n, self.clicks
        rate = np.divide(clicks, n, out=np.full(n.size, np.nan), where=n > 0)
        naive = rate / rate[0] if rate[0] > 0 else np.full(n.size, np.nan)
        isotonic, lights = smooth(beta, std_error), light_up(std_error)
        intervals = lay_out(beta, std_error)
        rows = []
        for node, (first, last) in enumerate(list_nodes(self.node_of)):
            propensity, low, high = intervals[node]
            rows.append(
                NodeRow(
                    position=first,
                    last_position=last,
                    propensity=propensity,
                    std_error=_tell(std_error[node]),
                    low=low,
                    high=high,
                    naive=_tell(naive[node]),
                    light=lights[node],
                    n=int(n[node]),
                    clicks=int(clicks[node]),
                    isotonic=_tell(isotonic[node]),
                )
            )
        return rows


def _judge(std_error: NDArray[np.float64], n: NDArray[np.float64], method: Method) -> Status:
    """Say whether estimates may be used, by the ranks that matter.

    What leans on a power law is weak, however narrow its interval: the line is taken on trust.
    """
    if not np.isfinite(std_error[1:]).any():
        return "not_identifiable"
    matters = (n >= MIN_SHARE * n.max())[:N_JUDGED]
    is_good = method == "fixed_effects" and (std_error[:N_JUDGED][matters] <= AMBER).all()
    return "identified" if is_good else "weak"


def find_lack(cells: Cells) -> Lack:
    """Say what a log lacks that cannot tell examination from attraction."""
    if not len(cells):
        return "impressions"
    if not cells.n_clicks:
        return "clicks"
    if np.unique(cells.position).size < 2:
        return "positions"
    shown = np.bincount(cells.pair, weights=cells.n)
    return "swaps" if shown.max() > 1 else "repeats"


def _list_components(
    curve: Curve | None, nodes: Sequence[tuple[int, int]], n_cells: int
) -> tuple[tuple[int, ...], ...]:
    """Name components by the first position of each of their nodes."""
    if not n_cells:
        return ()
    if curve is None:
        return tuple((first,) for first, _ in nodes)
    return tuple(tuple(nodes[node][0] for node in part) for part in curve.graph.components)


def lay_out(
    beta: NDArray[np.float64], std_error: NDArray[np.float64]
) -> list[tuple[float | None, float | None, float | None]]:
    """Give examination and both ends of its 95% interval, by node; None where not identified.

    Example:
        >>> lay_out(np.array([0.0, np.nan]), np.array([0.0, np.inf]))
        [(1.0, 1.0, 1.0), (None, None, None)]
    """
    return [
        (_tell(np.exp(b)), _tell(np.exp(b - Z * e)), _tell(np.exp(b + Z * e)))
        for b, e in zip(beta.tolist(), std_error.tolist(), strict=True)
    ]


def _tell(value: float) -> float | None:
    """Turn a number that is none into None."""
    return float(value) if np.isfinite(value) else None
