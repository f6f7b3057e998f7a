"""A residual of low rank that learns to tell a query's documents from others.

It starts at 0, so that before the first round every query is where it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from rankloop.training.adapter_examples import AdapterExamples

MANY_POSITIVES: Final = 20_000
"""Positives from which the rank is the higher one."""

Parts = tuple["NDArray[np.float64]", "NDArray[np.float64]", "NDArray[np.float64]"]
"""`up` and `down`, `[dimension, rank]`, and `shift`, `[dimension]`."""

_FADE_FIRST: Final = 0.9
_FADE_SECOND: Final = 0.999
_LEAST: Final = 1e-8


@dataclass(frozen=True, slots=True)
class ResidualConfig:
    """Settings of the learning of a residual."""

    rank: int = 16
    """Directions in which a query may be moved, up to 20,000 positives."""

    high_rank: int = 32
    """The same from there on."""

    temperature: float = 0.05
    """Difference in cosine that makes a document e times as likely as another, above 0."""

    learning_rate: float = 1e-3
    """Longest move of a number in one step of AdamW."""

    decay: float = 1e-2
    """What is taken off every number, relative to the learning rate: draws towards no step."""

    n_rounds: int = 60
    """Most times that every pair is seen."""

    rounds_between: int = 5
    """After how many of them the residual is shown to whoever judges it."""

    batch_size: int = 64
    """Pairs of one step, each other's negatives."""

    n_random: int = 256
    """Documents drawn by chance as negatives of one step."""

    def __post_init__(self) -> None:
        whole = (self.rank, self.high_rank, self.n_rounds, self.rounds_between, self.batch_size)
        if min(whole) < 1 or self.n_random < 0:
            raise SettingsError("numbers of a residual must be at least 1", where="rank")
        if self.temperature <= 0 or self.learning_rate <= 0:
            raise SettingsError("temperature and learning_rate must be above 0")


def iter_residuals(
    examples: AdapterExamples, config: ResidualConfig, seed: int
) -> Iterator[tuple[int, Parts]]:
    """Learn a residual, and show it every few rounds.

    Each pair is contrasted with the other positives of its step, hard negatives of the step's
    queries and documents drawn by chance; whatever else serves the query is left out. Minimized is
    InfoNCE, weighted by pair:

        L = -Σ v log(exp(q'·d⁺ / t) / Σ exp(q'·d / t)) / Σ v,   q' = normalize(q + U Vᵀ q + b)

    Args:
        examples: Pairs and vectors.
        config: Settings.
        seed: The same seed gives the same residuals.

    Yields:
        Rounds done, and the parts then.

    Source: van den Oord, Li & Vinyals, Representation Learning with Contrastive Predictive Coding,
        2018; Loshchilov & Hutter, Decoupled Weight Decay Regularization, ICLR 2019.
    """
    rng = np.random.default_rng([seed, 17])
    n_pairs, dimension = examples.query.size, examples.dimension
    rank = config.rank if n_pairs < MANY_POSITIVES else config.high_rank
    down = rng.normal(size=(dimension, rank)) / np.sqrt(dimension)
    parts: Parts = (np.zeros((dimension, rank)), down, np.zeros(dimension))
    descent = _Descent(config, parts)
    batches = _Batches(examples, config)
    n_steps = max(1, round(n_pairs / config.batch_size))
    for n_rounds in range(1, config.n_rounds + 1):
        for rows in np.array_split(rng.permutation(n_pairs), n_steps):
            batch = batches.gather(rows, rng)
            parts = descent.step(parts, find_slope(parts, batch, config.temperature)[1])
        if n_rounds % config.rounds_between == 0 or n_rounds == config.n_rounds:
            yield n_rounds, parts


@dataclass(frozen=True, slots=True)
class Batch:
    """Some pairs and what they are contrasted with.

    Attributes:
        queries: `[n, dimension]` float64.
        documents: `[n_documents, dimension]` float64.
        positive: `[n]` int64, column of each query's positive.
        is_out: `[n, n_documents]` bool, documents that serve the query too.
        weight: `[n]` float64, sums to 1.
    """

    queries: NDArray[np.float64]
    documents: NDArray[np.float64]
    positive: NDArray[np.int64]
    is_out: NDArray[np.bool_]
    weight: NDArray[np.float64]


