"""Three ways to move a query towards its documents, each as a path from bold to careful.

All start from the vectors as they are: with enough restraint each of them is no step at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh

from rankloop.models.adapter import QueryAdapter
from rankloop.training.adapter_residual import ResidualConfig, iter_residuals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from rankloop.training.adapter_examples import AdapterExamples


@dataclass(frozen=True, slots=True)
class StepConfig:
    """Settings of the ways to step."""

    restraints: tuple[float, ...] = (30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03)
    """Of the matrix: how hard it is held to the identity, in units of the queries' mean square
    along an axis."""

    widths: tuple[float, ...] = (0.35, 0.5, 0.7, 1.0)
    """Of the anchors: how far from a known query its step is taken along, as a distance between
    unit vectors; 1.41 is between two that have nothing in common."""

    anchor_restraints: tuple[float, ...] = (1.0, 0.3, 0.1)
    """Of the anchors: how hard their steps are held to 0."""

    max_anchors: int = 2_048
    """Of the anchors: how many known queries are kept, those of most weight."""

    residual: ResidualConfig = field(default_factory=ResidualConfig)
    """Of the residual."""


@dataclass(frozen=True, slots=True)
class Step:
    """One way to move queries, taken whole.

    Attributes:
        method: Its name in `METHODS`.
        parameters: What makes it this one of the method's.
        adapter: The step, with share 1.
    """

    method: str
    parameters: dict[str, float]
    adapter: QueryAdapter


def iter_matrices(
    examples: AdapterExamples, base_model: str, config: StepConfig, _seed: int
) -> Iterator[Step]:
    """Yield ridge regressions from queries to documents, drawn to the identity.

        W = (Σ v d qᵀ + λ I) (Σ v q qᵀ + λ I)⁻¹

    λ infinite is the identity. The sums are decomposed once, so that another λ costs one product.

    Source: Hoerl & Kennard, Ridge Regression, Technometrics 1970; the prior mean is the identity in
        place of 0.
    """
    queries = examples.queries[examples.query].astype(np.float64)
    documents = examples.documents[examples.positive].astype(np.float64)
    weighted = queries * examples.weight[:, None]
    values, axes = eigh(queries.T @ weighted)
    turned = (documents.T @ weighted) @ axes
    unit = float(examples.weight.sum()) / examples.dimension
    for restraint in config.restraints:
        pull = restraint * unit
        matrix = ((turned + pull * axes) / (np.maximum(values, 0.0) + pull)) @ axes.T
        adapter = QueryAdapter(base_model, examples.dimension, matrix=matrix.astype(np.float32))
        yield Step("matrix", {"restraint": restraint}, adapter)


def iter_anchors(
    examples: AdapterExamples, base_model: str, config: StepConfig, _seed: int
) -> Iterator[Step]:
    """Yield kernel ridge regressions: queries near a known one take its step along.

    Each known query `a` has a step `s`, and `q' = normalize(q + Σ k(q, a) s)` with the kernel
    `k(q, a) = exp(-|q - a|² / (2 width²))`. The steps solve

        (Kᵀ V K + λ K) S = Kᵀ V (D - Q)

    for the kernel K between queries and anchors, weights V and the mean documents D. Queries far
    from all that is known stay where they are.

    Source: Saunders, Gammerman & Vovk, Ridge Regression Learning Algorithm in Dual Variables,
        ICML 1998; fewer anchors than queries: Smola & Schölkopf, Sparse Greedy Matrix
        Approximation for Machine Learning, ICML 2000.
    """
    asked, weight, target = _average(examples)
    queries = examples.queries[asked].astype(np.float64)
    chosen = np.sort(np.argsort(-weight, kind="stable")[: config.max_anchors])
    anchors = queries[chosen]
    far = 1.0 - queries @ anchors.T
    for width in config.widths:
        kernel = np.exp(-far / width**2)
        weighted = kernel * weight[:, None]
        moments, aims = kernel.T @ weighted, weighted.T @ (target - queries)
        for restraint in config.anchor_restraints:
            held = moments + restraint * kernel[chosen] + 1e-9 * np.eye(chosen.size)
            steps = cho_solve(cho_factor(held), aims)
            adapter = QueryAdapter(
                base_model,
                examples.dimension,
                anchors=anchors.astype(np.float32),
                steps=steps.astype(np.float32),
                width=width,
            )
            yield Step("anchors", {"width": width, "restraint": restraint}, adapter)


def iter_learned(
    examples: AdapterExamples, base_model: str, config: StepConfig, seed: int
) -> Iterator[Step]:
    """Yield a residual of low rank as it is learned, every few rounds; see `iter_residuals`."""
    for n_rounds, (up, down, shift) in iter_residuals(examples, config.residual, seed):
        adapter = QueryAdapter(
            base_model,
            examples.dimension,
            up=up.astype(np.float32),
            down=down.astype(np.float32),
            shift=shift.astype(np.float32),
        )
        yield Step("residual", {"rounds": float(n_rounds), "rank": float(up.shape[1])}, adapter)


METHODS: Final[dict[str, Callable[[AdapterExamples, str, StepConfig, int], Iterator[Step]]]] = {
    "matrix": iter_matrices,
    "anchors": iter_anchors,
    "residual": iter_learned,
}
"""Every way to step by its name; each yields its steps from careful to bold."""


def _average(
    examples: AdapterExamples,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the asked queries, their weight and the weighted mean of their positives."""
    asked, row = np.unique(examples.query, return_inverse=True)
    weight = np.bincount(row, examples.weight).astype(np.float64)
    total = np.zeros((asked.size, examples.dimension))
    weighted = examples.documents[examples.positive] * examples.weight[:, None]
    np.add.at(total, row, weighted)
    return asked, weight, total / weight[:, None]
