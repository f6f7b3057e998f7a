"""Queries: the most frequent, those that found nothing, and those that people leave alone."""

from __future__ import annotations

from dataclasses import dataclass
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
from rankloop.tables.engagement import LowEngagementQuery, QueryRow, ZeroResultQuery
from rankloop.tables.rates import Rate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from rankloop.tables.engagement import Rule

Details = dict[str, dict[str, Any]]
"""Rows of `signals_query_details` by query key."""

MIN_SEARCHES: Final = 30
"""Fewest known, filled lists of a query before its engagement is judged."""

FLAT_CTR: Final = 0.05
"""The flat rule: a query whose click rate is under this needs tuning."""

SHORTFALL: Final = ShortfallConfig(max_ratio=0.75)
"""A query is found where a quarter of the clicks is missing that its positions get elsewhere."""


@dataclass(frozen=True, slots=True)
class QueryChoice:
    """Which queries an answer lists, before their details are known."""

    rows: dict[str, dict[str, Any]]
    """By query key, rows of `signals_queries`: every query that may be listed."""

    frequent: list[str]
    """The most frequent, first to last."""

    flat: list[str]
    """Those under the flat rule, most lost clicks first."""

    screening: Screening
    """Those with fewer clicks than expected, as far as sums can tell."""

    suspects: dict[int, str]
    """The screening's suspects: from its places to query keys."""


def choose_queries(queries: pa.Table, limit: int) -> QueryChoice:
    """Choose which queries to list, and look for those that people leave alone.

    Args:
        queries: The answer to `signals_queries`, most frequent first.
        limit: Most rows of each list.
    """
    zero, filled, known, clicked, clicks, expected = (
        queries[name].to_numpy()
        for name in ("zero", "filled", "known", "clicked", "clicks", "expected")
    )
    empty = np.argsort(-zero, kind="stable")[:limit]
    empty = empty[zero[empty] > 0]
    judged = np.flatnonzero(filled >= MIN_SEARCHES)
    flat = judged[clicked[judged] < FLAT_CTR * known[judged]]
    flat = flat[np.argsort((clicks - expected)[flat], kind="stable")][: SHORTFALL.max_checked]
    screening = screen_shortfalls(clicks[judged], expected[judged], SHORTFALL)
    suspects = judged[screening.suspects].tolist()
    frequent = list(range(min(limit, queries.num_rows)))
    listed = sorted({*frequent, *empty.tolist(), *flat.tolist(), *suspects})
    # Typed by hand: an empty list of places has no type of its own to take by.
    taken = queries.take(np.array(listed, dtype=np.int64))
    rows = dict(zip(listed, taken.to_pylist(), strict=True))
    return QueryChoice(
        rows={row["query_key"]: row for row in rows.values()},
        frequent=[rows[place]["query_key"] for place in frequent],
        flat=[rows[place]["query_key"] for place in flat],
        screening=screening,
        suspects={
            place: rows[at]["query_key"]
            for place, at in zip(screening.suspects, suspects, strict=True)
        },
    )


def read_details(details: pa.Table) -> Details:
    """Read the answer to `signals_query_details` by query key.

    A query that was erased since it was chosen is absent, and is left out of every list.
    """
    return {row["query_key"]: row for row in details.to_pylist()}


def build_low_engagement(
    choice: QueryChoice, details: Details, limit: int
) -> list[LowEngagementQuery]:
    """List the queries that people leave alone, most lost clicks first, and by which rule."""
    bunches = {
        place: Bunches(detail["n_clusters"], detail["n"], detail["oo"], detail["oe"], detail["ee"])
        for place, key in choice.suspects.items()
        for detail in [details.get(key)]
        if detail
    }
    stands = confirm_shortfalls(choice.screening, bunches, SHORTFALL)
    p_values = {choice.suspects[place]: chance for place, chance in stands.items()}
    found = [
        _build_low(choice.rows[key], details[key], key in choice.flat, p_values.get(key))
        for key in {*choice.flat, *p_values}
        if key in details
    ]
    return sorted(found, key=lambda row: (-row.lost_clicks, row.query_key))[:limit]