def find_slope(parts: Parts, batch: Batch, temperature: float) -> tuple[float, Parts]:
    """Return the loss of one batch, and how it changes with each number of the parts.

    With z = q + U Vᵀ q + b, n = z / |z| and p the softmax of n·d / t:

        g = v (Σ p d - d⁺) / t,   h = (g - n (n·g)) / |z|,
        ∂U = hᵀ (Q V),   ∂V = Qᵀ (h U),   ∂b = Σ h
    """
    up, down, shift = parts
    lowered = batch.queries @ down
    moved = batch.queries + lowered @ up.T + shift
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    unit = moved / length
    logits = np.where(batch.is_out, -np.inf, unit @ batch.documents.T / temperature)
    logits -= logits.max(axis=1, keepdims=True)
    chance = np.exp(logits)
    total = chance.sum(axis=1, keepdims=True)
    rows = np.arange(batch.positive.size)
    loss = float(batch.weight @ (np.log(total[:, 0]) - logits[rows, batch.positive]))
    chance /= total
    chance[rows, batch.positive] -= 1.0
    pull = (chance @ batch.documents) * (batch.weight[:, None] / temperature)
    slope = (pull - unit * (pull * unit).sum(axis=1, keepdims=True)) / length
    return loss, (slope.T @ lowered, batch.queries.T @ (slope @ up), slope.sum(axis=0))


class _Batches:
    """Gathers what one step looks at."""

    def __init__(self, examples: AdapterExamples, config: ResidualConfig) -> None:
        self._examples = examples
        self._config = config
        self._positives = examples.positives()
        order = np.argsort(examples.negative_query, kind="stable")
        self._negatives = examples.negative[order]
        counts = np.bincount(examples.negative_query, minlength=len(examples.queries))
        self._starts = np.concatenate([[0], np.cumsum(counts)])

    def gather(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Batch:
        """Gather some pairs with their negatives."""
        examples = self._examples
        query, positive = examples.query[rows], examples.positive[rows]
        hard = [self._negatives[self._starts[q] : self._starts[q + 1]] for q in np.unique(query)]
        drawn = rng.integers(0, len(examples.documents), self._config.n_random)
        documents = np.unique(np.concatenate([positive, drawn, *hard]))
        column = np.searchsorted(documents, positive)
        is_out = self._positives[query][:, documents].toarray()
        is_out[np.arange(rows.size), column] = False
        weight = examples.weight[rows]
        return Batch(
            queries=examples.queries[query].astype(np.float64),
            documents=examples.documents[documents].astype(np.float64),
            positive=column,
            is_out=is_out,
            weight=weight / weight.sum(),
        )


class _Descent:
    """AdamW: steps of like length in every direction, and a steady pull towards 0."""

    def __init__(self, config: ResidualConfig, parts: Parts) -> None:
        self._config = config
        self._means = [np.zeros_like(part) for part in parts]
        self._squares = [np.zeros_like(part) for part in parts]
        self._n_steps = 0

    def step(self, parts: Parts, slopes: Parts) -> Parts:
        """Take one step down."""
        self._n_steps += 1
        rate, moved = self._config.learning_rate, []
        for place, (part, slope) in enumerate(zip(parts, slopes, strict=True)):
            mean = _FADE_FIRST * self._means[place] + (1 - _FADE_FIRST) * slope
            square = _FADE_SECOND * self._squares[place] + (1 - _FADE_SECOND) * slope**2
            self._means[place], self._squares[place] = mean, square
            mean_now = mean / (1 - _FADE_FIRST**self._n_steps)
            square_now = square / (1 - _FADE_SECOND**self._n_steps)
            change = mean_now / (np.sqrt(square_now) + _LEAST) + self._config.decay * part
            moved.append(part - rate * change)
        return moved[0], moved[1], moved[2]
