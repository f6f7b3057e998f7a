"""One curve of examination from one harvest, drawn to a power law by as much as clicks are few."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from rankloop.bias.clustering import Spread, estimate_spread
from rankloop.bias.harvesting import count_by_group, harvest
from rankloop.bias.identifiability import AMBER, Graph, build_graph, find_settled
from rankloop.bias.newton import ROUGH, Fit, build_basis, expect, maximize
from rankloop.bias.shrinkage import shrink, steady

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankloop.bias.harvesting import Harvest
    from rankloop.bias.sightings import Effect, Sightings

Method = Literal["fixed_effects", "shrunk", "power_law", "none"]
"""How a curve was made: every rank by itself, drawn to a power law, a power law, not at all."""

N_JUDGED: Final = 10
"""Ranks that decide how much may be said; deeper ones may be as vague as they are."""

MIN_CLICKS_PER_RANK: Final = 20.0
"""Fewer harvested clicks a rank do not tell how far ranks scatter around a power law."""


MIN_SCATTERED: Final = 3
"""Fewer ranks below the first do not show how far they scatter around a line."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Log examination by node, and how well it is known.

    Attributes:
        beta: `[n_nodes]` float64, 0 at the first node; NaN where it is not identified.
        std_error: `[n_nodes]` float64, 0 at the first node; infinite where not identified.
        fitted: `[n_nodes]` float64, as `beta` before it was drawn to a power law; `spread` is of
            this.
        method: How it was made.
        by: What attraction was allowed to differ by besides the pair.
        graph: How the nodes hang together.
        spread: How much groups of people differ about it.
        n_clicks: Clicks that tell ranks apart.
        swap_information: Σ of the graph's weights: how much they tell.
        eta: Exponent of the power law nearest to it.
        tau: How far ranks are taken to scatter around that; None where they do not, or where
            there are too few to tell.
    """

    beta: NDArray[np.float64]
    std_error: NDArray[np.float64]
    fitted: NDArray[np.float64]
    method: Method
    by: tuple[Effect, ...]
    graph: Graph
    spread: Spread
    n_clicks: int
    swap_information: float
    eta: float
    tau: float | None = None

    @property
    def is_identified(self) -> NDArray[np.bool_]:
        """`[n_nodes]` bool, the nodes that have an estimate."""
        return np.isfinite(self.std_error)


def rank_nodes(node_of: NDArray[np.int64]) -> NDArray[np.float64]:
    """Average the logarithm of the rank over each node's positions: `[n_nodes]`, 0 at the first.

    Example:
        >>> rank_nodes(np.array([0, 1, 1])).round(3)
        array([0.   , 0.896])
    """
    log_rank = np.log(np.arange(node_of.size) + 1.0)
    return np.bincount(node_of, weights=log_rank) / np.bincount(node_of)


def estimate_curve(seen: Sightings, node_of: NDArray[np.int64], by: Sequence[Effect]) -> Curve:
    """Estimate examination from whatever stood at several ranks.

    Every rank is fitted by itself where each of the first ten comes out with a standard error of
    at most 0.25, and then drawn to a power law by as much as the values themselves lie around one;
    else ranks and power law are fitted at once; the power law alone where there are fewer than 20
    clicks a rank. Only ranks that hang together with the first have a number,
    whatever the method.

    Args:
        seen: What was shown where, with clicks by group of people for their errors.
        node_of: `[n_positions]` int64, the node of each position; ascending from 0.
        by: What attraction may differ by besides the pair.
    """
    harvested = harvest(seen, by)
    log_rank = rank_nodes(node_of)
    # It joins the ranks, stands in for those without a number, and is where searches start.
    law = maximize(harvested, log_rank[:, np.newaxis], tolerance=ROUGH)
    joined = build_graph(law.information).is_joined
    work = _Work(seen, tuple(by), harvested, log_rank, law.beta)
    if joined.sum() < 2:
        return work.finish(law, joined, "none")
    settled = find_settled(harvested) & joined
    free = work.fit_free(settled, law.beta)
    judged = np.flatnonzero(joined)[:N_JUDGED]
    judged = judged[judged < N_JUDGED]
    if settled[judged].all() and free.std_error[judged].max() <= AMBER:
        return _steady(free, log_rank)
    part = harvested.restrict(joined)
    if part.n_clicks < MIN_CLICKS_PER_RANK * joined.sum() or joined.sum() <= MIN_SCATTERED:
        return work.finish(maximize(part, (log_rank * joined)[:, np.newaxis]), joined, "power_law")
    shrunk = shrink(part, joined, log_rank)
    return work.finish(shrunk.fit, joined, "shrunk", shrunk.penalty, shrunk.tau)


def _steady(curve: Curve, log_rank: NDArray[np.float64]) -> Curve:
    """Draw a curve of free ranks to the power law that it lies around."""
    free = np.flatnonzero(curve.is_identified)[1:]
    if free.size < MIN_SCATTERED:
        return curve
    within = np.ix_(free, free)
    steadied = steady(curve.fitted[free], curve.spread.covariance[within], log_rank[free])
    beta, std_error = curve.beta.copy(), curve.std_error.copy()
    beta[free] = steadied.beta
    std_error[free] = np.sqrt(np.diag(steadied.covariance))
    return replace(curve, beta=beta, std_error=std_error, tau=steadied.tau)


@dataclass(frozen=True, slots=True)
class _Work:
    """One curve under way."""

    seen: Sightings
    by: tuple[Effect, ...]
    harvested: Harvest
    log_rank: NDArray[np.float64]
    law: NDArray[np.float64]

    def fit_free(self, settled: NDArray[np.bool_], start: NDArray[np.float64]) -> Curve:
        """Let every settled node go its own way."""
        part = self.harvested.restrict(settled)
        fit = maximize(part, build_basis(settled), start=np.where(settled, start, 0.0))
        return self.finish(fit, settled, "fixed_effects")

    def finish(
        self,
        fit: Fit,
        is_identified: NDArray[np.bool_],
        method: Method,
        penalty: NDArray[np.float64] | None = None,
        tau: float | None = None,
    ) -> Curve:
        """Estimate the errors of a fit, and say what it is worth."""
        if not fit.is_settled:
            method, is_identified = "none", np.zeros_like(is_identified)
        part = self.harvested.restrict(is_identified)
        grouped = count_by_group(self.seen, self.by, part)
        spread = estimate_spread(grouped, part, fit, penalty)
        variance = np.where(is_identified, np.diag(spread.covariance), np.inf)
        beta = np.where(is_identified, fit.beta, self.law)
        graph = build_graph(expect(self.harvested, beta)[1])
        line = self.log_rank * is_identified
        slope, length = float(line @ beta), float(line @ line)
        return Curve(
            beta=np.where(is_identified, fit.beta, np.nan),
            std_error=np.sqrt(np.maximum(variance, 0.0)),
            fitted=np.where(is_identified, fit.beta, np.nan),
            method=method,
            by=self.by,
            graph=graph,
            spread=spread,
            n_clicks=round(self.harvested.n_clicks),
            swap_information=float(graph.weight.sum() / 2),
            eta=-slope / length if length else 0.0,
            tau=tau,
        )
