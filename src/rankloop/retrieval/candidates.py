"""A caller's own candidates, read: what another engine found, to be re-ordered here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rankloop.errors import Fault, FaultsError
from rankloop.retrieval.limits import check_candidates
from rankloop.stages.base import Candidates
from rankloop.stages.fusion import discount_ranks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def read_candidates(
    document_ids: Sequence[str],
    scores: Sequence[float | None],
    fields: Sequence[Mapping[str, Any] | None],
) -> Candidates:
    """Make candidates of what a caller sent, in the order sent or, with scores, best first.

    Candidates without scores get the discount of their rank, as in DCG: 1 / log2(rank + 1).

    Args:
        document_ids: The documents.
        scores: One each, or None for all.
        fields: What filters may read and answers show; None where the caller sent nothing.

    Raises:
        FaultsError: A document stands twice, only some have scores, or there are too many.

    Example:
        >>> read_candidates(["a", "b"], [1.0, 2.0], [None, {"brand": "x"}]).document_ids
        ('b', 'a')
        >>> read_candidates(["a", "b"], [None, None], [None, None]).scores.round(2).tolist()
        [1.0, 0.63]
    """
    check_candidates(len(document_ids))
    faults = _find_repeated(document_ids) or _find_unscored(scores)
    if faults:
        raise FaultsError(faults[0].detail, faults)
    payloads = {
        document_id: given
        for document_id, given in zip(document_ids, fields, strict=True)
        if given is not None
    }
    if not scores or scores[0] is None:
        return Candidates(tuple(document_ids), discount_ranks(len(document_ids)), payloads)
    values = np.array(scores, dtype=np.float64)
    order = np.argsort(-values, kind="stable")
    return Candidates(tuple(document_ids[place] for place in order), values[order], payloads)


def _find_repeated(document_ids: Sequence[str]) -> list[Fault]:
    """Name candidates that stand for a document that was there before."""
    seen: set[str] = set()
    faults = []
    for index, document_id in enumerate(document_ids):
        if document_id in seen:
            pointer = f"/candidates/{index}/document_id"
            faults.append(Fault(pointer, "duplicate", "the document stands here a second time"))
        seen.add(document_id)
    return faults


def _find_unscored(scores: Sequence[float | None]) -> list[Fault]:
    """Name candidates without a usable score where others have one."""
    if all(score is None for score in scores):
        return []
    return [
        Fault(f"/candidates/{index}/score", "missing_field", "all candidates have scores, or none")
        if score is None
        else Fault(f"/candidates/{index}/score", "out_of_range", "a score is a finite number")
        for index, score in enumerate(scores)
        if score is None or not np.isfinite(score)
    ]
