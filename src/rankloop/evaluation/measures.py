"""Measures of rankings, by the names people write: nDCG@10, RR, P@5, R@100, AP, Judged@10.

`ir-measures` reads the names and asks the programs that the field holds to be right, trec_eval
before all. Kept out is what would start another program or is not installed with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import ir_measures
import numpy as np
from ir_measures.providers import FallbackProvider

from rankloop.errors import InputError, NotEnoughDataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rankloop.evaluation.rankings import Judgments, Ranking

DEFAULT_MEASURES: Final = ("nDCG@10", "RR@10", "R@100", "Judged@10")
"""What is measured where nothing else is asked for."""

# ir-measures has a mark that it is typed, and classes that are not.
_build_fallback: Final[Any] = FallbackProvider
_PROVIDERS: Final[Any] = _build_fallback(
    [ir_measures.pytrec_eval, ir_measures.msmarco, ir_measures.judged]
)

_NO_MEASURE: Final = (AssertionError, AttributeError, KeyError, NameError, TypeError, ValueError)
"""What ir-measures raises for a name that it cannot read."""


@dataclass(frozen=True, slots=True)
class Scores:
    """One system's values, query by query.

    Attributes:
        query_keys: `[n_queries]` texts, every judged query, ascending.
        values: By measure as it was asked for, `[n_queries]` float64.
    """

    query_keys: tuple[str, ...]
    values: dict[str, NDArray[np.float64]]

    def means(self) -> dict[str, float]:
        """Return the mean over queries of each measure."""
        return {name: float(values.mean()) for name, values in self.values.items()}


def check_measures(names: Sequence[str]) -> dict[str, ir_measures.Measure]:
    """Read measures' names.

    Raises:
        InputError: A name is no measure, or one that is not computed here.

    Example:
        >>> {name: str(measure) for name, measure in check_measures(["MRR@10", "P@5"]).items()}
        {'MRR@10': 'RR@10', 'P@5': 'P@5'}
    """
    measures = {}
    for name in names:
        try:
            measure = ir_measures.parse_measure(name)
            is_known = _PROVIDERS.supports(measure)
        except _NO_MEASURE as error:
            raise InputError(
                f"{name!r} is not a measure",
                where="measures",
                hint="Write them like nDCG@10, RR, P@5, R@100 or AP.",
            ) from error
        if not is_known:
            raise InputError(
                f"{name!r} is not computed here",
                where="measures",
                hint="Known: nDCG, RR, P, R, AP, Success, Rprec, Bpref, Judged.",
            )
        measures[name] = measure
    return measures


def evaluate(
    judgments: Judgments, ranking: Ranking, measures: Sequence[str] = DEFAULT_MEASURES
) -> Scores:
    """Measure a ranking against judgments.

    Every judged query counts: one that the ranking leaves out has 0. Queries without judgments,
    and documents without one, count as nothing and as not relevant. The order is `position`'s: no
    scores are compared, so there are no ties. nDCG has gains equal to the relevance and discounts
    by log2(rank + 1); write `nDCG(gains={1:1,2:3,3:7,4:15})@10` for exponential gains.

    Args:
        judgments: How relevant documents are.
        ranking: Where they stand.
        measures: Names, such as `nDCG@10`.

    Raises:
        InputError: A name is no measure, or one that is not computed here.
        NotEnoughDataError: There are no judgments.

    Source: MacAvaney, Macdonald & Ounis, Streamlining Evaluation with ir-measures, ECIR 2022;
        Van Gysel & de Rijke, Pytrec_eval, SIGIR 2018.

    Example:
        >>> from rankloop.evaluation.rankings import Judgments, Ranking
        >>> q, documents = np.array(["q"] * 3), np.array(["a", "b", "c"])
        >>> judgments = Judgments(q, documents, np.array([3, 0, 2]))
        >>> evaluate(judgments, Ranking(q, documents, np.arange(3)), ["nDCG@3", "P@2"]).means()
        {'nDCG@3': 0.94, 'P@2': 0.5}
    """
    known = check_measures(measures)
    if not len(judgments):
        raise NotEnoughDataError("there are no judgments", hint="Import some, or learn labels.")
    qrels: dict[str, dict[str, int]] = {}
    for query, document, relevance in zip(
        judgments.query_key.tolist(),
        judgments.document_id.tolist(),
        judgments.relevance.tolist(),
        strict=True,
    ):
        qrels.setdefault(query, {})[document] = relevance
    run: dict[str, dict[str, float]] = {}
    for query, document, position in zip(
        ranking.query_key.tolist(),
        ranking.document_id.tolist(),
        ranking.position.tolist(),
        strict=True,
    ):
        if query in qrels:
            run.setdefault(query, {})[document] = -float(position)
    return _collect(qrels, run, known)


def _collect(
    qrels: dict[str, dict[str, int]],
    run: dict[str, dict[str, float]],
    measures: dict[str, ir_measures.Measure],
) -> Scores:
    """Ask for every value and put it into its query's place."""
    query_keys = tuple(sorted(qrels))
    places = {query: place for place, query in enumerate(query_keys)}
    found = {measure: np.zeros(len(query_keys)) for measure in measures.values()}
    if run:
        for metric in _PROVIDERS.iter_calc(list(found), qrels, run):
            found[metric.measure][places[metric.query_id]] = metric.value
    return Scores(query_keys, {name: found[measure] for name, measure in measures.items()})
