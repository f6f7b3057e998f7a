"""The fast lane's conditions as parameters of its SQL: the limits of `events`, written once."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from rankloop.events.identity import PSEUDONYM_PREFIX
from rankloop.events.limits import (
    EARLIEST_AT_US,
    MAX_AHEAD_US,
    MAX_DOCUMENT_ID_CHARACTERS,
    MAX_DURATION_MS,
    MAX_IDENTIFIER_CHARACTERS,
    MAX_METADATA_BYTES,
    MAX_POSITION,
    MAX_QUERY_CHARACTERS,
    MAX_RESULTS,
    MAX_TAGS,
    MAX_TYPES_PER_INTERACTION,
)
from rankloop.events.queries import NORMALIZATION_VERSION
from rankloop.events.types import CUSTOM_BIT, SIGNAL_BITS, needs_document

if TYPE_CHECKING:
    from collections.abc import Collection

    from rankloop.store.base import Value

_QUOTES: Final = 2
_SHA256_BLOCK: Final = 64
_NO_QUOTE: Final = r"[!#-\[\]-~]"
"""Printable ASCII without the space, the quote and the backslash."""

_IDENTIFIER: Final = f'"{_NO_QUOTE}+"'
_NUMBER: Final = r"-?[0-9]{1,17}(?:\.[0-9]{1,17})?(?:e-?[0-9]{1,2})?"
_PROBABILITY: Final = r"(?:0\.[0-9]*[1-9][0-9]*|1|1\.0)"
_MOMENT: Final = r'"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|\+00:00)"'
_RESULT: Final = (
    rf'\{{"document_id":{_IDENTIFIER}(?:,"score":(?:null|{_NUMBER}))?'
    rf'(?:,"logging_probability":(?:null|{_PROBABILITY}))?\}}'
)
_ODD_METADATA: Final = r".\{|[0-9][eE][-+0-9]|[0-9]{16}|\\u|NaN|Infinity|0\.0000"
"""Objects within, and whatever two writers of JSON might write differently."""


@dataclass(frozen=True, slots=True)
class ImportContext:
    """What holds for all rows of one import."""

    source: str
    """The format, as rows name their source."""

    retriever_id: str | None
    """Where rows belong that name no retriever."""

    received_at: int
    """When the import began, microseconds UTC."""

    secret: bytes | None
    """Key of the pseudonyms; None where user ids are kept as they are."""


def build_rules(context: ImportContext) -> dict[str, Value]:
    """Write the conditions that do not change while a file is read."""
    inner_pad, outer_pad = _to_pads(context.secret)
    return {
        "received_at": context.received_at,
        "latest_at": context.received_at + MAX_AHEAD_US,
        "earliest_at": EARLIEST_AT_US,
        "source": context.source,
        "retriever_id": context.retriever_id,
        "identifier": _IDENTIFIER,
        "identifiers": f"(?:{_IDENTIFIER})*",
        "moment": _MOMENT,
        "odd_metadata": _ODD_METADATA,
        "plain_query": "[!-~]+(?: [!-~]+)*",
        "tags": rf"\[{_IDENTIFIER}(?:,{_IDENTIFIER}){{0,{MAX_TAGS - 1}}}\]",
        "results": rf"\[(?:{_RESULT}(?:,{_RESULT})*)?\]",
        "pseudonym": f'"{PSEUDONYM_PREFIX}',
        "key_version": NORMALIZATION_VERSION,
        "most_identifier": MAX_IDENTIFIER_CHARACTERS + _QUOTES,
        "most_document": MAX_DOCUMENT_ID_CHARACTERS + _QUOTES,
        "most_query": MAX_QUERY_CHARACTERS + _QUOTES,
        "most_metadata": MAX_METADATA_BYTES,
        "most_position": MAX_POSITION,
        "most_results": MAX_RESULTS,
        "most_duration_ms": MAX_DURATION_MS,
        "inner_pad": inner_pad,
        "outer_pad": outer_pad,
        "type_names": list(SIGNAL_BITS),
        "type_masks": [1 << bit for bit in SIGNAL_BITS.values()],
        "custom_mask": 1 << CUSTOM_BIT,
        "document_mask": sum(1 << bit for bit in SIGNAL_BITS.values() if needs_document(1 << bit)),
    }


def write_types_pattern(custom: Collection[str]) -> str:
    """Write what an interaction's types may be: known ones, and custom ones admitted before.

    Args:
        custom: Names of word characters, so that they stand for themselves in a pattern.
    """
    name = '"(?:' + "|".join([*SIGNAL_BITS, *sorted(custom)]) + ')"'
    return rf"{name}|\[{name}(?:,{name}){{0,{MAX_TYPES_PER_INTERACTION - 1}}}\]"


def _to_pads(secret: bytes | None) -> tuple[str, str]:
    """Return HMAC-SHA256's inner and outer key blocks in hexadecimal; empty without a secret.

    Source:
        RFC 2104, section 2.
    """
    if secret is None:
        return "", ""
    key = sha256(secret).digest() if len(secret) > _SHA256_BLOCK else secret
    block = key.ljust(_SHA256_BLOCK, b"\0")
    return bytes(byte ^ 0x36 for byte in block).hex(), bytes(byte ^ 0x5C for byte in block).hex()
