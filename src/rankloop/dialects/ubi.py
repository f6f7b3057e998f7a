"""OpenSearch User Behavior Insights 1.3.0: queries and events, as bulk files or plain NDJSON.

A search is what all records of one `query_id` say together: the longest hit list wins, and where
none has a list, `impression` events rebuild it. Applications count positions from 0 or from 1 and
nowhere say so; each one's base is read off its events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from rankloop.dialects.statements import read_statement
from rankloop.dialects.translation import LineRejection, Translated
from rankloop.events.types import SIGNAL_BITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from rankloop.dialects.translation import Engine

_PORTION_LINES: Final = 200_000
_TRANSFORM: Final = (
    "ubi_fields",
    "ubi_queries",
    "ubi_events",
    "ubi_bases",
    "ubi_impressions",
    "ubi_lists",
    "ubi_searches",
    "ubi_refused",
    "ubi_all_lines",
    "ubi_weights",
    "ubi_places",
)


class UbiTranslator:
    """Records of UBI.

    All records of a file are seen together, because any two may belong to one search.
    """

    pointers: ClassVar[Mapping[str, str]] = {
        "/query": "/user_query",
        "/metadata/query": "/user_query",
        "/search_id": "/query_id",
        "/user_id": "/client_id",
        "/surface": "/application",
        "/feature_id": "/event_attributes/object/object_id",
        "/position": "/event_attributes/position/ordinal",
        "/interaction_type": "/action_name",
        "/metadata": "/message",
        "/results/*/document_id": "/query_response_hit_ids/*",
    }

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._run("ubi_records")

    def translate(self, lines: pa.Table) -> Iterator[Translated]:
        """Keep the block's lines until all are there."""
        self._engine.lend("import_block", lines)
        self._run("ubi_records_more")
        yield from ()

    def finish(self) -> Iterator[Translated]:
        """Merge, find each application's base, and hand everything over in portions."""
        for name in _TRANSFORM:
            self._run(name)
        refused = [LineRejection(**row) for row in self._run("ubi_refused_lines").to_pylist()]
        notes = [_say_base(row) for row in self._run("ubi_bases_found").to_pylist()]
        last = 0
        while True:
            self._run("ubi_lines", after=last, most=_PORTION_LINES)
            self._run("ubi_seeds")
            yield Translated(refused, is_weighed=True, is_placed=True, notes=notes)
            refused, notes = [], []
            reached = self._run("ubi_reached").column(0)[0].as_py()
            if reached is None:
                return
            last = reached

    def _run(self, name: str, **parameters: int) -> pa.Table:
        """Run one statement."""
        statement = read_statement("dialects", name)
        values: dict[str, Any] = {"known_types": list(SIGNAL_BITS), **parameters}
        return self._engine.execute(statement.text, statement.pick(values))


def _say_base(found: Mapping[str, Any]) -> str:
    """Say where an application's positions begin, and what shows it.

    Example:
        >>> _say_base({"application": "shop", "base": 1, "lowest": 1, "n_zero": 0, "n_one": 90})
        'shop: positions count from 1 (90 fit the hit lists so, 0 from 0), shifted to count from 0'
    """
    n_compared = found["n_zero"] + found["n_one"]
    if found["lowest"] > 1 and not n_compared:
        return (
            f"{found['application']}: positions begin at {found['lowest']}, so that it is not"
            " clear whether they count from 0 or from 1; taken as they are"
        )
    n_so, n_else = (
        (found["n_one"], found["n_zero"]) if found["base"] else (found["n_zero"], found["n_one"])
    )
    evidence = (
        f"{n_so} fit the hit lists so, {n_else} from {1 - found['base']}"
        if n_so
        else f"the lowest is {found['lowest']}"
    )
    shifted = ", shifted to count from 0" if found["base"] else ""
    return f"{found['application']}: positions count from {found['base']} ({evidence}){shifted}"
