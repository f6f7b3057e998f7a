"""What every stage of a pipeline promises; subclass, give a stage, inherit the tests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import pytest

from rankloop.events.queries import to_query_key
from rankloop.stages.base import Candidates, Query

if TYPE_CHECKING:
    from rankloop.stages.base import Stage

NOON: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""When queries are asked unless a test says otherwise; `builders.NOON_US` is the same moment."""


def build_query(**fields: object) -> Query:
    """Build a query by user `u~1` in session `s1` at noon.

    Args:
        fields: Any field of `Query`.

    Example:
        >>> build_query(text="red shoes").retriever_id
        'products'
    """
    query = Query(
        retriever_id="products",
        text="blue shoes",
        query_key=to_query_key("blue shoes"),
        now=NOON,
        user_key="u~1",
        session_id="s1",
    )
    changes: dict[str, Any] = {**fields}
    return replace(query, **changes)


def build_candidates(n_documents: int = 6, **fields: object) -> Candidates:
    """Build candidates `d0`, `d1`, … whose scores fall from `n_documents` to 1.

    Args:
        n_documents: How many.
        fields: Any field of `Candidates`.

    Example:
        >>> build_candidates(3).document_ids
        ('d0', 'd1', 'd2')
    """
    candidates = Candidates(
        tuple([f"d{place}" for place in range(n_documents)]),
        np.arange(n_documents, 0, -1, dtype=np.float64),
    )
    changes: dict[str, Any] = {**fields}
    return replace(candidates, **changes)


class StageContract(ABC):
    """What every `Stage` promises.

    A subclass gives a fresh `stage` with something to do to `candidates`, and may give another
    `query`. A stage that finds documents sets `finds_documents` and names in `known` all that it
    may find; the others may only keep and re-order what comes in.
    """

    finds_documents: ClassVar[bool] = False

    @abstractmethod
    def stage(self) -> Stage:
        """Build the stage under test, the same each time."""

    def query(self) -> Query:
        """Build the query that it is asked."""
        return build_query()

    def candidates(self) -> Candidates:
        """Build what comes in."""
        return build_candidates()

    def known(self) -> set[str]:
        """List the documents that a stage which finds may find."""
        return set()

    def test_invents_no_document(self) -> None:
        before = self.candidates()
        after = self.stage()(self.query(), before)
        assert set(after.document_ids) <= set(before.document_ids) | self.known()
        assert len(set(after.document_ids)) == len(after.document_ids)

    def test_answers_best_first(self) -> None:
        after = self.stage()(self.query(), self.candidates())
        assert after.scores.shape == (len(after.document_ids),)
        assert after.scores.dtype == np.float64
        assert np.isfinite(after.scores).all()
        assert (np.diff(after.scores[after.pinned :]) <= 0).all()

    def test_leaves_its_input_alone(self) -> None:
        before, untouched = self.candidates(), self.candidates()
        before.scores.flags.writeable = False
        self.stage()(self.query(), before)
        assert before.document_ids == untouched.document_ids
        assert before.scores.tolist() == untouched.scores.tolist()
        assert dict(before.payloads) == dict(untouched.payloads)

    def test_takes_an_empty_list(self) -> None:
        after = self.stage()(self.query(), Candidates.empty())
        assert set(after.document_ids) <= self.known()

    def test_takes_a_query_from_nobody(self) -> None:
        nobody = build_query(user_key=None, session_id=None)
        before = self.candidates()
        after = self.stage()(nobody, before)
        assert set(after.document_ids) <= set(before.document_ids) | self.known()

    def test_answers_the_same_twice(self) -> None:
        stage = self.stage()
        first = stage(self.query(), self.candidates())
        second = stage(self.query(), self.candidates())
        assert first.document_ids == second.document_ids
        assert first.scores.tolist() == second.scores.tolist()

    def test_keeps_what_is_pinned_at_the_head(self) -> None:
        if self.finds_documents:
            pytest.skip("finding comes before pinning")
        before = replace(self.candidates(), pinned=2)
        after = self.stage()(self.query(), before)
        head = [name for name in before.document_ids[:2] if name in after.document_ids]
        assert list(after.document_ids[: len(head)]) == head
        assert after.pinned >= len(head)
