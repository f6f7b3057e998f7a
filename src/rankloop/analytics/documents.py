"""Documents: the most clicked, and those that are ranked high and passed over."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rankloop.analytics.intervals import Clustering, ClusterSums, estimate_rate
from rankloop.analytics.multiplicity import (
    Bunches,
    Screening,
    ShortfallConfig,
    confirm_shortfalls,
    screen_shortfalls,
)
from rankloop.tables.engagement import DocumentRow, LosingQuery, SkippedDocument
from rankloop.tables.rates import Rate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

Details = dict[int, dict[str, Any]]
"""Rows of `signals_document_details` by document key."""

RANKED_HIGH: Final = 10
"""A document is ranked high where its mean position is above this one: on the usual first page."""

SHORTFALL: Final = ShortfallConfig(max_ratio=0.5)
"""A document is passed over where half of the clicks is missing that its positions get."""


@dataclass(frozen=True, slots=True)
class DocumentChoice:
    """Which documents an answer may list, before their details are known."""

    keys: list[int]
    """Document keys in the order of the screening's places."""

    clicked: list[int]
    """Keys of the most clicked, first to last."""

    screening: Screening
    """Those with fewer clicks than expected, as far as sums can tell."""

    @property
    def suspects(self) -> list[int]:
        """Keys of the documents that may have been passed over."""
        return [self.keys[place] for place in self.screening.suspects]

    @property
    def listed(self) -> list[int]:
        """Keys of all documents whose details are needed."""
        return sorted({*self.suspects, *self.clicked})


def choose_documents(documents: pa.Table, limit: int) -> DocumentChoice:
    """Choose which documents to list, and look for those that are passed over.

    Args:
        documents: The answer to `signals_ranked_documents`.
        limit: How many of the most clicked to list.
    """
    keys, clicks = documents["document_key"].to_numpy(), documents["clicks"].to_numpy()
    most = np.lexsort((keys, -clicks))[:limit]
    return DocumentChoice(
        keys=keys.tolist(),
        clicked=keys[most[clicks[most] > 0]].tolist(),
        screening=screen_shortfalls(clicks, documents["expected"].to_numpy(), SHORTFALL),
    )


def read_details(details: pa.Table) -> Details:
    """Read the answer to `signals_document_details` by document key.

    A document that was erased since it was chosen is absent, and is left out of every list.
    """
    return {row["document_key"]: row for row in details.to_pylist()}


def find_skipped(choice: DocumentChoice, details: Details, limit: int) -> dict[int, float]:
    """Find the documents that are ranked high and passed over, by many people and not by one.

    Returns:
        By place in the choice, the chance of so few clicks; most lost clicks first, `limit` at
        most.
    """
    bunches = {
        place: Bunches(detail["n_clusters"], detail["n"], detail["cc"], detail["oe"], detail["ee"])
        for place in choice.screening.suspects
        for detail in [details.get(choice.keys[place])]
        if detail and detail["positions"] < RANKED_HIGH * detail["n"]
    }
    found = confirm_shortfalls(choice.screening, bunches, SHORTFALL)
    return dict(islice(found.items(), limit))


def build_skipped(
    choice: DocumentChoice,
    found: Mapping[int, float],
    details: Details,
    losing: pa.Table,
) -> list[SkippedDocument]:
    """List documents that were passed over, each with the query in which it lost most.

    Args:
        choice: What `choose_documents` chose.
        found: By place, as `find_skipped` answers; those to list, in their order.
        details: What `read_details` read.
        losing: The answer to `signals_document_queries`.
    """
    queries = {row["document_key"]: row for row in losing.to_pylist()}
    return [
        _build_skipped(choice, place, p_value, details[key], queries.get(key))
        for place, p_value in found.items()
        for key in [choice.keys[place]]
    ]


def build_documents(keys: Iterable[int], details: Details) -> list[DocumentRow]:
    """List documents in the order of their keys."""
    return [
        DocumentRow(
            document_id=detail["document_id"],
            impressions=detail["n"],
            clicks=detail["c"],
            conversions=detail["conversions"],
            interactions=None,
            average_position=detail["positions"] / detail["n"],
            ctr=_estimate_ctr(detail),
        )
        for key in keys
        for detail in [details.get(key)]
        if detail
    ]


def build_interacted_documents(documents: pa.Table) -> list[DocumentRow]:
    """Turn the answer to `signals_interacted_documents` into rows whose rates are unknown."""
    return [
        DocumentRow(
            document_id=row["document_id"],
            impressions=0,
            clicks=row["clicks"],
            conversions=row["conversions"],
            interactions=row["interactions"],
            average_position=None,
            ctr=Rate.unknown(),
        )
        for row in documents.to_pylist()
    ]


def _build_skipped(
    choice: DocumentChoice,
    place: int,
    p_value: float,
    detail: Mapping[str, Any],
    losing: Mapping[str, Any] | None,
) -> SkippedDocument:
    """Build one row of a document that was passed over."""
    clicks = int(choice.screening.observed[place])
    expected = float(choice.screening.expected[place])
    return SkippedDocument(
        document_id=detail["document_id"],
        impressions=detail["n"],
        clicks=clicks,
        expected_clicks=expected,
        expected_by="position_ctr",
        lost_clicks=expected - clicks,
        p_value=p_value,
        average_position=detail["positions"] / detail["n"],
        ctr=_estimate_ctr(detail),
        loses_most_in=_build_losing(losing) if losing else None,
    )


def _build_losing(losing: Mapping[str, Any]) -> LosingQuery:
    """Build the query in which a document lost most."""
    return LosingQuery(
        query_key=losing["query_key"],
        query=losing["query"],
        impressions=losing["impressions"],
        clicks=losing["clicks"],
        expected_clicks=losing["expected"],
    )


def _estimate_ctr(detail: Mapping[str, Any]) -> Rate:
    """Estimate the share of impressions with a click."""
    levels = Clustering.of_levels(detail["lowest_level"], detail["highest_level"])
    return estimate_rate(ClusterSums.of(detail, levels))
