"""Boosted trees as rankers use them: what each learns from, grown the same way every time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rankloop.errors import SettingsError

if TYPE_CHECKING:
    import lightgbm
    from numpy.typing import NDArray

    from rankloop.training.ranker_rows import RankerRows

N_GRADES: Final = 30
"""Grades that labels are rounded to: fine enough to keep their order, few enough to be fast."""

PATIENCE: Final = 40
"""Trees without an improvement after which a group of queries is not asked about more."""


@dataclass(frozen=True, slots=True)
class TreeConfig:
    """How trees are grown."""

    max_trees: int = 300
    """Most trees of a regression; queries that they did not learn from say how many are kept."""

    n_order_trees: int = 100
    """Trees that learn an order."""

    learning_rate: float = 0.05
    """How much of what it found each tree adds, in (0, 1]."""

    num_leaves: int = 7
    """Leaves of a tree, 2 or more."""

    min_rows: int = 20
    """Least rows of a leaf."""

    shrinkage: float = 1.0
    """How much leaves are drawn to nothing, 0 or more."""

    feature_share: float = 0.5
    """Share of the features that each tree may use, in (0, 1]."""

    row_share: float = 0.7
    """Share of the rows that each tree sees, in (0, 1]."""

    n_folds: int = 4
    """Groups of queries that the number of trees is chosen by, 2 or more."""

    n_threads: int = 1
    """Threads; the same number gives the same bits."""

    def __post_init__(self) -> None:
        if (
            min(self.max_trees, self.n_order_trees, self.min_rows, self.n_threads) < 1
            or self.num_leaves < 2
        ):
            raise SettingsError("trees need a leaf, a row and a thread", where="max_trees")
        if self.n_folds < 2:
            raise SettingsError("n_folds must be 2 or more", where="n_folds")
        for name in ("learning_rate", "feature_share", "row_share"):
            if not 0 < getattr(self, name) <= 1:
                raise SettingsError(f"{name} must be in (0, 1]", where=name)
        if self.shrinkage < 0:
            raise SettingsError("shrinkage must be 0 or more", where="shrinkage")


@dataclass(frozen=True, slots=True)
class Lesson:
    """What trees of one kind learn from, one row each.

    Attributes:
        objective: `poisson` or `lambdarank`.
        features: `[n_rows, n_features]` float64.
        target: `[n_rows]` float64: a rate, or a grade from 0 to 30.
        weight: `[n_rows]` float64, how much a row counts.
        query: `[n_rows]` int64, the list of each row, ascending.
        topic: `[n_rows]` int64, rows of one of these are never parted.
        categorical: Columns whose numbers are codes.
        position: `[n_rows]` int64, where each row stood; None where position was taken out before.
        truncation: Ranks that grades are learned for; unused for rates.
    """

    objective: str
    features: NDArray[np.float64]
    target: NDArray[np.float64]
    weight: NDArray[np.float64]
    query: NDArray[np.int64]
    topic: NDArray[np.int64]
    categorical: tuple[int, ...] = ()
    position: NDArray[np.int64] | None = None
    truncation: int = 13

    def select(self, kept: NDArray[np.bool_]) -> Lesson:
        """Keep some rows."""
        position = None if self.position is None else self.position[kept]
        return Lesson(
            self.objective,
            self.features[kept],
            self.target[kept],
            self.weight[kept],
            self.query[kept],
            self.topic[kept],
            self.categorical,
            position,
            self.truncation,
        )


def teach_rates(rows: RankerRows) -> Lesson:
    """Learn clicks per look: `C / E` with weight E, which is Poisson regression of C, exposure E.

    log alpha = trees(features),   C ~ Poisson(E alpha)
    """
    seen = rows.is_seen
    looks = rows.examinations[seen]
    return Lesson(
        "poisson",
        rows.features[seen],
        rows.clicks[seen] / looks,
        looks,
        rows.query[seen],
        rows.topic[seen],
        rows.categorical,
    )


def teach_order(rows: RankerRows, truncation: int) -> Lesson:
    """Learn the order of labels: grade = round(30 label / q99), weight E / (E + k), mean 1."""
    seen = rows.is_seen
    weight = np.maximum(rows.weights[seen], np.finfo(np.float32).tiny)
    return Lesson(
        "lambdarank",
        rows.features[seen],
        to_grades(rows.labels[seen]),
        # Where the prior is strong all weights are small, and LightGBM would not split at all.
        weight / weight.mean(),
        rows.query[seen],
        rows.topic[seen],
        rows.categorical,
        truncation=truncation,
    )


def teach_positions(rows: RankerRows, truncation: int) -> Lesson:
    """Learn raw click rates, position beside the features: `trees(features) + g(position)`.

    One row for each position at which a pair was shown.

    Source: LightGBM's `position`, after Zhuang et al., Cross-Positional Attention for Debiasing
        Clicks, WWW 2021.
    """
    placed = rows.placed
    assert placed is not None  # noqa: S101 asked for where positions are known
    order = np.lexsort((placed.position, placed.pair))
    row, n = placed.pair[order], placed.n[order]
    return Lesson(
        "lambdarank",
        rows.features[row],
        to_grades(placed.clicks[order] / n),
        n.astype(np.float64),
        rows.query[row],
        rows.topic[row],
        rows.categorical,
        placed.position[order],
        truncation,
    )


def to_grades(labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round labels to grades from 0 to 30, so that one in a hundred is above the highest.

    Example:
        >>> to_grades(np.array([0.0, 0.05, 0.1])).tolist()
        [0.0, 15.0, 30.0]
    """
    top = float(np.quantile(labels, 0.99)) or float(labels.max()) or 1.0
    return np.asarray(np.clip(np.round(N_GRADES * labels / top), 0, N_GRADES))


