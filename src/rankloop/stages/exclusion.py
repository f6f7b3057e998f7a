"""The stage `exclude_interacted`: what a person has dealt with already is not shown again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from rankloop.counters.base import Person
from rankloop.events.types import to_mask
from rankloop.stages.behavior import TypeNames, check_types

if TYPE_CHECKING:
    from rankloop.counters.base import ServingCounters
    from rankloop.stages.base import Candidates, Query

Days = Annotated[float, msgspec.Meta(gt=0.0, le=36_600.0)]


class ExclusionConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of `ExcludeInteracted`."""

    interaction_types: TypeNames = ("purchase",)
    """Types that take a document out."""

    days: Days = 90.0
    """How far back interactions are looked for, in days."""

    scope: Literal["user", "session"] = "user"
    """Whose interactions: the user's, or the session's where nobody is signed in; or always those
    of the session alone."""

    cool_down_days: Days | None = None
    """Days after the last such interaction after which a document comes back, for what is bought
    again; when left out it comes back after `days`."""

    def __post_init__(self) -> None:
        check_types(self.interaction_types)


class ExcludeInteracted:
    """Take out documents that the person has bought, or otherwise dealt with.

    Exact set logic, no statistics. In a pipeline this is a hard rule: what is excluded is kept out
    of every search, so that pages stay full, and no later stage brings it back.
    """

    def __init__(self, counters: ServingCounters, config: ExclusionConfig | None = None) -> None:
        self._counters = counters
        self._config = config or ExclusionConfig()
        self._mask = to_mask(self._config.interaction_types)

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        """Return the candidates that the person has not dealt with."""
        excluded = self.excluded_documents(query) if len(candidates) else frozenset()
        if excluded.isdisjoint(candidates.document_ids):
            return candidates
        return candidates.kept([name not in excluded for name in candidates.document_ids])

    def excluded_documents(self, query: Query) -> frozenset[str]:
        """Return the documents that this query must not show.

        Raises:
            UnavailableError: The counters are not ready.
        """
        config = self._config
        user = query.user_key if config.scope == "user" else None
        name = user or query.session_id
        if not name:
            return frozenset()
        who = Person(name, is_session=user is None, retriever_id=query.retriever_id)
        days = min(config.days, config.cool_down_days or config.days)
        return self._counters.interacted(who, self._mask, days, query.now)
