"""SQL of the file import: one statement a file, with named parameters."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

Value = TypeVar("Value")

_COMMENT = re.compile(r"--[^\n]*")
_PARAMETER = re.compile(r"\$(\w+)")


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement as its file holds it."""

    text: str
    """What the engine runs."""

    parameters: frozenset[str]
    """Names that stand in it as `$name`."""

    def pick(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """Choose the parameters that the statement names; the engine takes no others."""
        return {name: values[name] for name in self.parameters}


@functools.cache
def read_statement(room: str, name: str) -> Statement:
    """Read one statement.

    Args:
        room: The room that owns it, such as `dialects`.
        name: The file's name in the room's `sql` folder, without its ending.

    Example:
        >>> sorted(read_statement("dialects", "yandex_lines").parameters)
        ['start_us']
    """
    file = resources.files(f"rankloop.{room}") / "sql" / f"{name}.sql"
    text = file.read_text("utf-8")
    return Statement(text, frozenset(_PARAMETER.findall(_COMMENT.sub("", text))))