def choose_n_trees(lesson: Lesson, config: TreeConfig, seed: int) -> int:
    """Choose how many trees predict rates best on queries that they did not learn from.

    Each group of queries is predicted by trees grown on the others; the number under which the
    clicks of all groups are likeliest wins.
    """
    import lightgbm

    order = np.unique(lesson.topic, return_inverse=True)[1]
    fold = np.random.default_rng(seed).permutation(order.max() + 1)[order] % config.n_folds
    total = np.zeros(config.max_trees)
    for number in range(config.n_folds):
        taught, asked = lesson.select(fold != number), lesson.select(fold == number)
        if not taught.target.any() or not asked.target.size:
            continue
        known = _to_dataset(taught)
        history: dict[str, dict[str, list[float]]] = {}
        lightgbm.train(
            _to_parameters(lesson, config, seed, n_rows=taught.target.size),
            known,
            config.max_trees,
            valid_sets=[_to_dataset(asked, known)],
            valid_names=["asked"],
            callbacks=[
                lightgbm.record_evaluation(history),
                lightgbm.early_stopping(PATIENCE, verbose=False),
            ],
        )
        values = np.array(next(iter(history["asked"].values())))
        # Past its best a group only gets worse, so that its last value does for the rest.
        values = np.pad(values, (0, config.max_trees - values.size), mode="edge")
        total += asked.weight.sum() * values
    return int(np.argmin(total)) + 1


def grow(lesson: Lesson, config: TreeConfig, seed: int, n_trees: int) -> lightgbm.Booster:
    """Grow trees; the same lesson, settings, seed and threads give the same bits."""
    import lightgbm

    parameters = _to_parameters(lesson, config, seed, n_rows=lesson.target.size)
    return lightgbm.train(parameters, _to_dataset(lesson), n_trees)


def _to_dataset(lesson: Lesson, reference: lightgbm.Dataset | None = None) -> lightgbm.Dataset:
    """Hand rows to LightGBM."""
    import lightgbm

    is_order = lesson.objective == "lambdarank"
    return lightgbm.Dataset(
        lesson.features,
        lesson.target,
        weight=lesson.weight,
        group=np.unique(lesson.query, return_counts=True)[1] if is_order else None,
        position=lesson.position,
        categorical_feature=list(lesson.categorical),
        reference=reference,
        params={"verbose": -1},
    )


def _to_parameters(lesson: Lesson, config: TreeConfig, seed: int, n_rows: int) -> dict[str, Any]:
    """Write the settings as LightGBM reads them."""
    parameters: dict[str, Any] = {
        "objective": lesson.objective,
        "learning_rate": config.learning_rate,
        "num_leaves": config.num_leaves,
        # So that small logs can be split at all.
        "min_data_in_leaf": max(1, min(config.min_rows, n_rows // 10)),
        "lambda_l2": config.shrinkage,
        "feature_fraction": config.feature_share,
        "bagging_fraction": config.row_share,
        "bagging_freq": 1,
        "seed": seed,
        "num_threads": config.n_threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    if lesson.objective == "lambdarank":
        parameters |= {
            "label_gain": list(range(N_GRADES + 1)),
            "lambdarank_truncation_level": lesson.truncation,
            "metric": "ndcg",
            "eval_at": [max(lesson.truncation - 3, 1)],
        }
    return parameters
