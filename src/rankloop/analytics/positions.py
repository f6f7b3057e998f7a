"""Where people click: by position, and first of all.

A position's click rate mixes how likely the place is looked at with what was put there, so it
describes and does not explain: it is not a propensity curve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rankloop.analytics.intervals import (
    Clustering,
    ClusterSums,
    estimate_mean,
    estimate_rate,
)
from rankloop.tables.overview import FirstClick, FirstClickPosition, PositionRow
from rankloop.tables.rates import Rate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa


DEEPEST: Final = 100
"""Positions from here on are counted together; the axis ends before."""

STEPS: Final = 2**26
"""Rates that are added up come in so many steps from 0 to 1."""


def build_positions(
    positions: pa.Table, clustering: Clustering
) -> tuple[list[PositionRow], PositionRow | None]:
    """Lay positions on an axis without gaps, from 0 to the deepest shown.

    Args:
        positions: The answer to `signals_positions`, asked with `deepest` = `DEEPEST`.
        clustering: What the lists are clustered by.

    Returns:
        One row a position, at most `DEEPEST`, with 0 impressions where nothing was shown; and all
        deeper positions as one row, where there are any.
    """
    shown = {row["position"]: row for row in positions.to_pylist()}
    deeper = shown.pop(DEEPEST, None)
    last = DEEPEST - 1 if deeper else max(shown, default=-1)

    def build(position: int) -> PositionRow:
        row = shown.get(position)
        if row is None:
            return PositionRow(position, impressions=0, clicks=0, ctr=Rate.unknown())
        ctr = estimate_rate(ClusterSums.of(row, clustering))
        return PositionRow(position, impressions=row["n"], clicks=row["c"], ctr=ctr)

    axis = [build(position) for position in range(last + 1)]
    if deeper is None:
        return axis, None
    shown[DEEPEST] = deeper
    return axis, build(DEEPEST)


def to_rates(positions: Sequence[PositionRow], deeper: PositionRow | None) -> list[float]:
    """Give the click rate of each position, as questions about expected clicks want it.

    Returns:
        `[DEEPEST + 1]`: rates of positions from 0; the last is that of all deeper ones. 0 where
        nothing was shown. They are multiples of 2^-26, so that sums of them are exact and do not
        depend on the order of adding up: a user erased is then a user never seen, to the last bit.

    Example:
        >>> row = PositionRow(0, 8, 2, Rate(0.25, 8, 0.1, 0.5, "user"))
        >>> to_rates([row], None)[:2]
        [0.25, 0.0]
    """
    rates = [row.ctr.value or 0.0 for row in positions]
    rates += [0.0] * (DEEPEST - len(rates))
    rates.append((deeper.ctr.value or 0.0) if deeper else 0.0)
    return [round(rate * STEPS) / STEPS for rate in rates]


def build_first_click(rates: Mapping[str, ClusterSums], first_positions: pa.Table) -> FirstClick:
    """Average the position of the first click, spread it out, and say how many lists have none.

    Args:
        rates: What `read_rates` made of the answer to `signals_rates`.
        first_positions: The answer to `signals_first_click_positions`.
    """
    sums = rates["first_click_position"]
    mean, low, high = estimate_mean(sums)
    return FirstClick(
        average_position=mean,
        n=sums.n,
        low=low,
        high=high,
        no_click_share=estimate_rate(rates["ctr"].complement()),
        by_position=_spread_out(first_positions),
    )


def _spread_out(first_positions: pa.Table) -> list[FirstClickPosition]:
    """Lay first clicks on an axis without gaps."""
    counts = {row["position"]: row["searches"] for row in first_positions.to_pylist()}
    total = sum(counts.values())
    return [
        FirstClickPosition(position, counts.get(position, 0), counts.get(position, 0) / total)
        for position in range(max(counts, default=-1) + 1)
    ]
