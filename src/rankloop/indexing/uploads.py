"""Uploads: items of many documents, each read and judged by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta

from rankloop.errors import InputError
from rankloop.events.identity import is_identifier
from rankloop.events.limits import MAX_DOCUMENT_ID_CHARACTERS
from rankloop.events.refusals import RefusedError, escape_step, from_decoding
from rankloop.events.verdicts import Rejection
from rankloop.indexing.base import Document
from rankloop.indexing.vectors import to_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

MAX_UPLOAD_BYTES: Final = 64 * 1024 * 1024
"""Most bytes of one upload."""

MAX_TEXT_CHARACTERS: Final = 1_000_000
"""Most characters of the text of one document."""

MAX_PAYLOAD_BYTES: Final = 64 * 1024
"""Most bytes of the fields of one document, as JSON."""

Item = bytes | msgspec.Raw


class DocumentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One document as it is sent: a text or fields, a vector, or both."""

    document_id: str
    """Its name, 1 to 512 printable characters without spaces; an address will do."""
    text: str | None = None
    """What is searched."""
    fields: dict[str, Any] | None = None
    """Named texts, searched in this order, and shown and filtered like the payload."""
    vector: list[float] | None = None
    """Its place in the space of meaning; the retriever's embedder makes one where it is absent."""
    payload: dict[str, Any] | None = None
    """What filters read and answers show."""


class UploadVerdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of an upload: accepted + duplicate + rejected = sent."""

    accepted: int
    duplicate: int
    """Items overtaken by a later one of the same upload with the same name: the last counts."""
    rejected: Annotated[list[Rejection], Meta(description="In the order sent.")]
    duplicates: list[int] = []
    """Places in the upload of the duplicates; left out where there are none."""


@dataclass(frozen=True, slots=True)
class SentDocument:
    """An item that can be taken.

    Attributes:
        index: Its place in the upload.
        document: What is to be stored.
    """

    index: int
    document: Document


@dataclass(frozen=True, slots=True)
class Names:
    """The names in an upload.

    Attributes:
        duplicates: Places of items that a later one overtakes.
        rest: Places of the others, ascending.
    """

    duplicates: list[int]
    rest: list[int]


class _Name(msgspec.Struct):
    document_id: str | None = None


_decode_name: Final = msgspec.json.Decoder(_Name).decode
_decode_body: Final = msgspec.json.Decoder(DocumentBody).decode


def read_names(items: Sequence[Item]) -> Names:
    """Tell which items of an upload are overtaken by a later one of the same name.

    Example:
        >>> read_names([b'{"document_id": "a"}', b'{"document_id": "a"}', b"?"]).duplicates
        [0]
    """
    last: dict[str, int] = {}
    duplicates: list[int] = []
    for index, item in enumerate(items):
        try:
            name = _decode_name(item).document_id
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue  # It is judged, and refused, when it is read whole.
        if name is None:
            continue
        if name in last:
            duplicates.append(last[name])
        last[name] = index
    overtaken = set(duplicates)
    rest = [index for index in range(len(items)) if index not in overtaken]
    return Names(sorted(duplicates), rest)


def read_document(item: Item, dimension: int | None) -> Document:
    """Read one item of an upload.

    Args:
        item: Its JSON.
        dimension: Length of the index's vectors; None for any.

    Raises:
        RefusedError: It breaks a rule.

    Example:
        >>> read_document(b'{"document_id": "d1", "fields": {"title": "Red", "price": 3}}', None)
        Document(document_id='d1', text='Red', vector=None, payload={'title': 'Red', 'price': 3})
    """
    try:
        body = _decode_body(item)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise from_decoding(error) from error
    if not is_identifier(body.document_id, MAX_DOCUMENT_ID_CHARACTERS):
        raise RefusedError(
            "invalid_identifier",
            "/document_id",
            f"must be 1 to {MAX_DOCUMENT_ID_CHARACTERS} printable characters without spaces",
        )
    text = _read_text(body)
    vector = None if body.vector is None else _read_vector(body.vector, dimension)
    if not text and vector is None:
        raise RefusedError("missing_field", "/text", "a text, fields or a vector is needed")
    return Document(body.document_id, text, vector, _read_payload(body))


def _read_text(body: DocumentBody) -> str:
    """Return what is searched: the text, or the texts among the fields."""
    if body.text is not None and body.fields is not None:
        raise RefusedError("contradiction", "/text", "give a text or fields, not both")
    text = body.text or ""
    if body.fields is not None:
        parts: list[str] = []
        for value in body.fields.values():
            values = value if isinstance(value, list) else [value]
            parts += [one for one in values if isinstance(one, str) and one]
        text = "\n".join(parts)
    if len(text) > MAX_TEXT_CHARACTERS:
        where = "/text" if body.fields is None else "/fields"
        raise RefusedError(
            "too_large", where, f"at most {MAX_TEXT_CHARACTERS:,} characters of text"
        )
    return text


def _read_vector(vector: list[float], dimension: int | None) -> NDArray[np.float32]:
    try:
        return to_unit(vector, dimension, "/vector")
    except InputError as error:
        is_long = dimension is not None and len(vector) != dimension
        code = "wrong_dimension" if is_long else "out_of_range"
        raise RefusedError(code, error.where, str(error)) from error


def _read_payload(body: DocumentBody) -> dict[str, Any]:
    """Return the payload with the fields in it."""
    payload = body.payload or {}
    if body.fields:
        for name in body.fields:
            if name in payload:
                pointer = f"/payload/{escape_step(name)}"
                raise RefusedError("contradiction", pointer, f"{name!r} is among the fields too")
        payload = {**body.fields, **payload}
    # The texts of fields are searched as they are, and bounded as texts.
    if body.payload and len(msgspec.json.encode(body.payload)) > MAX_PAYLOAD_BYTES:
        raise RefusedError("too_large", "/payload", f"at most {MAX_PAYLOAD_BYTES:,} bytes as JSON")
    return payload
