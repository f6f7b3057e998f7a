"""Rankers learned from clicks: several ways each time, of which held-out clicks choose one.

People are taken to look by position alone and to click by attraction alone; rows have position
taken out already. The default learns how often a document is clicked when it is looked at; the
challengers learn an order. Which one serves, if any, is decided on clicks that none has seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.errors import SettingsError
from rankloop.models.ranker import Anchor, Ranker
from rankloop.training.ranker_rows import check_learnable
from rankloop.training.trees import (
    TreeConfig,
    choose_n_trees,
    grow,
    teach_order,
    teach_positions,
    teach_rates,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from rankloop.training.ranker_rows import RankerRows

    Report = Callable[[float, str], None]

DEFAULT: Final = "rates"
"""The candidate that is preferred where held-out clicks do not tell."""


@dataclass(frozen=True, slots=True)
class RankerConfig:
    """Settings of training."""

    trees: TreeConfig = field(default_factory=TreeConfig)
    """How trees are grown."""

    cutoff: int = 10
    """How many results are looked at; challengers learn the order of three more."""

    blends: tuple[float, ...] = (0.25, 0.5, 0.75)
    """Shares of the new score in blends with the serving one, each in (0, 1)."""

    has_challengers: bool = True
    """Whether orders are learned beside rates."""

    def __post_init__(self) -> None:
        if self.cutoff < 1:
            raise SettingsError("cutoff must be 1 or more", where="cutoff")
        if not all(0 < share < 1 for share in self.blends):
            raise SettingsError("blends must be in (0, 1)", where="blends")


@dataclass(frozen=True, slots=True)
class RankerCandidate:
    """One way to rank.

    Attributes:
        name: `rates`, `order`, `positions`, or `blend_25` for a quarter of the new score.
        ranker: What scores.
        n_trees: How many trees it has.
    """

    name: str
    ranker: Ranker
    n_trees: int


def train_rankers(
    rows: RankerRows,
    config: RankerConfig | None = None,
    seed: int = 1,
    report: Report | None = None,
) -> list[RankerCandidate]:
    """Train every candidate on the same rows.

    - `rates`: Poisson regression of clicks with log looks as offset. The default.
    - `blend_…`: (1 - share) serving + share rates, each in its spread within queries.
    - `order`: LambdaMART on labels, weighted by what the pair's own clicks say of them.
    - `positions`: LambdaMART on raw click rates with LightGBM's own account of position.

    Args:
        rows: Pairs with their features, counts and labels.
        config: Settings.
        seed: Decides all chance; the same rows, settings and seed give the same bits.
        report: Told how far it is.

    Returns:
        The candidates, the default first.

    Raises:
        NotEnoughDataError: No order can be learned from the rows.

    Source: Boosted trees: Ke et al., LightGBM: A Highly Efficient Gradient Boosting Decision Tree,
        NeurIPS 2017. LambdaMART: Burges, From RankNet to LambdaRank to LambdaMART, 2010. Learning
        to rank from biased clicks: Joachims, Swaminathan and Schnabel, WSDM 2017.
    """
    config = config or RankerConfig()
    told = report or (lambda _share, _text: None)
    check_learnable(rows)
    told(0.0, "growing trees on rates")
    rates = teach_rates(rows)
    n_trees = choose_n_trees(rates, config.trees, seed)
    default = Ranker(grow(rates, config.trees, seed, n_trees), list(rows.feature_names))
    candidates = [RankerCandidate(DEFAULT, default, n_trees)]
    candidates += [
        RankerCandidate(f"blend_{round(100 * share)}", blended, n_trees)
        for share in config.blends
        if (blended := blend(default, rows, share)) is not None
    ]
    if config.has_challengers:
        told(0.6, "growing trees on orders")
        lessons = {"order": teach_order(rows, config.cutoff + 3)}
        if rows.placed is not None:
            lessons["positions"] = teach_positions(rows, config.cutoff + 3)
        for name, lesson in lessons.items():
            if not lesson.target.any():
                continue
            trees = grow(lesson, config.trees, seed, config.trees.n_order_trees)
            ranker = Ranker(trees, list(rows.feature_names))
            candidates.append(RankerCandidate(name, ranker, config.trees.n_order_trees))
    told(1.0, "grown")
    return candidates


def fit_attraction(
    rows: RankerRows, folds: NDArray[np.int64], seed: int = 1, config: TreeConfig | None = None
) -> NDArray[np.float64]:
    """Guess each pair's attraction by trees that were grown on the other folds.

    It is the reward model of doubly robust estimates: clicks of a pair do not take part in its own
    guess. Rows that were never looked at are guessed as well.

    Args:
        rows: Pairs with their features and counts.
        folds: `[n_rows]` int64, the group of each row; a query's rows should share one.
        seed: Decides all chance.
        config: How trees are grown.

    Returns:
        `[n_rows]` float64 above 0; the overall rate where the other folds have no click.

    Source: Cross-fitting: Chernozhukov et al., Double/Debiased Machine Learning for Treatment and
        Structural Parameters, Econometrics Journal 2018.
    """
    config = config or TreeConfig()
    rates = np.full(len(rows), rows.clicks.sum() / max(float(rows.examinations.sum()), 1e-12))
    seen = rows.is_seen
    n_trees = 0
    for fold in np.unique(folds):
        lesson = teach_rates(rows).select((folds != fold)[seen])
        if not lesson.target.any():
            continue
        n_trees = n_trees or choose_n_trees(lesson, config, seed)
        trees = grow(lesson, config, seed, n_trees)
        asked = folds == fold
        rates[asked] = trees.predict(rows.features[asked], num_threads=1)
    return rates


def blend(ranker: Ranker, rows: RankerRows, share: float) -> Ranker | None:
    """Add the serving score to a ranker, so that it counts for the rest of the share.

        score = new + weight * serving
        weight = (1 - share) / share * spread(new) / spread(serving)

    Spreads are standard deviations within queries.

    Args:
        ranker: The new one, without the serving score's part.
        rows: Where spreads are measured.
        share: What the new score counts for, in (0, 1).

    Returns:
        The blend; None where nothing serves, or it does not tell documents apart.
    """
    if rows.serving_score is None:
        return None
    served = rows.features[:, rows.feature_names.index(rows.serving_score)]
    known = ~np.isnan(served)
    spread = _spread_within(rows.query[known], served[known])
    if spread == 0.0:
        return None
    new = _spread_within(rows.query[known], ranker.score(rows.features[known]))
    weight = (1 - share) / share * new / spread
    return ranker.anchored(Anchor(rows.serving_score, weight, float(served[known].min())))


def _spread_within(query: NDArray[np.int64], scores: NDArray[np.float64]) -> float:
    """Return the standard deviation of scores about their query's mean."""
    if not query.size:
        return 0.0
    place = np.unique(query, return_inverse=True)[1]
    mean = np.bincount(place, scores) / np.bincount(place)
    return float(np.sqrt(np.mean((scores - mean[place]) ** 2)))
