"""What an encoder learns from: texts kept once, pairs by place, and an epoch drawn by weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from rankloop.errors import NotEnoughDataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray


class TextPair(Protocol):
    """A pair as it is mined or sent; a text that is not known is null."""

    @property
    def query(self) -> str:
        """What a person asked for."""
        ...

    @property
    def positive(self) -> str | None:
        """Text of a document that serves it."""
        ...

    @property
    def negatives(self) -> Sequence[str | None]:
        """Texts of documents that do not."""
        ...

    @property
    def weight(self) -> float:
        """What the pair counts for, 0 or more."""
        ...


@dataclass(frozen=True, slots=True)
class Example:
    """A pair to learn from.

    Attributes:
        query: Place of the query among the queries.
        positive: Place of the document that serves it among the documents.
        negatives: Places of documents that do not.
        weight: How often it is drawn, relative to the others; above 0.
    """

    query: int
    positive: int
    negatives: tuple[int, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class Examples:
    """Everything that an encoder learns from.

    Attributes:
        queries: Texts, each once.
        documents: Texts, each once.
        rows: The pairs.
    """

    queries: tuple[str, ...]
    documents: tuple[str, ...]
    rows: tuple[Example, ...]


class Texts:
    """Texts in the order in which they came, each once.

    Example:
        >>> texts = Texts()
        >>> texts.place("a"), texts.place("b"), texts.place("a"), texts.all()
        (0, 1, 0, ('a', 'b'))
    """

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._places)

    def place(self, text: str) -> int:
        """Return the place of a text, which it gets when it comes first."""
        return self._places.setdefault(text, len(self._places))

    def all(self) -> tuple[str, ...]:
        """Return the texts by place."""
        return tuple(self._places)


def gather_examples(pairs: Iterable[TextPair]) -> Examples:
    """Read pairs; one without a text of its query or positive teaches nothing and is left out.

    A document that is a positive of a query is no negative of it, whatever another pair says.

    Raises:
        NotEnoughDataError: No pair is left.

    Example:
        >>> from rankloop.tables.pairs import Pair
        >>> pair = Pair("shoe", "d1", "a shoe", ["d2"], ["a lamp"], 0.5, "corrected", "shop")
        >>> gather_examples([pair]).rows
        (Example(query=0, positive=0, negatives=(1,), weight=0.5),)
    """
    kept = [pair for pair in pairs if pair.query and pair.positive and pair.weight > 0]
    if not kept:
        raise NotEnoughDataError(
            "no pair has a query, a document's text and a weight",
            where="/pairs",
            hint="Put documents with their texts into the retriever, or send pairs with texts.",
        )
    positives = {(pair.query, pair.positive) for pair in kept}
    queries, documents = Texts(), Texts()
    rows = []
    for pair in kept:
        query, positive = queries.place(pair.query), documents.place(str(pair.positive))
        negatives = [
            text for text in pair.negatives if text and (pair.query, text) not in positives
        ]
        places = dict.fromkeys(documents.place(text) for text in negatives)
        rows.append(Example(query, positive, tuple(places), pair.weight))
    return Examples(queries.all(), documents.all(), tuple(rows))


def draw_columns(
    examples: Examples, n_rows: int, n_negatives: int, rng: np.random.Generator
) -> dict[str, list[str]]:
    """Draw the rows of an epoch: the columns `anchor`, `positive`, `negative_1`, ….

    A pair is drawn in proportion to its weight, as often as that says rounded down or up, so that
    pairs of one weight come once each. Negatives are drawn from the pair's own; where those are
    too few, from the documents that serve other queries.

    Args:
        examples: What there is.
        n_rows: Rows to draw, 1 or more.
        n_negatives: Negatives of each row, 0 or more.
        rng: Where chance comes from.

    Source: systematic sampling: Madow & Madow, On the Theory of Systematic Sampling, 1944.

    Example:
        >>> rows = (Example(0, 0, (), 3.0), Example(1, 1, (), 1.0))
        >>> examples = Examples(("q", "p"), ("a", "b"), rows)
        >>> columns = draw_columns(examples, 4, 1, np.random.default_rng(1))
        >>> (
        ...     sorted(columns["anchor"]),
        ...     columns["positive"].count("a"),
        ...     columns["negative_1"].count("b"),
        ... )
        (['p', 'q', 'q', 'q'], 3, 3)
    """
    weights = np.array([row.weight for row in examples.rows])
    chosen = _draw_in_proportion(weights, n_rows, rng)
    served: dict[int, set[int]] = {}
    for row in examples.rows:
        served.setdefault(row.query, set()).add(row.positive)
    others = np.unique([row.positive for row in examples.rows])
    columns: dict[str, list[str]] = {"anchor": [], "positive": []}
    columns |= {f"negative_{k + 1}": [] for k in range(n_negatives)}
    for place in chosen.tolist():
        row = examples.rows[place]
        columns["anchor"].append(examples.queries[row.query])
        columns["positive"].append(examples.documents[row.positive])
        drawn = _draw_negatives(row, others, served[row.query], n_negatives, rng)
        for k, negative in enumerate(drawn):
            columns[f"negative_{k + 1}"].append(examples.documents[negative])
    return columns


def _draw_in_proportion(
    weights: NDArray[np.float64], n_rows: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw places in proportion to their weights, in an order by chance."""
    edges = np.cumsum(weights / weights.sum())
    points = (np.arange(n_rows) + rng.random()) / n_rows
    places = np.minimum(np.searchsorted(edges, points, side="right"), weights.size - 1)
    return rng.permutation(places).astype(np.int64)


def _draw_negatives(
    row: Example,
    others: NDArray[np.int64],
    served: set[int],
    n_negatives: int,
    rng: np.random.Generator,
) -> list[int]:
    """Draw the negatives of a row, its own first."""
    own = list(row.negatives)
    drawn = [int(own[k]) for k in rng.permutation(len(own))[:n_negatives]]
    for _ in range(n_negatives - len(drawn)):
        tried = rng.choice(others, size=min(8, others.size), replace=False).tolist()
        free = [each for each in tried if each not in served and each not in drawn]
        if not free:
            free = [each for each in others.tolist() if each not in served] or own
        if not free:
            raise NotEnoughDataError(
                "every document serves every query, so there is nothing to contrast with",
                where="/pairs",
                hint="Send pairs with negatives, or pairs of several queries.",
            )
        drawn.append(int(free[0]))
    return drawn
