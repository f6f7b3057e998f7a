"""Two lanes from lines to rows: SQL for what is surely valid, the law for everything else.

The fast lane accepts nothing that the law would refuse, and makes equal rows; a property test
holds the two together. It need not recognize everything that is valid.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pyarrow as pa

from rankloop.capture.fields import to_text
from rankloop.capture.file_rows import to_interactions, to_searches
from rankloop.capture.file_rules import build_rules, write_types_pattern
from rankloop.dialects.statements import read_statement
from rankloop.dialects.translation import LineRejection
from rankloop.events.limits import MAX_BODY_BYTES
from rankloop.events.queries import to_query_key
from rankloop.events.refusals import RefusedError, from_decoding
from rankloop.events.types import SIGNAL_BITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rankloop.capture.checks import Checker
    from rankloop.capture.file_rules import ImportContext
    from rankloop.events.verdicts import Rejection
    from rankloop.store.base import Staging

_SLOW_LINES: Final = 10_000
"""Lines that pass the slow lane at a time: their rows are objects and take room."""

_MOST_CUSTOM: Final = 256
"""Custom types that the fast lane learns from the law."""


class _Kind(msgspec.Struct):
    """The fields that tell a search from an interaction."""

    interaction_type: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    results: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    query: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    retriever_id: Any = None


class Lanes:
    """Turn lines of our wire form into the tables `import_interactions` and `import_searches`.

    Args:
        staging: Where the lines are, as `import_lines` (`n`, `body`), and the rows go.
        checker: The law.
        context: What holds for all rows of this import.
    """

    def __init__(self, staging: Staging, checker: Checker, context: ImportContext) -> None:
        self._staging = staging
        self._checker = checker
        self._context = context
        self._rules = build_rules(context)
        self._custom: set[str] = set()
        self._kinds = msgspec.json.Decoder(_Kind)

    def stage(self) -> list[LineRejection]:
        """Turn all lines into rows; return those that are not taken, and why."""
        self._rules["types"] = write_types_pattern(self._custom)
        self._run("file_interactions")
        self._run("file_searches")
        self._finish_filters()
        self._finish_query_keys()
        left = self._staging.execute(read_statement("capture", "file_left").text)
        rejections: list[LineRejection] = []
        for batch in left.to_batches(max_chunksize=_SLOW_LINES):
            rejections += self._pass_slowly(batch)
        return rejections

    def _run(self, name: str) -> pa.Table:
        """Run one statement with the rules that it names."""
        statement = read_statement("capture", name)
        return self._staging.execute(statement.text, statement.pick(self._rules))

    def _finish_filters(self) -> None:
        """Write filters canonically; lists whose filters the law may refuse go to it."""
        given = self._run("file_filters").column("filters").to_pylist()
        if not given:
            return
        written = [_write_filters(text) for text in given]
        table = pa.table({"given": given, "written": pa.array(written, pa.string())})
        self._staging.lend("import_filters", table)
        self._run("file_filters_refused")
        self._run("file_filters_written")

    def _finish_query_keys(self) -> None:
        """Give keys to the queries whose normal form takes more than SQL."""
        asked = self._run("file_queries")
        if not asked.num_rows:
            return
        keys = [
            to_query_key(query, filters)
            for query, filters in zip(
                asked.column("query").to_pylist(), asked.column("filters").to_pylist(), strict=True
            )
        ]
        self._staging.lend("import_keys", asked.append_column("query_key", pa.array(keys)))
        self._run("file_queries_searched")
        self._run("file_queries_mentioned")

    def _pass_slowly(self, lines: pa.RecordBatch) -> list[LineRejection]:
        """Let the law decide on lines; add the rows that it takes."""
        numbers: list[int] = lines.column("n").to_pylist()
        searches, interactions = _Pile(), _Pile()
        rejections: list[LineRejection] = []
        for number, text in zip(numbers, lines.column("body").to_pylist(), strict=True):
            body = text.encode()
            try:
                pile = self._choose(body, searches, interactions)
            except RefusedError as refused:
                rejections.append(
                    LineRejection(number, refused.code, refused.pointer, str(refused))
                )
                continue
            pile.numbers.append(number)
            pile.bodies.append(body)
        if interactions.bodies:
            rejections += self._take_interactions(interactions)
        if searches.bodies:
            rejections += self._take_searches(searches)
        return sorted(rejections, key=lambda rejection: rejection.line)

    def _choose(self, body: bytes, searches: _Pile, interactions: _Pile) -> _Pile:
        """Say whether a line is a search or an interaction."""
        if len(body) > MAX_BODY_BYTES:
            detail = f"a line has at most {MAX_BODY_BYTES} bytes, got {len(body)}"
            raise RefusedError("too_large", "", detail)
        try:
            kind = self._kinds.decode(body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise from_decoding(error) from error
        if kind.interaction_type is not msgspec.UNSET:
            return interactions
        if kind.results is msgspec.UNSET and kind.query is msgspec.UNSET:
            detail = "neither interaction_type nor results nor query is there"
            raise RefusedError("unknown_kind", "", detail)
        searches.names_retriever.append(kind.retriever_id is not None)
        return searches

    def _take_interactions(self, pile: _Pile) -> list[LineRejection]:
        """Stage the interactions that the law takes."""
        done = self._checker.check_interactions(
            pile.bodies, self._context.received_at, self._context.source
        )
        for row, is_named in zip(done.rows, done.client_named, strict=True):
            row.interaction_id = row.interaction_id if is_named else ""
            row.retriever_id = row.retriever_id or self._context.retriever_id
            if len(self._custom) < _MOST_CUSTOM:
                self._custom.update(name for name in row.types if name not in SIGNAL_BITS)
        if done.rows:
            lines = [pile.numbers[index] for index in done.row_indexes]
            self._staging.lend("import_checked", to_interactions(done.rows, lines))
            self._run("file_checked_interactions")
        return pile.to_rejections(done.rejected)

    def _take_searches(self, pile: _Pile) -> list[LineRejection]:
        """Stage the searches that the law takes."""
        done = self._checker.check_searches(
            pile.bodies, self._context.received_at, self._context.source
        )
        for row, is_named, index in zip(
            done.rows, done.client_named, done.row_indexes, strict=True
        ):
            row.search_id = row.search_id if is_named else ""
            if not pile.names_retriever[index] and self._context.retriever_id is not None:
                row.retriever_id = self._context.retriever_id
        if done.rows:
            lines = [pile.numbers[index] for index in done.row_indexes]
            self._staging.lend("import_checked", to_searches(done.rows, lines))
            self._run("file_checked_searches")
        return pile.to_rejections(done.rejected)


@dataclass(slots=True)
class _Pile:
    """Lines of one kind on their way through the law."""

    numbers: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    names_retriever: list[bool] = field(default_factory=list)

    def to_rejections(self, rejected: Sequence[Rejection]) -> list[LineRejection]:
        """Give the law's rejections the numbers of their lines."""
        return [
            LineRejection(
                self.numbers[refused.index], refused.code, refused.pointer, refused.detail
            )
            for refused in rejected
        ]


def _write_filters(text: str) -> str | None:
    """Write filters as the law does; None where it may refuse them."""
    try:
        return to_text(msgspec.json.decode(text, type=dict), "/filters")
    except (msgspec.DecodeError, RecursionError, RefusedError):
        return None
