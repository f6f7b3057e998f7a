"""What flows through a pipeline: the query on its way, its candidates, and what a stage promises.

A stage gets what it needs in its constructor and keeps nothing between calls, so that the same
query, user and state give the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from rankloop.indexing.filters import Filter


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked, by whom and when.

    Attributes:
        retriever_id: Whose pipeline runs.
        text: What the person typed; may be empty where a vector is given.
        query_key: The information need, as `events.queries.to_query_key` names it.
        now: The moment of the request, aware UTC; every window ends here.
        vector: `[dimension]` float32, as sent or as the retriever's embedder made it; None where
            there is neither.
        filters: What every result must satisfy; None for everything.
        user_key: The user's stored name (a pseudonym); None where unknown.
        session_id: The session as sent; None where unknown.
        depth: Results that will be asked of the pipeline's end, offset included, at least 1.
    """

    retriever_id: str
    text: str
    query_key: str
    now: datetime
    vector: NDArray[np.float32] | None = None
    filters: Filter | None = None
    user_key: str | None = None
    session_id: str | None = None
    depth: int = 10


@dataclass(frozen=True, slots=True)
class SeenFeatures:
    """What a ranker saw of some documents.

    Attributes:
        names: The features.
        document_ids: The documents.
        values: `[n_documents, n_features]` float64, NaN where unknown.
    """

    names: tuple[str, ...]
    document_ids: tuple[str, ...]
    values: NDArray[np.float64]

    def of(self, document_ids: Sequence[str]) -> SeenFeatures:
        """Return the same of some documents; NaN for those that were not there.

        Example:
            >>> SeenFeatures(("score",), ("a",), np.array([[2.0]])).of(["b", "a"]).values.tolist()
            [[nan], [2.0]]
        """
        places = {name: place for place, name in enumerate(self.document_ids)}
        values = np.full((len(document_ids), len(self.names)), np.nan)
        rows = [place for place, name in enumerate(document_ids) if name in places]
        values[rows] = self.values[[places[document_ids[row]] for row in rows]]
        return SeenFeatures(self.names, tuple(document_ids), values)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Scored documents, best first.

    Attributes:
        document_ids: The documents, each once.
        scores: `[n]` float64, falling behind the pinned ones (ties keep the order they came in);
            comparable within one query only.
        payloads: Fields by document, where a stage fetched or the caller sent them; documents
            without known fields are absent.
        pinned: Documents at the head of the list whose place no later stage may change.
        seen: What a ranker saw of them, and of others perhaps; None where none looked.
    """

    document_ids: tuple[str, ...]
    scores: NDArray[np.float64]
    payloads: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    pinned: int = 0
    seen: SeenFeatures | None = field(default=None, repr=False, compare=False)

    @classmethod
    def empty(cls) -> Candidates:
        """Return no candidates."""
        return cls((), np.empty(0))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.document_ids)

    def head(self, n_documents: int) -> Candidates:
        """Return the first of them.

        Example:
            >>> Candidates(("a", "b"), np.array([2.0, 1.0])).head(1).document_ids
            ('a',)
        """
        if n_documents >= len(self):
            return self
        return replace(
            self,
            document_ids=self.document_ids[:n_documents],
            scores=self.scores[:n_documents],
            pinned=min(self.pinned, n_documents),
        )

    def kept(self, keep: Sequence[bool]) -> Candidates:
        """Return those to keep, in their order.

        Args:
            keep: `[n]`, whether each stays.

        Example:
            >>> Candidates(("a", "b"), np.array([2.0, 1.0]), pinned=1).kept([False, True])
            Candidates(document_ids=('b',), scores=array([1.]), payloads={}, pinned=0)
        """
        if all(keep):
            return self
        places = [place for place, stays in enumerate(keep) if stays]
        return replace(
            self,
            document_ids=tuple(self.document_ids[place] for place in places),
            scores=self.scores[places],
            pinned=sum(keep[: self.pinned]),
        )

    def rescored(self, scores: NDArray[np.float64]) -> Candidates:
        """Return the same documents with other scores, best first; ties keep their order.

        Pinned documents stay where they are, whatever they score.

        Args:
            scores: `[n]`, finite, in the order of `document_ids`.

        Example:
            >>> found = Candidates(("a", "b", "c"), np.array([3.0, 2.0, 1.0]), pinned=1)
            >>> found.rescored(np.array([0.0, 1.0, 5.0])).document_ids
            ('a', 'c', 'b')
        """
        order = np.argsort(-scores[self.pinned :], kind="stable") + self.pinned
        places = [*range(self.pinned), *order.tolist()]
        return replace(
            self,
            document_ids=tuple([self.document_ids[place] for place in places]),
            scores=scores[places],
        )


class Stage(Protocol):
    """One step of a pipeline: candidates in, candidates out, nothing kept between calls."""

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        """Return new candidates, best first; never change those passed in.

        Stages that find documents replace what came in where it was empty and add to it else;
        every other stage returns a subset or a re-ordering of what came in.

        Raises:
            RankloopError: The stage cannot do its work now; the pipeline skips it and says so.
        """
        ...
