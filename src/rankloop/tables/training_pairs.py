"""Training pairs as they are sent: what `Pair` has, and less where that is all there is."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from rankloop.tables.records import Record

MAX_TEXT: Final = 1_000_000
"""Most characters of one text."""

Query = Annotated[str, Meta(min_length=1, max_length=4_096)]
DocumentId = Annotated[str, Meta(min_length=1, max_length=512)]
DocumentText = Annotated[str, Meta(max_length=MAX_TEXT)]


class TrainingPair(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A query, a document that serves it, and documents that do not.

    A document has a name, by which the retriever's index knows it, a text, or both.

    Example:
        >>> pair = TrainingPair(query="blue shoes", positive="Blue suede shoes, size 9")
        >>> pair.weight, pair.negatives
        (1.0, [])
    """

    query: Query
    """Its text."""

    positive_id: DocumentId | None = None
    """The document that serves it."""

    positive: DocumentText | None = None
    """Its text."""

    negative_ids: list[DocumentId] = msgspec.field(default_factory=list)
    """Documents that do not."""

    negatives: list[DocumentText | None] = msgspec.field(default_factory=list)
    """Their texts, in the order of `negative_ids` where there are any."""

    weight: Annotated[float, Meta(gt=0)] = 1.0
    """What the pair counts for, above 0."""

    evidence: str = "corrected"
    """What it rests on."""

    retriever_id: str | None = None
    """Whose lists it comes from."""
