"""How other search engines are asked, and where in their answers things stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
import numpy as np

from rankloop.errors import AnswerError
from rankloop.events.limits import MAX_DOCUMENT_ID_CHARACTERS
from rankloop.stages.base import Candidates
from rankloop.stages.fusion import discount_ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray


class Mapped(msgspec.Struct, frozen=True, kw_only=True):
    """How an engine is asked, and where in its answer things stand."""

    method: Literal["GET", "POST"] = "POST"
    params: dict[str, Any] = {}
    body: Any = None
    hits: str = "hits"
    id: str = "id"
    score: str = "score"
    fields: str = ""
    most: int | None = None
    """Most documents that the engine gives at once."""


def _map_opensearch(search_fields: Sequence[str]) -> Mapped:
    """Map OpenSearch and Elasticsearch: a search over fields, all of them if none is named."""
    match = {
        "query": "{{query}}",
        "fields": list(search_fields) or ["*"],
        "lenient": True,
    }
    return Mapped(
        body={"query": {"multi_match": match}, "size": "{{limit}}", "from": "{{offset}}"},
        hits="hits.hits",
        id="_id",
        score="_score",
        fields="_source",
        most=10_000,
    )


def _map_typesense(search_fields: Sequence[str]) -> Mapped:
    """Map Typesense: a search over fields, which it must be told."""
    return Mapped(
        method="GET",
        params={
            "q": "{{query}}",
            "query_by": ",".join(search_fields),
            "limit": "{{limit}}",
            "offset": "{{offset}}",
        },
        hits="hits",
        id="document.id",
        score="text_match",
        fields="document",
        most=250,
    )


PRESETS: Final[dict[str, Callable[[Sequence[str]], Mapped]]] = {
    "opensearch": _map_opensearch,
    "elasticsearch": _map_opensearch,
    "typesense": _map_typesense,
}
"""Engines whose mapping is known, by name."""


def read_hits(answer: object, mapped: Mapped) -> Candidates:
    """Read candidates out of an engine's answer, in its order.

    Scores count where every hit has one and they fall along the list; else ranks do, discounted
    as in DCG. A document that stands twice counts where it stands first.

    Raises:
        AnswerError: There is no list of hits, or a hit has no id.

    Example:
        >>> answer = {"hits": [{"id": "a", "score": 2.5, "brand": "x"}, {"id": 7, "score": 1}]}
        >>> read_hits(answer, Mapped()).document_ids
        ('a', '7')
    """
    hits = _follow(answer, mapped.hits)
    if not isinstance(hits, list):
        raise AnswerError("the search engine's answer has no list of hits", where=mapped.hits)
    scores: dict[str, object] = {}
    payloads: dict[str, Mapping[str, Any]] = {}
    for hit in hits:
        document_id = _read_id(_follow(hit, mapped.id), mapped.id)
        if document_id in scores:
            continue
        scores[document_id] = _follow(hit, mapped.score)
        fields = _follow(hit, mapped.fields)
        if isinstance(fields, dict):
            payloads[document_id] = fields
    return Candidates(tuple(scores), _to_scores(list(scores.values())), payloads)


def _to_scores(given: list[object]) -> NDArray[np.float64]:
    """Use an engine's scores where they order its list, the discount of the rank where not."""
    if all(isinstance(one, int | float) and not isinstance(one, bool) for one in given):
        scores = np.array(given, dtype=np.float64)
        if np.isfinite(scores).all() and (np.diff(scores) <= 0).all():
            return scores
    return discount_ranks(len(given))


def _read_id(value: object, path: str) -> str:
    """Read the id of a hit: a text, or a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_DOCUMENT_ID_CHARACTERS:
        raise AnswerError("a hit of the search engine has no document id", where=path)
    return value


def _follow(value: object, path: str) -> object:
    """Go along dotted names; None where one is missing."""
    for step in path.split(".") if path else ():
        value = value.get(step) if isinstance(value, dict) else None
    return value
