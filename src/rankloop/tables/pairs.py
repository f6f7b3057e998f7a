"""Training pairs as they are handed over, and what became of the candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from rankloop.tables.frames import to_arrow, to_pandas
from rankloop.tables.records import Record
from rankloop.tables.windows import InsightsWindow

if TYPE_CHECKING:
    from collections.abc import Iterator

Evidence = Literal["corrected", "uncorrected"]
"""Whether position was taken out of the clicks that a positive rests on."""

COLUMNS: Final = (
    "query",
    "positive_id",
    "positive",
    "negative_ids",
    "negatives",
    "weight",
    "evidence",
    "retriever_id",
)
"""Columns of a pair, in the order of files."""

RULES: Final[dict[str, str]] = {
    "few_people": "clicked by fewer people than asked for",
    "not_above_query": "not surely better than the query's mean and the log's",
    "disliked": "voted down, or judged irrelevant",
    "week_cap": "the query has enough pairs of that week",
    "query_cap": "the query has enough pairs",
    "few_looks": "looked at too rarely to say that it was passed over",
    "not_below_query": "not surely much worse than the query's best, or not worse than the log",
    "query_without_positive": "nothing to contrast with",
    "later_clicked": "clicked in the latest week as no negative is",
    "clicked_elsewhere": "clicked outside of the lists that were counted",
    "liked": "voted up, or judged relevant",
    "positive_of_similar_query": "a positive of a query that means the same",
    "similar_to_positive": "the same as one of the query's positives, or nearly",
    "score_margin": "a model scores it as high as a positive",
}
"""What each rule takes away."""


class Removal(Record, frozen=True):
    """How many candidates a rule took away."""

    rule: str
    """Its name; `RULES` says what it means."""

    removed: int
    """Candidates that no earlier rule had taken."""


class Need(Record, frozen=True):
    """How much of something there is, and how much training wants."""

    what: str
    """`queries`, `positives`, `searches`, `clicks` or `impressions_per_row`."""

    have: int
    """What there is."""

    need: int
    """What there should be."""

    searches_needed: int | None = None
    """How many more searches would bring it at the rate so far; null where none tells."""


class Yield(Record, frozen=True):
    """What became of a log on its way to pairs."""

    shown: int
    """(query, document) pairs that were shown or interacted with."""

    clicked: int
    """Of those, clicked: candidates for positives."""

    positives: int
    """Pairs handed over, corrected or not."""

    uncorrected: int
    """Of those, positives whose clicks still have position in them."""

    hard_negatives: int
    """Documents known to have been seen and passed over."""

    random_negatives: int
    """Documents that were never shown for the query, drawn by chance."""

    queries: int
    """Distinct queries among the pairs."""

    positive_removals: list[Removal]
    """What took candidates for positives away, in the order of the rules."""

    negative_removals: list[Removal]
    """What took candidates for hard negatives away, in the order of the rules."""

    needs: list[Need]
    """Where there is less than training wants; empty where there is enough."""

    advice: Literal["more_data", "adapter", "encoder"]
    """What so many pairs are good for: nothing yet, a query adapter, or a whole encoder."""

    propensities: str
    """Whether position could be taken out: `identified`, `weak` or `not_identifiable`."""

    clustered_by: str | None
    """Whom `min_interactions` counted: user, session, search, or mixed; null without clicks."""

    missing: list[str]
    """What the log lacks: `searches`, `clicks`, `propensities`, `texts`."""

    guards: list[str] = msgspec.field(default_factory=list)
    """What the index had to keep false negatives out by, of `document_vectors`,
    `document_groups`, `query_vectors` and `scores`."""


class Pair(Record, frozen=True):
    """A query, a document that serves it, and documents that do not."""

    query: str
    """Its text."""

    positive_id: str
    """The document that serves it."""

    positive: str | None
    """Its text; null where no index holds it."""

    negative_ids: list[str]
    """Documents that do not: those passed over first, then those drawn by chance."""

    negatives: list[str | None]
    """Their texts."""

    weight: float
    """How much of its label the pair's own clicks say, in (0, 1)."""

    evidence: Evidence
    """Whether position was taken out."""

    retriever_id: str
    """Whose lists it comes from."""


class QueryDocumentPairs(Record, frozen=True):
    """Training pairs of one retriever; iterate for one pair each.

    Example:
        >>> pair = Pair("blue shoes", "d1", None, [], [], 0.5, "corrected", "products")
        >>> pair.to_dict()["positive_id"]
        'd1'
    """

    retriever_id: str
    """Whose lists they come from."""

    window: InsightsWindow
    """From when to when the log was read."""

    min_interactions: int
    """Distinct people who had to click a positive."""

    rows: list[Pair]
    """The pairs, by query and positive."""

    yields: Yield
    """What became of the candidates, and what is missing."""

    versions: dict[str, str] = msgspec.field(default_factory=dict)
    """What made them: program, query normalization, rules of attribution, propensities."""

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.rows)

    def __iter__(self) -> Iterator[Pair]:
        """Yield the pairs."""
        return iter(self.rows)

    def to_arrow(self) -> Any:  # noqa: ANN401 a library that this package does without
        """Return a `pyarrow.Table` of the pairs."""
        return to_arrow([row.to_dict() for row in self.rows], COLUMNS)

    def to_pandas(self) -> Any:  # noqa: ANN401 a library that this package does without
        """Return a `pandas.DataFrame` of the pairs."""
        return to_pandas([row.to_dict() for row in self.rows], COLUMNS)
