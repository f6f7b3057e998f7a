"""What only a simulation knows: how attractive each document is, and how production scores it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rankloop.bias.cells import Pairs
from rankloop.errors import SettingsError, TableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Truth:
    """A labeled set with its production ranker, as simulated people meet it.

    Attributes:
        pairs: The (query, document) pairs.
        attraction: `[n_pairs]` float64 in [0, 1], chance of a click if looked at.
        satisfaction: `[n_pairs]` float64 in [0, 1], chance that who clicked wants no more.
        score: `[n_pairs]` float64, what production ranks by, highest first.
        popularity: `[n_queries]` float64, share of the searches; sums to 1.
    """

    pairs: Pairs
    attraction: NDArray[np.float64]
    satisfaction: NDArray[np.float64]
    score: NDArray[np.float64]
    popularity: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name in ("attraction", "satisfaction"):
            values = getattr(self, name)
            if not bool(((values >= 0) & (values <= 1)).all()):
                raise TableError(f"{name} must be in [0, 1]", where=name)
        if not np.isclose(self.popularity.sum(), 1):
            raise TableError("popularity must sum to 1", where="popularity")


@dataclass(frozen=True, slots=True)
class TruthConfig:
    """Settings of a truth that is drawn: queries with their documents' attractions."""

    n_queries: int = 500
    """How many queries there are."""

    n_documents: int = 10
    """Documents of each query, all candidates for its list."""

    zipf: float = 0.8
    """Steepness of the queries' popularity: the one of rank r has a share like r^-zipf."""

    attraction: tuple[float, float] = (1.0, 6.0)
    """The two parameters of the Beta distribution that attractions come from."""

    satisfaction: tuple[float, float] = (2.0, 2.0)
    """The same for satisfactions."""

    error_sd: float = 0.1
    """Standard deviation of the ranker's lasting error: score = attraction + error."""

    def __post_init__(self) -> None:
        if self.n_queries < 1 or self.n_documents < 1:
            raise SettingsError("n_queries and n_documents must be at least 1")
        if min(*self.attraction, *self.satisfaction) <= 0:
            raise SettingsError("the parameters of a Beta distribution must be above 0")
        if self.zipf < 0 or self.error_sd < 0:
            raise SettingsError("zipf and error_sd must be 0 or more")


@dataclass(frozen=True, slots=True)
class GradeConfig:
    """How grades become chances."""

    noise: float = 0.1
    """Chance of a click on a result of grade 0 that is looked at, in [0, 1)."""

    max_grade: int = 4
    """The highest grade there can be."""

    def __post_init__(self) -> None:
        if not 0 <= self.noise < 1 or self.max_grade < 1:
            raise SettingsError("noise must be in [0, 1) and max_grade at least 1")


def to_attraction(
    grades: NDArray[np.int64], config: GradeConfig | None = None
) -> NDArray[np.float64]:
    """Turn grades into attractions: `e + (1 - e) (2^y - 1) / (2^ymax - 1)` for noise e and grade y.

    Args:
        grades: Whole numbers from 0 to `max_grade`, any shape.
        config: Noise and highest grade.

    Raises:
        TableError: A grade is out of range.

    Source: Joachims, Swaminathan & Schnabel, Unbiased Learning-to-Rank with Biased Feedback,
        WSDM 2017, section 6.1.

    Example:
        >>> to_attraction(np.array([0, 2, 4]), GradeConfig(noise=0.1)).round(2)
        array([0.1 , 0.28, 1.  ])
    """
    config = config or GradeConfig()
    grades = np.asarray(grades)
    if grades.size and not 0 <= grades.min() <= grades.max() <= config.max_grade:
        raise TableError(f"grades must be from 0 to {config.max_grade}", where="grades")
    gain = (2.0**grades - 1) / (2.0**config.max_grade - 1)
    return np.asarray(config.noise + (1 - config.noise) * gain, dtype=np.float64)


def build_truth(
    query: NDArray[np.int64],
    grades: NDArray[np.int64],
    score: NDArray[np.float64],
    config: GradeConfig | None = None,
    document_ids: Sequence[str] | None = None,
) -> Truth:
    """Put people of known taste before a labeled set; each query is asked equally often.

    Who clicked is satisfied in proportion to the grade's gain: attraction and satisfaction are the
    same number.

    Args:
        query: `[n_pairs]` int64, the query of each document, ascending from 0.
        grades: `[n_pairs]` int64, how relevant it is.
        score: `[n_pairs]` float64, what production ranks by.
        config: Noise and highest grade.
        document_ids: `[n_pairs]` names; numbered where they are left out.

    Raises:
        TableError: The arrays differ in length, queries are not ascending, or a grade is out of
            range.
    """
    query = np.asarray(query, dtype=np.int64)
    if not query.size == len(grades) == len(score):
        raise TableError("query, grades and score must have one entry per pair", where="query")
    if query.size == 0 or bool((np.diff(query) < 0).any()) or query[0] != 0:
        raise TableError("queries must be ascending from 0", where="query")
    n_queries = int(query[-1]) + 1
    attraction = to_attraction(grades, config)
    return Truth(
        pairs=_number_pairs(query, n_queries, document_ids),
        attraction=attraction,
        satisfaction=attraction.copy(),
        score=np.asarray(score, dtype=np.float64),
        popularity=np.full(n_queries, 1 / n_queries),
    )


def draw_truth(rng: np.random.Generator, config: TruthConfig | None = None) -> Truth:
    """Draw queries, documents and a ranker that errs.

    Example:
        >>> truth = draw_truth(np.random.default_rng(1), TruthConfig(n_queries=3, n_documents=2))
        >>> len(truth.pairs), truth.popularity.round(2)
        (6, array([0.5 , 0.29, 0.21]))
    """
    config = config or TruthConfig()
    n_pairs = config.n_queries * config.n_documents
    attraction = rng.beta(*config.attraction, n_pairs)
    popularity = np.arange(1, config.n_queries + 1, dtype=np.float64) ** -config.zipf
    query = np.repeat(np.arange(config.n_queries), config.n_documents)
    return Truth(
        pairs=_number_pairs(query, config.n_queries, None),
        attraction=attraction,
        satisfaction=rng.beta(*config.satisfaction, n_pairs),
        score=attraction + rng.normal(0, config.error_sd, n_pairs),
        popularity=popularity / popularity.sum(),
    )


def _number_pairs(
    query: NDArray[np.int64], n_queries: int, document_ids: Sequence[str] | None
) -> Pairs:
    """Name queries and documents so that their order is their number."""
    if document_ids is None:
        document_ids = [f"d{number:08d}" for number in range(query.size)]
    keys = np.array([f"q{number:07d}" for number in range(n_queries)], dtype=object)
    documents = np.array(document_ids, dtype=object)
    if documents.size != query.size:
        raise TableError("document_ids must have one entry per pair", where="document_ids")
    is_same_query = np.diff(query) == 0
    if not bool((documents[1:] > documents[:-1])[is_same_query].all()):
        raise TableError("document_ids must be ascending within a query", where="document_ids")
    return Pairs(query, keys, documents)
