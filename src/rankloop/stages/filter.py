"""The stage `filter`: only documents that satisfy conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from rankloop.indexing.filter_matching import build_matcher
from rankloop.indexing.filter_reading import read_filter

if TYPE_CHECKING:
    from rankloop.indexing.base import DocumentIndex
    from rankloop.indexing.filters import Filter
    from rankloop.stages.base import Candidates, Query


class FilterConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of `FilterDocuments`."""

    filters: dict[str, Any]
    """What every document must satisfy, in the language of a request's filters."""

    def __post_init__(self) -> None:
        read_filter(self.filters)


class FilterDocuments:
    """Keep documents that satisfy conditions; fields not at hand are looked up in the index.

    In a pipeline this is a hard rule: the condition becomes part of every search, so that pages
    stay full, and is checked once more at the end, so that nothing else brings a document past it.
    """

    def __init__(self, index: DocumentIndex, config: FilterConfig) -> None:
        self._index = index
        self.restriction: Filter = read_filter(config.filters)

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        """Return the candidates that satisfy the conditions."""
        return keep_matching(self._index, candidates, self.restriction)


def keep_matching(index: DocumentIndex, candidates: Candidates, filters: Filter) -> Candidates:
    """Return the candidates that satisfy a filter.

    Args:
        index: Where fields are looked up that the candidates do not carry.
        candidates: What is there.
        filters: What must hold.
    """
    unknown = [name for name in candidates.document_ids if name not in candidates.payloads]
    payloads = (
        {**candidates.payloads, **index.payloads(unknown)} if unknown else candidates.payloads
    )
    is_match = build_matcher(filters)
    return candidates.kept(
        [is_match(name, payloads.get(name, {})) for name in candidates.document_ids]
    )
