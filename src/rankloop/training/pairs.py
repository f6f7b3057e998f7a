"""Pairs: positives with the negatives they are contrasted with, capped and weighted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rankloop.errors import SettingsError
from rankloop.training.contrasts import ContrastConfig, attach_negatives, cap_pairs
from rankloop.training.guards import GuardConfig, find_late_clicks, guard_negatives
from rankloop.training.negatives import NegativeConfig, find_bar, find_negatives
from rankloop.training.positives import PositiveConfig, find_positives

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.bias.cells import Cells
    from rankloop.tables.pairs import Removal
    from rankloop.training.knowledge import Knowledge
    from rankloop.training.labels import Labels


@dataclass(frozen=True, slots=True)
class PairConfig:
    """Settings of the mining of pairs."""

    positives: PositiveConfig = field(default_factory=PositiveConfig)
    """What counts as a positive."""

    negatives: NegativeConfig = field(default_factory=NegativeConfig)
    """What counts as a hard negative."""

    guards: GuardConfig = field(default_factory=GuardConfig)
    """What keeps false negatives out."""

    max_per_query_week: int = 4
    """Pairs of one query whose last click fell into one week, 1 or more."""

    max_per_query: int = 50
    """Pairs of one query, 1 or more."""

    contrasts: ContrastConfig = field(default_factory=ContrastConfig)
    """How many negatives a pair is given."""

    def __post_init__(self) -> None:
        if min(self.max_per_query_week, self.max_per_query) < 1:
            raise SettingsError("caps must be 1 or more", where="max_per_query")


@dataclass(frozen=True, slots=True)
class MinedPairs:
    """Positives and what they are contrasted with; lists are `[n]` long.

    Attributes:
        positive: `[n]` int64, places in the pairs of the log, ascending.
        weight: `[n]` float64 in [0, 1), how much of its label the pair's own clicks say.
        hard: For each, document ids that were looked at and passed over, most looked at first.
        random: For each, document ids never shown for the query.
        positive_removals: What took candidates for positives away.
        negative_removals: What took candidates for hard negatives away.
        n_hard: Distinct (query, document) pairs that are hard negatives.
    """

    positive: NDArray[np.int64]
    weight: NDArray[np.float64]
    hard: list[list[str]]
    random: list[list[str]]
    positive_removals: list[Removal]
    negative_removals: list[Removal]
    n_hard: int


def mine_pairs(
    cells: Cells,
    examination: NDArray[np.float64],
    labels: Labels,
    knowledge: Knowledge,
    config: PairConfig | None = None,
) -> MinedPairs:
    """Mine training pairs out of a log whose positions' examination is known.

    Args:
        cells: The log.
        examination: `[n_positions]` float64 above 0, relative to position 0.
        labels: Labels of the same cells.
        knowledge: What else is known of the pairs.
        config: Settings.

    Returns:
        The pairs, in the order of the log's; the same log gives the same pairs.

    Raises:
        TableError: What is known does not fit the pairs.
    """
    config = config or PairConfig()
    pairs = labels.evidence.pairs
    knowledge.check_fits(pairs)
    found = find_positives(labels, knowledge.people, config.positives, knowledge.is_disliked)
    positives = found.left.copy()
    negatives = find_negatives(labels, positives, config.negatives)
    bar = find_bar(labels, config.negatives)
    negatives.remove("later_clicked", find_late_clicks(cells, examination, bar))
    guard_negatives(negatives, positives, pairs, knowledge, config.guards)
    query_week = (pairs.query, find_click_weeks(cells))
    kept = cap_pairs(found.left, labels.weight, query_week, config.max_per_query_week)
    found.remove("week_cap", ~kept)
    kept = cap_pairs(found.left, labels.weight, (pairs.query,), config.max_per_query)
    found.remove("query_cap", ~kept)
    positive = np.flatnonzero(found.left)
    hard, random = attach_negatives(
        positive, negatives.left, labels.evidence, config.contrasts, knowledge, config.guards
    )
    return MinedPairs(
        positive,
        labels.weight[positive],
        hard,
        random,
        found.removals,
        negatives.removals,
        int(negatives.left.sum()),
    )


def find_click_weeks(cells: Cells) -> NDArray[np.int64]:
    """Return the last week in which each pair was clicked, `[n_pairs]`; -1 for never."""
    week = np.full(len(cells.pairs), -1, dtype=np.int64)
    clicked = cells.clicks > 0
    np.maximum.at(week, cells.pair[clicked], cells.week[clicked].astype(np.int64))
    return week
