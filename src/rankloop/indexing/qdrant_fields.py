r"""How a document stands in a Qdrant shard, and its fields in the form that filters read.

A point is `{"d": name, "t": text, "j": payload as JSON, "f": fields}`. The fields are the payload
bent so that Qdrant answers filters the way `filter_matching` does: Qdrant takes `true` for 1, calls
`[null]` a value, and keeps whole texts where equality is all that is asked.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec
import qdrant_edge

from rankloop.errors import InputError
from rankloop.events.refusals import escape_step

if TYPE_CHECKING:
    from rankloop.indexing.base import Document

NAME: Final = "d"
TEXT: Final = "t"
JSON: Final = "j"
FIELDS: Final = "f"
DENSE: Final = "dense"

MAX_INDEXED_FIELDS: Final = 64
"""Most fields of one index that have an index of their own; others are filtered by looking."""

MAX_DEPTH: Final = 32
"""Deepest nesting of a payload."""

_LONG_TEXT: Final = 256
_PLAIN_STEP: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_TRUTHS: Final = {True: "\x00true", False: "\x00false"}

Schema = qdrant_edge.PayloadSchemaType
Kind = str


def to_point_payload(document: Document) -> dict[str, Any]:
    """Write a document as the payload of its point.

    Raises:
        InputError: A number is not finite, or the payload nests too deeply.
    """
    return {
        NAME: document.document_id,
        TEXT: document.text,
        JSON: msgspec.json.encode(document.payload).decode(),
        FIELDS: _to_field(document.payload, "/payload", 0),
    }


def read_payload(point_payload: Mapping[str, Any]) -> dict[str, Any]:
    """Read the payload of a document off its point, as it was sent."""
    payload: dict[str, Any] = msgspec.json.decode(point_payload[JSON])
    return payload


def to_value(value: str | bool) -> str:
    r"""Write a text or a truth value as it stands among the fields.

    Truth values become texts that no other text becomes; long texts become their hash.

    Example:
        >>> to_value("red"), to_value(True)
        ('red', '\x00true')
    """
    if isinstance(value, bool):
        return _TRUTHS[value]
    if len(value) > _LONG_TEXT:
        return "\x01" + hashlib.blake2b(value.encode(), digest_size=16).hexdigest()
    return "\x02" + value if value[:1] in ("\x00", "\x01", "\x02") else value


def to_path(field: str) -> str | None:
    """Write a dotted field as a path of Qdrant; None where it cannot be written.

    Example:
        >>> to_path("stock.new york"), to_path("bad]name")
        ('f.stock."new york"', None)
    """
    steps = [FIELDS]
    for step in field.split("."):
        if _PLAIN_STEP.fullmatch(step):
            steps.append(step)
        elif not set(step) & set('"\\[]'):
            steps.append(f'"{step}"')
        else:
            return None
    return ".".join(steps)


def iter_fields(document: Document) -> list[tuple[str, str]]:
    """List the fields that filters may ask for, dotted, with what they hold: text or number."""
    found: list[tuple[str, str]] = []
    _collect(document.payload, "", found)
    return found


def to_schema(kind: str) -> qdrant_edge.KeywordIndexParams | qdrant_edge.FloatIndexParams:
    """Say how a field that holds texts or numbers is indexed.

    Without links of its own in the graph of vectors: these double the time to build it.
    """
    if kind == "number":
        return qdrant_edge.FloatIndexParams(enable_hnsw=False)
    return qdrant_edge.KeywordIndexParams(enable_hnsw=False)


def _collect(value: Any, field: str, found: list[tuple[str, str]]) -> None:  # noqa: ANN401 JSON
    """Walk down objects and note what their leaves hold."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key and "." not in key:
                _collect(inner, f"{field}.{key}" if field else key, found)
        return
    first = next(iter(value), None) if isinstance(value, list | tuple) else value
    if isinstance(first, bool | str):
        found.append((field, "text"))
    elif isinstance(first, int | float):
        found.append((field, "number"))


def _to_field(value: Any, where: str, depth: int) -> Any:  # noqa: ANN401 JSON
    """Bend a value of the payload into the form that filters read."""
    if depth > MAX_DEPTH:
        raise InputError(f"a payload nests at most {MAX_DEPTH} levels", where=where)
    if isinstance(value, bool | str):
        return to_value(value)
    if isinstance(value, int | float):
        return _to_number(value, where)
    if isinstance(value, Mapping):
        return {
            key: _to_field(inner, f"{where}/{escape_step(key)}", depth + 1)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [
            _to_field(inner, f"{where}/{index}", depth + 1)
            for index, inner in enumerate(value)
            if inner is not None
        ]
    return None


def _to_number(value: float, where: str) -> float:
    """Write a number as Qdrant compares it."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InputError("a number must be finite and of at most 64 bits", where=where)
    return number
