"""Judgments of several sources, each on its own scale, merged into one scale from 0 to 1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.errors import SettingsError, TableError
from rankloop.training.funnel import shrink_shares

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from rankloop.bias.cells import Pairs
    from rankloop.training.labels import Labels

TOP_SHARE: Final = 0.99
"""Labels at this upper end of the log and above are fully relevant."""

VOTE_STRENGTH: Final = 2.0
"""Voters that the share of votes over all counts for at least."""

_SEPARATOR: Final = "\x1f"


@dataclass(frozen=True, slots=True)
class Graded:
    """What one source says; every array is `[n]`.

    Attributes:
        query_key: The information needs.
        document_id: The documents.
        relevance: float64 in [0, 1].
        weight: float64 in [0, 1], how much of the relevance is evidence of the pair's own.
    """

    query_key: NDArray[np.object_]
    document_id: NDArray[np.object_]
    relevance: NDArray[np.float64]
    weight: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in ("relevance", "weight"):
            values = getattr(self, name)
            if not np.all((values >= 0) & (values <= 1)):
                raise TableError(f"a {name} is not within 0 and 1", where=name)


@dataclass(frozen=True, slots=True)
class Merged:
    """What all sources say together, by query key and document; every array is `[n]`.

    Attributes:
        graded: The merged relevance, and the largest weight of any source.
        sources: For each, the names of the sources that spoke, joined by `+`.
    """

    graded: Graded
    sources: list[str]


def grade_clicks(labels: Labels) -> Graded:
    """Put labels on the scale from 0 to 1: the best hundredth of the log is 1."""
    pairs, value = labels.evidence.pairs, labels.value
    top = float(np.quantile(value, TOP_SHARE)) if value.size else 0.0
    relevance = np.minimum(value / top, 1.0) if top > 0 else np.zeros(value.size)
    return Graded(pairs.query_keys[pairs.query], pairs.document_ids, relevance, labels.weight)


def grade_votes(pairs: Pairs, ups: NDArray[np.int64], downs: NDArray[np.int64]) -> Graded:
    """Turn votes into relevance: the share of people who voted up, shrunk towards that of all.

    Args:
        pairs: The pairs that were voted on, or not.
        ups: `[n_pairs]` int64, people who voted it up.
        downs: `[n_pairs]` int64, people who voted it down.

    Returns:
        The pairs with a vote.
    """
    voted = np.flatnonzero(ups + downs > 0)
    voters = (ups + downs)[voted]
    return Graded(
        pairs.query_keys[pairs.query[voted]],
        pairs.document_ids[voted],
        shrink_shares(ups[voted], voters, VOTE_STRENGTH),
        voters / (voters + VOTE_STRENGTH),
    )


def merge_judgments(sources: Mapping[str, Graded], weights: Mapping[str, float]) -> Merged:
    """Average what sources say of each pair, by their weight and by the evidence they have.

        relevance = sum_s w_s v_s r_s / sum_s w_s v_s

    Args:
        sources: What each says, by name.
        weights: What each counts for, 0 or more; 1 where it is not named. Applied at reading.

    Returns:
        Every pair that a source of weight above 0 speaks of, ascending.

    Raises:
        SettingsError: A weight is negative or not a number.

    Example:
        >>> name = np.array(["q"], object), np.array(["d"], object)
        >>> clicks = Graded(*name, np.array([0.2]), np.array([0.5]))
        >>> human = Graded(*name, np.array([1.0]), np.array([1.0]))
        >>> merged = merge_judgments({"clicks": clicks, "human": human}, {"human": 3})
        >>> merged.graded.relevance.round(2).tolist(), merged.sources
        ([0.89], ['clicks+human'])
    """
    check_source_weights(weights)
    spoken = {name: sources[name] for name in sorted(sources) if weights.get(name, 1.0) > 0}
    keys = [
        f"{query}{_SEPARATOR}{document}"
        for said in spoken.values()
        for query, document in zip(said.query_key, said.document_id, strict=True)
    ]
    distinct, place = np.unique(np.array(keys, dtype=object), return_inverse=True)
    total, counted, best = (np.zeros(distinct.size) for _ in range(3))
    names: list[list[str]] = [[] for _ in range(distinct.size)]
    first = 0
    for name, said in spoken.items():
        mine = place[first : first + said.relevance.size]
        first += mine.size
        # A source without any evidence still breaks a tie of nothing.
        counts = weights.get(name, 1.0) * np.maximum(said.weight, 1e-9)
        np.add.at(total, mine, counts * said.relevance)
        np.add.at(counted, mine, counts)
        np.maximum.at(best, mine, said.weight)
        for k in np.unique(mine):
            names[k].append(name)
    parted = [key.split(_SEPARATOR) for key in distinct]
    return Merged(
        Graded(
            np.array([query for query, _ in parted], dtype=object),
            np.array([document for _, document in parted], dtype=object),
            np.clip(total / np.maximum(counted, 1e-300), 0.0, 1.0),
            best,
        ),
        ["+".join(each) for each in names],
    )


def check_source_weights(weights: Mapping[str, float]) -> None:
    """Refuse weights that weigh nothing.

    Raises:
        SettingsError: A weight is negative or not a number.
    """
    for name, weight in weights.items():
        if not (math.isfinite(weight) and weight >= 0):
            raise SettingsError(
                f"the weight of {name} is {weight}, a number of 0 or more is needed",
                where=f"source_weights.{name}",
            )


def parse_weights(text: str | None) -> dict[str, float]:
    """Read weights as people type them: `click:1,purchase:10`.

    Raises:
        SettingsError: A part is not `name:number`, or a name comes twice.

    Example:
        >>> parse_weights("clicks:1, human:3")
        {'clicks': 1.0, 'human': 3.0}
    """
    weights: dict[str, float] = {}
    for part in (text or "").split(","):
        if not part.strip():
            continue
        name, _, number = (piece.strip() for piece in part.partition(":"))
        try:
            weight = float(number)
        except ValueError as error:
            raise SettingsError(
                f"{part.strip()!r} is no weight", where="weights", hint="Write name:number."
            ) from error
        if name in weights:
            raise SettingsError(f"{name} has two weights", where="weights")
        weights[name] = weight
    return weights


def to_grades(relevance: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """Round relevance to whole grades from 0 to `most`.

    Example:
        >>> to_grades(np.array([0.0, 0.1, 0.5, 1.0]), 4)
        array([0, 0, 2, 4])
    """
    return np.floor(relevance * most + 0.5).astype(np.int64)
