"""The peer of the bias benchmark: click models fitted list by list, as the textbook has them.

Written from the formulas, in plain Python over lists, as PyClick is. It is correct and slow; the
tests hold the models that read cells to it.

Source: Chuklin, Markov & de Rijke, Click Models for Web Search, 2015, chapter 4.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rankloop.bias.lists import Lists

    Look = Callable[[int, int], int]

List = tuple[list[int], list[bool]]
"""Pairs in shown order, and which were clicked."""

PeerModel = tuple[dict[int, float], dict[int, float]]
"""Attraction by pair, examination by look, not scaled."""

EDGE = 1e-6


def to_plain(lists: Lists) -> list[List]:
    """Return lists as Python's own, without what is past their ends."""
    return [
        ([pair for pair in pairs if pair >= 0], clicks)
        for pairs, clicks in zip(lists.pairs.tolist(), lists.clicks.tolist(), strict=True)
    ]


def fit_pbm(
    lists: Sequence[List], n_rounds: int, prior: tuple[float, float] = (1.0, 1.0)
) -> PeerModel:
    """Fit the position-based model by per-list expectation maximization.

    Args:
        lists: The log.
        n_rounds: How many rounds.
        prior: Clicks and skips that each pair is given beforehand.

    Returns:
        Attraction by pair, and examination by position, not scaled.
    """
    return _fit(lists, n_rounds, prior, lambda position, _previous: position)


def fit_ubm(
    lists: Sequence[List], n_rounds: int, prior: tuple[float, float] = (1.0, 1.0)
) -> PeerModel:
    """Fit the user browsing model likewise; looks are `1000 * position + previous click + 1`."""
    return _fit(lists, n_rounds, prior, lambda position, previous: 1000 * position + previous + 1)


def _fit(
    lists: Sequence[List], n_rounds: int, prior: tuple[float, float], to_look: Look
) -> PeerModel:
    """Go through all impressions of all lists in every round."""
    attraction: dict[int, float] = defaultdict(lambda: 0.5)
    examination: dict[int, float] = defaultdict(lambda: 0.5)
    for _ in range(n_rounds):
        attracted: dict[int, list[float]] = defaultdict(lambda: [prior[0], sum(prior)])
        examined: dict[int, list[float]] = defaultdict(lambda: [1.0, 2.0])
        for pairs, clicks in lists:
            previous = -1
            for position, pair in enumerate(pairs):
                look = to_look(position, previous)
                a, g = attraction[pair], examination[look]
                if clicks[position]:
                    was_attracted = was_examined = 1.0
                    previous = position
                else:
                    was_attracted = (1 - g) * a / (1 - a * g)
                    was_examined = (1 - a) * g / (1 - a * g)
                attracted[pair][0] += was_attracted
                attracted[pair][1] += 1
                examined[look][0] += was_examined
                examined[look][1] += 1
        attraction = {pair: _keep_off(x / n) for pair, (x, n) in attracted.items()}
        examination = {look: _keep_off(x / n) for look, (x, n) in examined.items()}
    return attraction, examination


def _keep_off(chance: float) -> float:
    """Keep a chance off 0 and 1."""
    return min(max(chance, EDGE), 1 - EDGE)
