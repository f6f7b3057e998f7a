"""How soon people click, and how days compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rankloop.analytics.intervals import Clustering, ClusterSums, estimate_rate
from rankloop.tables.overview import ClickedWithin, TimeToFirstClick
from rankloop.tables.signals import DayRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa


WITHIN_S: Final = (5, 30, 60)
"""Seconds for which the share of searches clicked by then is given."""


def build_time_to_first_click(
    first_clicks: pa.Table, rates: Mapping[str, ClusterSums]
) -> TimeToFirstClick:
    """Say how long people look before their first click.

    The quartiles are among searches with a click and cannot see the others; the shares are of all.

    Args:
        first_clicks: The answer to `signals_first_clicks`, one row.
        rates: What `read_rates` made of the answer to `signals_rates`.
    """
    row = first_clicks.to_pylist()[0]
    return TimeToFirstClick(
        n=row["n"],
        median_s=_to_seconds(row["median_ms"]),
        lower_quartile_s=_to_seconds(row["lower_quartile_ms"]),
        upper_quartile_s=_to_seconds(row["upper_quartile_ms"]),
        clicked_within=[
            ClickedWithin(seconds, estimate_rate(rates[f"clicked_within_{seconds}_s"]))
            for seconds in WITHIN_S
        ],
    )


def build_days(days: pa.Table, clustering: Clustering) -> list[DayRow]:
    """Turn the answer to `signals_days` into rows, newest first."""
    return [
        DayRow(
            day=row["day"],
            searches=row["searches"],
            impressions=row["impressions"],
            clicks=row["clicks"],
            zero_result_searches=row["zero"],
            converted_searches=row["conversions"],
            ctr=estimate_rate(ClusterSums.of(row, clustering)),
        )
        for row in days.to_pylist()
    ]


def _to_seconds(milliseconds: float | None) -> float | None:
    """Convert a duration that may be unknown."""
    return None if milliseconds is None else milliseconds / 1_000
