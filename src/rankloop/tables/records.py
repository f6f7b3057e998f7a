"""What every record of an answer can do."""

from __future__ import annotations

from typing import Any

import msgspec


class Record(msgspec.Struct, frozen=True):
    """A record with named fields that turns into plain data.

    Example:
        >>> class Count(Record, frozen=True):
        ...     clicks: int
        >>> Count(3).to_dict()
        {'clicks': 3}
    """

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain data, as the JSON answer has them."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain
