"""The stage `pin`: documents that somebody wants at a fixed place, for all queries or for some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np

from rankloop.errors import Fault, FaultsError
from rankloop.events.limits import MAX_DOCUMENT_ID_CHARACTERS, MAX_QUERY_CHARACTERS
from rankloop.events.queries import normalize_query
from rankloop.stages.base import Candidates
from rankloop.stages.fusion import to_falling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rankloop.indexing.base import DocumentIndex
    from rankloop.stages.base import Query

DocumentIds = Annotated[
    tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_DOCUMENT_ID_CHARACTERS)], ...],
    msgspec.Meta(max_length=1_000),
]
"""Documents, in the order in which they stand."""

Position = Annotated[int, msgspec.Meta(ge=0, le=999)]


class PinRule(msgspec.Struct, frozen=True, kw_only=True):
    """What is pinned where somebody asks for one thing."""

    query: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_QUERY_CHARACTERS)]
    """The query, compared without regard to case and white space."""

    document_ids: DocumentIds
    """The documents."""

    position: Position = 0
    """Where the first of them stands, from 0."""


class PinConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of `Pin`."""

    document_ids: DocumentIds = ()
    """Documents that are pinned whatever is asked and has no rule of its own."""

    position: Position = 0
    """Where the first of them stands, from 0."""

    rules: Annotated[tuple[PinRule, ...], msgspec.Meta(max_length=10_000)] = ()
    """What is pinned for single queries; one rule a query."""

    def __post_init__(self) -> None:
        if not self.document_ids and not self.rules:
            detail = "document_ids or rules are needed"
            raise FaultsError(detail, [Fault("/document_ids", "missing_field", detail)])
        faults = _find_repeated(self.document_ids, "/document_ids")
        seen: set[str] = set()
        for index, rule in enumerate(self.rules):
            name = normalize_query(rule.query)
            if name in seen:
                detail = "another rule is for the same query"
                faults.append(Fault(f"/rules/{index}/query", "duplicate", detail))
            seen.add(name)
            faults += _find_repeated(rule.document_ids, f"/rules/{index}/document_ids")
        if faults:
            raise FaultsError(faults[0].detail, faults)


class Pin:
    """Put documents at fixed places; those that nothing found come from the index.

    In a pipeline this runs after everything that was learned, wherever it stands. A document that
    is neither among the candidates nor in the index is left out.
    """

    def __init__(self, index: DocumentIndex, config: PinConfig) -> None:
        self._index = index
        self._always = (config.document_ids, config.position)
        self._rules = {
            normalize_query(rule.query): (rule.document_ids, rule.position) for rule in config.rules
        }

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        """Return the candidates with the pinned documents in their places."""
        wanted, position = self._rules.get(normalize_query(query.text), self._always)
        fixed = set(candidates.document_ids[: candidates.pinned])
        known = set(candidates.document_ids)
        absent = [name for name in wanted if name not in known]
        fetched = self._index.payloads(absent) if absent else {}
        pinned = [
            name for name in wanted if name not in fixed and (name in known or name in fetched)
        ]
        if not pinned:
            return candidates
        moved = set(pinned)
        rest = [name for name in candidates.document_ids if name not in moved]
        place = min(candidates.pinned + position, len(rest))
        order = [*rest[:place], *pinned, *rest[place:]]
        scores = dict(zip(candidates.document_ids, candidates.scores.tolist(), strict=True))
        lowest = min(scores.values(), default=0.0)
        falling = to_falling(np.array([scores.get(name, lowest) for name in order]))
        payloads = {**candidates.payloads, **fetched}
        return Candidates(tuple(order), falling, payloads, place + len(pinned))

    def notes(self, query: Query, document_ids: Sequence[str]) -> dict[str, dict[str, bool]]:
        """Say which documents were pinned."""
        wanted, _ = self._rules.get(normalize_query(query.text), self._always)
        return {name: {"pinned": True} for name in document_ids if name in wanted}


def _find_repeated(document_ids: Sequence[str], pointer: str) -> list[Fault]:
    """Name documents that stand in a list a second time."""
    first = {name: index for index, name in reversed(list(enumerate(document_ids)))}
    return [
        Fault(f"{pointer}/{index}", "duplicate", "the document stands here a second time")
        for index, name in enumerate(document_ids)
        if first[name] != index
    ]
