"""The tab-separated click log of the Yandex challenges.

A list is `session, time, Q, query, region, documents…`, a click `session, time, C, document`; rows
may be padded with empty columns. Time has no unit and no zero: it counts as milliseconds since
the session's first line, and every session begins at one moment that the caller chooses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rankloop.dialects.statements import read_statement
from rankloop.dialects.translation import LineRejection, Translated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from rankloop.dialects.translation import Engine


class YandexTranslator:
    """Lists and clicks of a Yandex log.

    Args:
        engine: Where lines are transformed.
        start_us: When every session begins, microseconds UTC.
    """

    pointers: ClassVar[Mapping[str, str]] = {
        "/session_id": "/session",
        "/timestamp": "/time",
        "/tags/*": "/region",
        "/feature_id": "/document",
        "/results/*/document_id": "/document/*",
    }

    def __init__(self, engine: Engine, start_us: int) -> None:
        self._engine = engine
        self._start_us = start_us
        self._run("yandex_sessions")

    def translate(self, lines: pa.Table) -> Iterator[Translated]:
        """Translate a block; sessions may go on in the next one."""
        self._engine.lend("import_block", lines)
        for name in ("yandex_records", "yandex_sessions_more", "yandex_lines", "yandex_seeds"):
            self._run(name)
        refused = self._run("yandex_refused")
        yield Translated([LineRejection(**row) for row in refused.to_pylist()])

    def finish(self) -> Iterator[Translated]:
        """Nothing waits for the end of the file."""
        yield from ()

    def _run(self, name: str) -> pa.Table:
        """Run one statement."""
        statement = read_statement("dialects", name)
        return self._engine.execute(statement.text, statement.pick({"start_us": self._start_us}))