def build_zero_results(details: Details, reported: pa.Table, limit: int) -> list[ZeroResultQuery]:
    """List the queries that found nothing, by lists and by what applications reported.

    Args:
        details: What `read_details` read; queries that always found something are passed over.
        reported: The answer to `signals_reported_zero_results`.
        limit: Most rows.
    """
    reports = {row["query_key"]: row for row in reported.to_pylist()}
    empty = {key for key, detail in details.items() if detail["z"]}
    found = [_build_zero(details.get(key), reports.get(key)) for key in {*empty, *reports}]
    found.sort(key=lambda row: (-row.zero_result_searches - row.reported, row.query_key))
    return found[:limit]


def build_top_queries(choice: QueryChoice, details: Details) -> list[QueryRow]:
    """List the most frequent queries."""
    return build_queries([choice.rows[key] for key in choice.frequent], details)


def build_queries(rows: Iterable[Mapping[str, Any]], details: Details) -> list[QueryRow]:
    """Turn rows of `signals_queries`, each with its details, into rows of an answer."""
    return [
        QueryRow(
            query_key=row["query_key"],
            query=detail["query"],
            searches=row["searches"],
            impressions=row["impressions"],
            clicks=row["clicks"],
            interactions=None,
            zero_result_searches=row["zero"],
            abandoned_searches=detail["abandoned"],
            reformulated_searches=detail["reformulated"],
            average_first_click_position=(
                detail["first_positions"] / row["clicked"] if row["clicked"] else None
            ),
            ctr=_estimate_ctr(detail),
        )
        for row in rows
        for detail in [details.get(row["query_key"])]
        if detail
    ]


def build_interacted_queries(queries: pa.Table) -> list[QueryRow]:
    """Turn the answer to `signals_interacted_queries` into rows whose rates are unknown."""
    return [
        QueryRow(
            query_key=row["query_key"],
            query=row["query"] or "",
            searches=0,
            impressions=0,
            clicks=row["clicks"],
            interactions=row["interactions"],
            zero_result_searches=0,
            abandoned_searches=0,
            reformulated_searches=0,
            average_first_click_position=None,
            ctr=Rate.unknown(),
        )
        for row in queries.to_pylist()
    ]


def _build_low(
    row: Mapping[str, Any], detail: Mapping[str, Any], is_flat: bool, p_value: float | None
) -> LowEngagementQuery:
    """Build one row of a query that people leave alone."""
    rules: list[Rule] = ["ctr_below_5_percent"] if is_flat else []
    if p_value is not None:
        rules.append("fewer_clicks_than_expected")
    return LowEngagementQuery(
        query_key=row["query_key"],
        query=detail["query"],
        searches=row["searches"],
        clicked_searches=row["clicked"],
        ctr=_estimate_ctr(detail),
        clicks=row["clicks"],
        expected_clicks=row["expected"],
        expected_by="position_ctr",
        lost_clicks=row["expected"] - row["clicks"],
        p_value=p_value,
        rules=rules,
    )


def _build_zero(
    detail: Mapping[str, Any] | None, report: Mapping[str, Any] | None
) -> ZeroResultQuery:
    """Build one row of a query that found nothing; a report alone has no searches."""
    named: Sequence[Mapping[str, Any]] = [known for known in (detail, report) if known]
    return ZeroResultQuery(
        query_key=named[0]["query_key"],
        query=named[0]["query"] or "",
        searches=detail["searches"] if detail else 0,
        zero_result_searches=detail["z"] if detail else 0,
        zero_result_rate=_estimate_zero_rate(detail) if detail else Rate.unknown(),
        reported=report["reported"] if report else 0,
    )


def _estimate_ctr(detail: Mapping[str, Any]) -> Rate:
    """Estimate the share of known lists with a click."""
    levels = Clustering.of_levels(detail["lowest_level"], detail["highest_level"])
    return estimate_rate(ClusterSums.of(detail, levels))


def _estimate_zero_rate(detail: Mapping[str, Any]) -> Rate:
    """Estimate the share of known lists that are empty."""
    levels = Clustering.of_levels(detail["lowest_level"], detail["highest_level"])
    sums = ClusterSums(
        detail["n_clusters"],
        detail["n"],
        detail["z"],
        detail["nn"],
        detail["zn"],
        detail["zz"],
        levels,
    )
    return estimate_rate(sums)
