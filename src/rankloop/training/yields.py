"""Yields: whether there are enough pairs, and how much more data would bring them."""

from __future__ import annotations

import math
from typing import Final, Literal

from rankloop.tables.pairs import Need

MIN_QUERIES: Final = 1_000
"""Distinct queries under which nothing should be fine-tuned."""

MIN_POSITIVES: Final = 2_000
"""Positives under which nothing should be fine-tuned."""

ENCODER_QUERIES: Final = 5_000
"""Distinct queries from which a whole encoder may be; below it an adapter is safer."""


def find_needs(
    n_queries: int, n_positives: int, n_searches: int, min_queries: int | None = None
) -> list[Need]:
    """Say what there is too little of, and how many more searches would bring it.

    The rate so far is taken to go on; new searches repeat old queries, so that it is the least.

    Args:
        n_queries: Distinct queries among the pairs.
        n_positives: Positives among them.
        n_searches: Searches that they come from.
        min_queries: Queries that are needed; those of an adapter when left out.

    Example:
        >>> [(need.what, need.searches_needed) for need in find_needs(500, 4_000, 10_000)]
        [('queries', 10000)]
    """
    least = MIN_QUERIES if min_queries is None else min_queries
    floors = (("queries", n_queries, least), ("positives", n_positives, MIN_POSITIVES))
    return [
        Need(what, have, need, to_searches_needed(have, need, n_searches))
        for what, have, need in floors
        if have < need
    ]


def choose_advice(n_queries: int, n_positives: int) -> Literal["more_data", "adapter", "encoder"]:
    """Say what so many pairs are good for.

    Example:
        >>> choose_advice(900, 9_000), choose_advice(2_000, 4_000), choose_advice(6_000, 9_000)
        ('more_data', 'adapter', 'encoder')
    """
    if n_queries < MIN_QUERIES or n_positives < MIN_POSITIVES:
        return "more_data"
    return "adapter" if n_queries < ENCODER_QUERIES else "encoder"


def to_searches_needed(have: int, need: int, n_searches: int) -> int | None:
    """Scale the searches so far; None where nothing came of them."""
    return math.ceil(n_searches * (need / have - 1)) if have and n_searches else None
