"""What became of each item of a batch."""

from __future__ import annotations

import msgspec


class Rejection(msgspec.Struct, frozen=True):
    """Why one item was not taken.

    Attributes:
        index: Place of the item in the batch, from 0 (of the line, in a file).
        code: Stable machine name in snake_case.
        pointer: JSON pointer (RFC 6901) into the item; empty for the item as a whole.
        detail: What is wrong, in the sender's words.
    """

    index: int
    code: str
    pointer: str
    detail: str


class BatchVerdict(msgspec.Struct, frozen=True):
    """The answer to many: accepted + duplicate + rejected = sent."""

    accepted: int
    duplicate: int
    rejected: list[Rejection]
