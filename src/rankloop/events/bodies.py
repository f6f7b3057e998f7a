"""Events as clients write them: the JSON bodies of the capture calls, decoded in one step."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from rankloop.events.limits import (
    MAX_DOCUMENT_ID_CHARACTERS,
    MAX_IDENTIFIER_CHARACTERS,
    MAX_POSITION,
    MAX_QUERY_CHARACTERS,
    MAX_VALUE,
)

Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_IDENTIFIER_CHARACTERS)]
DocumentId = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_DOCUMENT_ID_CHARACTERS)]
QueryText = Annotated[str, msgspec.Meta(max_length=MAX_QUERY_CHARACTERS)]
Position = Annotated[int, msgspec.Meta(ge=0, le=MAX_POSITION)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class InteractionBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One interaction as sent; `document_id` and `execution_id` are aliases."""

    feature_id: DocumentId | None = None
    interaction_type: str | list[str] | None = None
    position: Position | None = None
    metadata: dict[str, Any] | None = None
    user_id: Identifier | None = None
    session_id: Identifier | None = None
    search_id: Identifier | None = None
    retriever_id: Identifier | None = None
    interaction_id: Identifier | None = None
    timestamp: Moment | None = None
    value: Annotated[float, msgspec.Meta(ge=-MAX_VALUE, le=MAX_VALUE)] | None = None
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] | None = None
    document_id: DocumentId | None = None
    execution_id: Identifier | None = None


class ResultBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One document of a list, in shown order."""

    document_id: DocumentId
    score: float | None = None
    logging_probability: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None


class SearchBody(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One ranked list as sent; an empty `results` found nothing, an absent one is unknown."""

    query: QueryText | None = None
    retriever_id: Identifier | None = None
    search_id: Identifier | None = None
    timestamp: Moment | None = None
    user_id: Identifier | None = None
    session_id: Identifier | None = None
    filters: dict[str, Any] | None = None
    offset: Position = 0
    total: Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None = None
    surface: Identifier | None = None
    device: Identifier | None = None
    actor: Annotated[str, msgspec.Meta(pattern="^(human|agent|judge|robot)$")] | None = None
    pipeline_version: Identifier | None = None
    variant: Identifier | None = None
    tags: list[Identifier] | None = None
    latency_ms: Annotated[float, msgspec.Meta(ge=0, le=1e9)] | None = None
    results: list[ResultBody] | None = None
    execution_id: Identifier | None = None
