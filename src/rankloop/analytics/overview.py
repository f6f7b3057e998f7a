"""How much there is: lists, impressions, interactions, and the rates over all of them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from rankloop.analytics.intervals import Clustering, ClusterSums, estimate_rate
from rankloop.events.types import CUSTOM_BIT, SIGNAL_BITS
from rankloop.tables.overview import Overview, RobotTraffic, ValueSum

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa


RATES: Final = (
    "ctr",
    "impression_ctr",
    "conversion_rate",
    "zero_result_rate",
    "abandonment",
    "reformulation",
)
"""The rates of the overview; each is a row of `signals_rates`."""

ORPHAN: Final = 0
"""The rule of an interaction with a document that no list is known to have shown."""

MICROS: Final = 1_000_000


def read_clustering(people: pa.Table) -> Clustering:
    """Say what lists are clustered by, from the answer to `signals_people`."""
    row = people.to_pylist()[0]
    return Clustering.of_levels(row["lowest_level"], row["highest_level"], row["clusters"])


def read_rates(rates: pa.Table, clustering: Clustering) -> dict[str, ClusterSums]:
    """Read an answer to `signals_rates` by the names of the rates; nothing counts as no trials."""
    nothing = ClusterSums(0, 0, 0, 0, 0, 0, clustering)
    sums = defaultdict(lambda: nothing)
    for row in rates.to_pylist():
        sums[row["rate"]] = ClusterSums.of(row, clustering)
    return sums


def build_overview(
    totals: pa.Table,
    rates: Mapping[str, ClusterSums],
    interactions: pa.Table,
    people: Mapping[str, int],
    *,
    include_robots: bool,
) -> Overview:
    """Put the overview together.

    Args:
        totals: The answer to `signals_overview`, one row.
        rates: What `read_rates` made of the answer to `signals_rates`.
        interactions: The answer to `signals_interactions`.
        people: How many `users`, `sessions` and `visits` there are.
        include_robots: Whether robots' interactions count.
    """
    row = totals.to_pylist()[0]
    done = interactions.to_pylist()
    counted = [kind for kind in done if include_robots or not kind["is_robot"]]
    return Overview(
        searches=row["searches"],
        impressions=row["impressions"],
        interactions=sum(kind["interactions"] for kind in counted),
        clicked_searches=row["clicked_searches"],
        clicked_impressions=row["clicked_impressions"],
        orphan_interactions=sum(kind["interactions"] for kind in counted if kind["rule"] == ORPHAN),
        duplicate_clicks=row["duplicate_clicks"],
        converted_searches=row["converted_searches"],
        zero_result_searches=row["zero_result_searches"],
        unknown_result_searches=row["unknown_result_searches"],
        repeated_searches=row["repeated_searches"],
        robots=RobotTraffic(
            searches=row["robot_searches"],
            interactions=sum(kind["interactions"] for kind in done if kind["is_robot"]),
        ),
        users=people["users"],
        sessions=people["sessions"],
        visits=people["visits"],
        values=sum_values(counted),
        interactions_by_type=count_types(counted),
        **{name: estimate_rate(rates[name]) for name in RATES},
    )


def count_types(kinds: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Count interactions by type, most frequent first; all custom types are one.

    Example:
        >>> count_types([{"type_mask": 6, "interactions": 2}, {"type_mask": 2, "interactions": 1}])
        {'click': 3, 'long_view': 2}
    """
    bits = {**SIGNAL_BITS, "custom": CUSTOM_BIT}
    counts = {
        name: sum(kind["interactions"] for kind in kinds if kind["type_mask"] >> bit & 1)
        for name, bit in bits.items()
    }
    named = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return {name: count for name, count in named if count}


def sum_values(kinds: Sequence[Mapping[str, Any]]) -> list[ValueSum]:
    """Sum money by currency, the largest sum first; currencies are never added up."""
    sums: dict[str | None, list[int]] = {}
    for kind in kinds:
        if kind["valued"]:
            total = sums.setdefault(kind["currency"], [0, 0])
            total[0] += kind["value_micros"]
            total[1] += kind["valued"]
    return [
        ValueSum(currency=currency, value=micros / MICROS, interactions=count)
        for currency, (micros, count) in sorted(
            sums.items(), key=lambda entry: (-entry[1][0], entry[0] or "")
        )
    ]


def name_missing(overview: Overview) -> list[str]:
    """Name what a log lacks for a fuller answer.

    Returns:
        Of `searches` (nothing says what was shown), `results` (no list's results are known) and
        `interactions` (nothing says what followed), those that are absent.
    """
    n_known = overview.searches - overview.unknown_result_searches
    lacking = {
        "searches": overview.searches == 0,
        "results": overview.searches > 0 and n_known == 0,
        "interactions": overview.interactions == 0,
    }
    return [name for name, is_lacking in lacking.items() if is_lacking]
