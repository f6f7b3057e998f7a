"""Hard rules: what may be shown at all, and what is pinned, whatever the other stages learned."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from rankloop.indexing.filter_reading import join
from rankloop.indexing.filters import Condition
from rankloop.stages.filter import keep_matching

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rankloop.indexing.base import DocumentIndex
    from rankloop.indexing.filters import Filter
    from rankloop.retrieval.running import Placed, StageTimes
    from rankloop.stages.base import Candidates, Query


@runtime_checkable
class Restricting(Protocol):
    """A stage that lets only some documents through, always the same."""

    restriction: Filter


@runtime_checkable
class Excluding(Protocol):
    """A stage that takes out documents that depend on who asks."""

    def excluded_documents(self, query: Query) -> frozenset[str]:
        """Return the documents that this query must not show."""
        ...


@dataclass(frozen=True, slots=True)
class Allowed:
    """What one request may show.

    Attributes:
        index: Where fields are looked up.
        filters: What searches are asked with: everything that must hold, exclusions included.
        restriction: The same without exclusions.
        excluded: Documents that must not be shown.
    """

    index: DocumentIndex
    filters: Filter | None
    restriction: Filter | None
    excluded: frozenset[str]

    def keep(self, candidates: Candidates, only: Collection[str] | None = None) -> Candidates:
        """Return the candidates that break no rule, and are among `only` where it is given."""
        excluded = self.excluded
        if excluded:
            candidates = candidates.kept([one not in excluded for one in candidates.document_ids])
        if only is not None:
            known = set(only)
            candidates = candidates.kept([one in known for one in candidates.document_ids])
        if self.restriction is None:
            return candidates
        return keep_matching(self.index, candidates, self.restriction)


class HardRules:
    """The rules of one pipeline.

    Rules that restrict or exclude are known before anything is searched: they become part of every
    search, so that pages stay full, and are checked at the end for what came another way. The
    other rules (pins) order the ranking once everything else has.
    """

    def __init__(self, placed: Sequence[Placed], index: DocumentIndex) -> None:
        self._index = index
        self._restricting = [one.stage for one in placed if isinstance(one.stage, Restricting)]
        self._excluding = [
            (one.spec, one.stage) for one in placed if isinstance(one.stage, Excluding)
        ]
        self.orderings = [
            one for one in placed if not isinstance(one.stage, Restricting | Excluding)
        ]

    def gather(self, query: Query, times: StageTimes) -> Allowed:
        """Tell what a request may show; a stage that cannot say is given up and named."""
        restriction = join([query.filters, *(stage.restriction for stage in self._restricting)])
        excluded: frozenset[str] = frozenset()
        for spec, stage in self._excluding:
            documents = times.attempt(spec, functools.partial(stage.excluded_documents, query))
            excluded |= documents or frozenset()
        filters = restriction
        if excluded:
            names = Condition("document_id", "$nin", tuple(sorted(excluded)))
            filters = join([restriction, names])
        return Allowed(self._index, filters, restriction, excluded)
