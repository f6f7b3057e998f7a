"""What a foreign file format has to do: turn its records into lines of our wire form.

A translator refuses nothing that the law can refuse: what it cannot translate it passes on as it
is, and the law says what is wrong. So one law governs every format.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class LineRejection:
    """Why one record was not taken."""

    line: int
    """Number of the record's line in its file, from 1."""

    code: str
    """Stable machine name in snake_case."""

    pointer: str
    """JSON pointer into the record, or `/` and the name of a column."""

    detail: str
    """What is wrong, in the file's words."""


@dataclass(frozen=True, slots=True)
class Translated:
    """One portion of a file, ready in the tables `import_lines` and `import_seeds`."""

    rejections: Sequence[LineRejection] = ()
    """Records that are no lines of the wire form at all."""

    is_weighed: bool = False
    """Whether a line may stand for several records; `import_weights` (`n`, `n_records`) says."""

    is_placed: bool = False
    """Whether lists have gaps; `import_places` (`n`, `place`, `position`) says where."""

    notes: Sequence[str] = field(default=())
    """What was found out about the file, one sentence each."""


class Engine(Protocol):
    """The SQL engine that a file is transformed in."""

    def execute(self, statement: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """Run one statement; make only TEMP tables."""
        ...

    def lend(self, name: str, rows: pa.Table) -> None:
        """Let statements read rows from outside by this name."""
        ...


class Translator(Protocol):
    """One foreign format.

    Every portion it yields stands in two relations: `import_lines` (`n`, `body`), the records in
    our wire form, and `import_seeds` (`n`, `seed`), the text that names a record without an
    identifier.
    """

    pointers: ClassVar[Mapping[str, str]]
    """Pointers of the wire form by what they are called in the foreign one."""

    def translate(self, lines: pa.Table) -> Iterator[Translated]:
        """Translate a block of lines (`n`, `body` with its line end)."""
        ...

    def finish(self) -> Iterator[Translated]:
        """Translate what had to wait for the end of the file."""
        ...


def rename_pointer(pointer: str, names: Mapping[str, str]) -> str:
    """Say a pointer of the wire form in the words of the foreign one.

    Example:
        >>> rename_pointer("/results/3/document_id", {"/results/*/document_id": "/hits/*"})
        '/hits/3'
        >>> rename_pointer("/query", {})
        '/query'
    """
    steps = pointer.split("/")
    numbers = [step for step in steps if step.isdecimal()]
    pattern = "/".join("*" if step.isdecimal() else step for step in steps)
    renamed = names.get(pattern)
    if renamed is None:
        return pointer
    for number in numbers:
        renamed = renamed.replace("*", number, 1)
    return renamed
