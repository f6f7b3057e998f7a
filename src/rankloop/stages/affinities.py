"""How much more a person goes for a brand or a category than a list offers of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.special import gammaln

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_CONCENTRATIONS: Final = 2.0 ** np.arange(0, 11)
"""Candidates for κ, 1 to 1,024 interactions."""

MAX_LIFT: Final = 2.0
"""Log-lifts are cut at this, e² ≈ 7 times as often as offered."""


def read_values(payload: Mapping[str, Any], field: str) -> tuple[str, ...]:
    """Read the values of a field, dotted where it stands within another.

    Example:
        >>> read_values({"brand": {"name": "acme"}}, "brand.name"), read_values({}, "brand")
        (('acme',), ())
    """
    value: Any = payload
    for step in field.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if value is None:
        return ()
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(dict.fromkeys(str(one) for one in values))


def measure_affinity(
    offered: Sequence[Sequence[str]], taken: Sequence[Sequence[str]], weights: Floats
) -> Floats:
    """Say how much a person goes for what each document is of.

    With c the weight of what a person took of a value, c_u all of it and p the value's share of
    what the list offers, the log-lift is `log((c + κ p) / (c_u + κ)) - log(p)`: shrunk towards 0
    by κ interactions, which are chosen by the likelihood of c given p (Dirichlet-multinomial).

    Args:
        offered: `[n]` values of each candidate.
        taken: `[m]` values of each document in the history.
        weights: `[m]`, what each of those counts for; below 0 counts nothing.

    Returns:
        `[n]`: the mean log-lift over a candidate's values, in units of `MAX_LIFT`, in [-1, 1]; 0
        without values.

    Example:
        >>> offered = [["acme"], ["zeta"], []]
        >>> measure_affinity(offered, [["acme"]] * 20, np.ones(20)).round(2)
        array([ 0.44, -1.  ,  0.  ])
    """
    names = sorted({value for values in offered for value in values})
    if not names:
        return np.zeros(len(offered))
    place = {name: number for number, name in enumerate(names)}
    # One place more for everything that the list does not offer.
    shares = np.full(len(names) + 1, 1.0)
    for values in offered:
        shares[[place[value] for value in values]] += 1.0
    shares /= shares.sum()
    counts = np.zeros(len(names) + 1)
    for values, weight in zip(taken, np.maximum(weights, 0.0).tolist(), strict=True):
        counts[[place.get(value, len(names)) for value in values]] += weight
    kappa = fit_concentration(counts, shares)
    lifts = np.log((counts + kappa * shares) / (counts.sum() + kappa)) - np.log(shares)
    lifts = np.clip(lifts, -MAX_LIFT, MAX_LIFT) / MAX_LIFT
    return np.array(
        [lifts[[place[value] for value in values]].mean() if values else 0.0 for values in offered]
    )


def fit_concentration(counts: Floats, shares: Floats) -> float:
    """Choose κ, how many interactions the shares on offer stand for.

    Args:
        counts: `[k]`, 0 or more.
        shares: `[k]`, above 0, summing to 1.

    Returns:
        The power of two from 1 to 1,024 under which the counts are likeliest.

    Example:
        >>> shares = np.array([0.5, 0.5])
        >>> fit_concentration(np.array([50.0, 50.0]), shares)
        1024.0
        >>> fit_concentration(np.array([99.0, 1.0]), shares)
        1.0
    """
    total = counts.sum()
    alphas = _CONCENTRATIONS[:, None] * shares
    likelihood = (gammaln(counts + alphas) - gammaln(alphas)).sum(axis=1)
    likelihood += gammaln(_CONCENTRATIONS) - gammaln(total + _CONCENTRATIONS)
    return float(_CONCENTRATIONS[int(likelihood.argmax())])
