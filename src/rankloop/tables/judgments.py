"""Judgments as they are handed over: how relevant a document is for a query, and who says so."""

from __future__ import annotations

from typing import Final

from rankloop.tables.records import Record

MAX_RELEVANCE: Final = 4
"""The best grade; the scale of web search since TREC: 0 irrelevant to 4 perfect."""

COLUMNS: Final = (
    "query",
    "query_key",
    "document_id",
    "relevance",
    "score",
    "weight",
    "source",
    "looks",
    "clicks",
    "retriever_id",
)
"""Columns of a judgment, in the order of files."""


class Judgment(Record, frozen=True):
    """How relevant one document is for one query."""

    query: str
    """Its text; empty where only its key is known."""

    query_key: str
    """The information need."""

    document_id: str
    """The document."""

    relevance: int
    """From 0 to 4."""

    score: float
    """The same before it was rounded, in [0, 1]."""

    weight: float
    """How much of it is evidence about this pair, in [0, 1]."""

    source: str
    """Who says so: `clicks`, `votes`, the name of an imported source, or several joined by `+`."""

    looks: float
    """How often the document would have been looked at, in looks at position 0."""

    clicks: int
    """How often it was clicked in these."""

    retriever_id: str
    """Whose lists it comes from."""


class ImportedJudgment(Record, frozen=True):
    """One judgment of a file, on the scale of its file."""

    query: str
    """Text of the query, or its key where the file has no texts."""

    document_id: str
    """The document."""

    rating: float
    """0 or more."""
