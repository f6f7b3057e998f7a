"""A model in shadow: it ranks what people searched for, beside what serves and unseen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.errors import RankloopError
from rankloop.experiments.gate import ShadowEvidence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rankloop.jobs.replaying import Need, Replayer
    from rankloop.retrieval.answers import Outcome
    from rankloop.retrieval.pipeline import Pipeline

DEPTH: Final = 10
"""Results that are compared."""

N_WARMING: Final = 5
"""Searches made before the clock runs: what is read for the first time is no measure."""


def replay_in_shadow(
    replayer: Replayer,
    searches: Sequence[Need],
    pipelines: tuple[Pipeline, Pipeline],
    tick: Callable[[float], None],
) -> ShadowEvidence:
    """Make logged searches again, and watch the model at it.

    A search counts as failed where it cannot be ranked, or where a stage gives up that does not
    without the model. The time that a query's embedding takes is not the model's, and left out.

    Args:
        replayer: What makes searches.
        searches: Which.
        pipelines: With the model, and what serves.
        tick: Told how far this is, in [0, 1].
    """
    new, old = pipelines
    for need in searches[:N_WARMING]:
        _attempt(replayer, new, need)
        _attempt(replayer, old, need)
    times, usual_times, overlaps, n_failed = [], [], [], 0
    for place, need in enumerate(searches):
        if place % 16 == 0:
            tick(place / len(searches))
        usual, usual_ms = _clock(replayer, old, need)
        outcome, took_ms = _clock(replayer, new, need)
        if usual is None and outcome is None:
            # What cannot be ranked without the model says nothing about it.
            continue
        if outcome is None or _is_worse(outcome, usual):
            n_failed += 1
            continue
        times.append(took_ms)
        if usual is not None:
            usual_times.append(usual_ms)
            overlaps.append(_share(outcome, usual))
    return ShadowEvidence(
        n_searches=len(times) + n_failed,
        n_failed=n_failed,
        p95_ms=_find_p95(times),
        overlap_at_10=float(np.mean(overlaps)) if overlaps else 0.0,
        is_replayed=True,
        usual_p95_ms=_find_p95(usual_times),
    )


def _clock(replayer: Replayer, pipeline: Pipeline, need: Need) -> tuple[Outcome | None, float]:
    """Make a search again; say how long it took without embedding the query, milliseconds."""
    began = time.perf_counter()
    outcome = _attempt(replayer, pipeline, need)
    took_ms = (time.perf_counter() - began) * 1e3
    return outcome, took_ms - ((outcome.embed_ms if outcome else None) or 0.0)


def _find_p95(times: Sequence[float]) -> float:
    """Return the time that 95 of 100 take at most; 0 where there are none."""
    return float(np.quantile(times, 0.95)) if times else 0.0


def _attempt(replayer: Replayer, pipeline: Pipeline, need: Need) -> Outcome | None:
    """Make a search again; None where that cannot be done."""
    try:
        return replayer.make(pipeline, need, DEPTH)
    except RankloopError:
        return None


def _is_worse(outcome: Outcome, usual: Outcome | None) -> bool:
    """Say whether a stage gave up that did not without the model."""
    known = {one.index for one in usual.skipped_stages} if usual is not None else set()
    return any(one.index not in known for one in outcome.skipped_stages)


def _share(outcome: Outcome, usual: Outcome) -> float:
    """Return which share of the first results both show; all of them where neither shows any."""
    ours = {one.document_id for one in outcome.results}
    theirs = {one.document_id for one in usual.results}
    longest = max(len(ours), len(theirs))
    return len(ours & theirs) / longest if longest else 1.0
