"""From the store to propensities: cells are asked for, examination is estimated and kept."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Protocol

from rankloop.bias.advice import advise
from rankloop.bias.cells import Cells
from rankloop.bias.estimates import BiasEstimate, estimate_propensities, lay_out
from rankloop.bias.identifiability import list_nodes
from rankloop.tables.bias import (
    Bias,
    BiasContext,
    BiasContextPosition,
    BiasContexts,
    BiasDrift,
    BiasGuess,
    BiasPosition,
    BiasSwap,
)
from rankloop.tables.manifests import N_SHARDS
from rankloop.tables.windows import InsightsWindow

if TYPE_CHECKING:
    from rankloop.bias.contextual import Contextual
    from rankloop.store.base import EventStore, Value

MOST_KEPT: Final = 16
"""Estimates that are kept until the log changes."""


class Derivation(Protocol):
    """What brings the derived tables up to date before they are read."""

    def refresh(self) -> object:
        """Derive what has come in since the last time."""
        ...


class Estimation:
    """Propensities over one store.

    Any thread may call. An estimate is kept until the log changes, by retriever and window.

    Args:
        store: Where the log is.
        derivation: What brings it up to date.
    """

    def __init__(self, store: EventStore, derivation: Derivation) -> None:
        self._store = store
        self.derivation = derivation
        self._lock = threading.Lock()
        self._kept: dict[tuple[object, ...], BiasEstimate] = {}

    def refresh(self) -> None:
        """Bring the log up to date."""
        self.derivation.refresh()

    def bias(self, retriever_id: str | None = None, window: InsightsWindow | None = None) -> Bias:
        """Answer with the curve, its errors and what supports it.

        Args:
            retriever_id: Which retriever; all of them together when left out.
            window: Which part of the log; everything when left out. Robots never count.
        """
        window = window or InsightsWindow()
        estimate = self.propensities(retriever_id, window)
        return to_bias(estimate, retriever_id, window)

    def propensities(
        self, retriever_id: str | None = None, window: InsightsWindow | None = None
    ) -> BiasEstimate:
        """Estimate examination, or hand out what was estimated of the same log before."""
        window = window or InsightsWindow()
        self.derivation.refresh()
        with self._lock:
            version = tuple(self._store.ask("derive_version").to_pylist()[0].values())
            key = (version, retriever_id, window)
            if key not in self._kept:
                parameters = {**_to_parameters(retriever_id, window), "n_shards": N_SHARDS}
                answer = self._store.ask("cells_by_position", parameters)
                estimate = estimate_propensities(Cells.from_table(answer, n_shards=N_SHARDS))
                kept = {k: v for k, v in self._kept.items() if k[0] == version}
                self._kept = {**dict(list(kept.items())[1 - MOST_KEPT :]), key: estimate}
            return self._kept[key]

    def cells(
        self,
        retriever_id: str | None = None,
        window: InsightsWindow | None = None,
        n_shards: int = 1,
        *,
        is_explored: bool | None = None,
    ) -> Cells:
        """Count the log: by previous click, with signals, and by group of people where asked.

        Without groups, weeks and days that lie whole within the window are read added up.

        Args:
            retriever_id: Which retriever; all of them together when left out.
            window: Which part of the log; everything when left out. Robots never count.
            n_shards: How many groups of people to tell apart.
            is_explored: Only lists that chance had a say in, or only others; all when left out.
        """
        self.derivation.refresh()
        parameters = _to_parameters(retriever_id, window or InsightsWindow())
        parameters["is_explored"] = is_explored
        if n_shards == 1:
            return Cells.from_table(self._store.ask("cells", parameters))
        answer = self._store.ask("cells_by_group", {**parameters, "n_shards": n_shards})
        return Cells.from_table(answer, n_shards=n_shards)


def _to_parameters(retriever_id: str | None, window: InsightsWindow) -> dict[str, Value]:
    """Say which part of the log is meant."""
    return {
        "retriever_id": retriever_id,
        "start": window.start,
        "end": window.end,
        "surface": window.segment.surface,
        "device": window.segment.device,
    }


def to_bias(estimate: BiasEstimate, retriever_id: str | None, window: InsightsWindow) -> Bias:
    """Turn an estimate into the record that is answered with."""
    curve = estimate.curve
    is_told = curve is not None and curve.method != "none"
    nodes = list_nodes(estimate.node_of)
    return Bias(
        retriever_id=retriever_id,
        window=window,
        status=estimate.propensities.status,
        method=curve.method if curve is not None else "none",
        lack=estimate.lack or None,
        advice=advise(estimate),
        positions=[
            BiasPosition(
                position=row.position,
                last_position=row.last_position,
                propensity=row.propensity,
                std_error=row.std_error,
                low=row.low,
                high=row.high,
                naive=row.naive,
                light=row.light,
                impressions=row.n,
                clicks=row.clicks,
                isotonic=row.isotonic,
            )
            for row in estimate.rows
        ],
        components=[list(part) for part in estimate.components],
        harvest_share=estimate.harvest_share,
        fiedler=curve.graph.fiedler if curve is not None else 0.0,
        impressions=sum(row.n for row in estimate.rows),
        clicks=sum(row.clicks for row in estimate.rows),
        effects=list(curve.by) if curve is not None else [],
        is_clustered=curve is not None and curve.spread.is_clustered,
        eta=curve.eta if curve is not None and is_told else None,
        tau=curve.tau if curve is not None else None,
        swaps=[
            BiasSwap(nodes[swap.nodes[0]][0], nodes[swap.nodes[1]][0], swap.n_clicks)
            for swap in estimate.swaps
        ],
        drift=BiasDrift(estimate.drift.status, estimate.drift.cost, estimate.drift.worst),
        contexts=_to_contexts(estimate.contextual, estimate),
        sensitivity=[BiasGuess(guess.eta, guess.changed_share) for guess in estimate.guesses],
    )


def _to_contexts(contextual: Contextual | None, estimate: BiasEstimate) -> BiasContexts | None:
    """Turn curves by context into records."""
    if contextual is None:
        return None
    firsts = [first for first, _ in list_nodes(estimate.node_of)]
    contexts = [
        BiasContext(
            surface=surface or None,
            device=device or None,
            method=curve.method,
            clicks=curve.n_clicks,
            positions=[
                BiasContextPosition(position, *values)
                for position, values in zip(
                    firsts, lay_out(curve.beta, curve.std_error), strict=True
                )
            ],
        )
        for (surface, device), curve in zip(contextual.contexts, contextual.curves, strict=True)
    ]
    return BiasContexts(contextual.is_different, contextual.p_value, contexts)
