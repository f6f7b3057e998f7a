"""Regressions of click rates on features, as the prior of labels has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_ROUNDS: Final = 60
"""Trees of one regression: few and small, since what they say is shrunk towards the clicks."""

_PARAMETERS: Final[dict[str, Any]] = {
    "objective": "poisson",
    "num_leaves": 7,
    "learning_rate": 0.1,
    "min_data_in_leaf": 10,
    "lambda_l2": 1.0,
    "seed": 1,
    # One thread and rows in order: the same rows give the same bits.
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}


def predict_rates(
    features: NDArray[np.float64],
    clicks: NDArray[np.int64],
    looks: NDArray[np.float64],
    folds: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Predict each row's clicks per look by trees that were grown on the other folds.

    Poisson regression on C / E with weight E, which is Poisson regression of C with exposure E.

    Args:
        features: `[n_rows, n_features]` float64, NaN where unknown.
        clicks: `[n_rows]` int64.
        looks: `[n_rows]` float64, expected examinations; rows without any teach nothing.
        folds: `[n_rows]` int64, the group of each row.

    Returns:
        `[n_rows]` float64 above 0; the overall rate where the other folds have no click.

    Source:
        Boosted trees: Ke et al., "LightGBM: A highly efficient gradient boosting decision tree",
        NeurIPS 2017. Cross-fitting: Chernozhukov et al., "Double/debiased machine learning for
        treatment and structural parameters", Econometrics Journal 2018.
    """
    import lightgbm

    rates = np.full(clicks.size, clicks.sum() / looks.sum())
    for fold in np.unique(folds):
        is_taught = (folds != fold) & (looks > 0)
        if not clicks[is_taught].any():
            continue
        taught = lightgbm.Dataset(
            features[is_taught],
            clicks[is_taught] / looks[is_taught],
            weight=looks[is_taught],
            params={"verbose": -1},
        )
        trees = lightgbm.train(_PARAMETERS, taught, N_ROUNDS)
        is_asked = folds == fold
        rates[is_asked] = trees.predict(features[is_asked], num_threads=1)
    return rates
