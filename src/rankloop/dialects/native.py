"""Our own format: NDJSON of searches and interactions, as they are sent over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rankloop.dialects.statements import read_statement
from rankloop.dialects.translation import Translated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from rankloop.dialects.translation import Engine


class NativeTranslator:
    """Lines that need no translation."""

    pointers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def translate(self, lines: pa.Table) -> Iterator[Translated]:
        """Hand the lines on as they are."""
        self._engine.lend("import_lines", lines)
        self._engine.execute(read_statement("dialects", "native_seeds").text)
        yield Translated()

    def finish(self) -> Iterator[Translated]:
        """Nothing waits for the end of the file."""
        yield from ()
