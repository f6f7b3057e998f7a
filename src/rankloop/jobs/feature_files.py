"""What rankers saw, as a file: a row a result, a column a feature, and whether it was clicked."""

from __future__ import annotations

import csv
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rankloop.models.feature_log import read_features
from rankloop.privacy.exports import Made

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import date
    from pathlib import Path

    from rankloop.jobs.estimation import Derivation
    from rankloop.privacy.exports import ExportRequest
    from rankloop.store.base import EventStore, Value

KEYS: Final = ("search_id", "timestamp", "retriever_id", "query_key", "document_id", "position")
"""The columns before the features; behind them stands `clicked`."""


Write = Callable[[pa.Table], None]
"""What writes rows into a file that is open."""


class FeatureFiles:
    """What writes exports of features.

    The log is read a day at a time, so that a long one needs no more memory than its longest day.

    Args:
        store: Where the log is.
        derivation: What brings it up to date.
    """

    def __init__(self, store: EventStore, derivation: Derivation) -> None:
        self._store = store
        self._derivation = derivation

    def write(self, request: ExportRequest, path: Path) -> Made:
        """Write the features of a window; columns are those of all its lists together."""
        self._derivation.refresh()
        asked: dict[str, Value] = {
            "retriever_id": request.retriever_id,
            "start": request.start,
            "end": request.end,
        }
        days = self._store.ask("feature_days", asked)["day"].to_pylist()
        found: dict[str, None] = {}
        for day in days:
            for text in self._read_day(asked, day)["features"].to_pylist():
                found.update(dict.fromkeys(read_features(text).names))
        names = list(found)
        schema = _to_schema(names)
        n_rows = 0
        with _OPENERS[request.format](path, schema) as write:
            for day in days:
                table = _to_rows(self._read_day(asked, day), names, schema)
                write(table)
                n_rows += table.num_rows
        return Made(
            rows=n_rows, columns=list(schema.names), retriever_id=request.retriever_id or ""
        )

    def _read_day(self, asked: dict[str, Value], day: date) -> pa.Table:
        """Read one day of the log."""
        start = datetime.combine(day, time(), UTC)
        end = start + timedelta(days=1)
        first, last = asked["start"], asked["end"]
        return self._store.ask(
            "feature_log",
            {
                **asked,
                "start": max(start, first) if isinstance(first, datetime) else start,
                "end": min(end, last) if isinstance(last, datetime) else end,
            },
        )


def _to_schema(names: Sequence[str]) -> pa.Schema:
    """Return the columns of a file; they do not hang on its rows."""
    return pa.schema(
        [
            *((name, pa.int64() if name == "position" else pa.string()) for name in KEYS),
            *((name, pa.float64()) for name in names),
            ("clicked", pa.int64()),
        ]
    )


def _to_rows(day: pa.Table, names: Sequence[str], schema: pa.Schema) -> pa.Table:
    """Write a row for each result whose features are recorded."""
    read = [read_features(text).to_matrix(names) for text in day["features"].to_pylist()]
    shown, clicked = day["document_ids"].to_pylist(), day["clicked"].to_pylist()
    lengths = [min(len(one), len(ids)) for one, ids in zip(read, shown, strict=True)]
    if not sum(lengths):
        return schema.empty_table()
    lists = np.repeat(np.arange(len(read)), lengths)
    places = np.concatenate([np.arange(length) for length in lengths])
    values = np.concatenate([one[:length] for one, length in zip(read, lengths, strict=True)])
    moments = pc.strftime(day["timestamp"], "%Y-%m-%dT%H:%M:%SZ")
    columns = {
        **{name: day[name].take(lists) for name in ("search_id", "retriever_id", "query_key")},
        "timestamp": moments.take(lists),
        "document_id": [shown[at][place] for at, place in zip(lists, places, strict=True)],
        "position": day["page_offset"].to_numpy()[lists] + places,
        **{name: pa.array(values[:, at], from_pandas=True) for at, name in enumerate(names)},
        "clicked": [clicked[at][place] for at, place in zip(lists, places, strict=True)],
    }
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)


@contextmanager
def _open_lines(path: Path, _schema: pa.Schema) -> Iterator[Write]:
    """Write one JSON object a line."""
    encoder = msgspec.json.Encoder()
    with path.open("wb") as file:

        def write(table: pa.Table) -> None:
            file.write(encoder.encode_lines(table.to_pylist()))

        yield write


@contextmanager
def _open_csv(path: Path, schema: pa.Schema) -> Iterator[Write]:
    """Write CSV; what is unknown is empty."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(schema.names)
        yield lambda table: writer.writerows(row.values() for row in table.to_pylist())


@contextmanager
def _open_parquet(path: Path, schema: pa.Schema) -> Iterator[Write]:
    """Write Parquet, a row group a day."""
    from pyarrow import parquet

    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        yield writer.write_table


_OPENERS: Final[dict[str, Callable[[Path, pa.Schema], AbstractContextManager[Write]]]] = {
    "ndjson": _open_lines,
    "csv": _open_csv,
    "parquet": _open_parquet,
}
"""What opens a file of each form, and hands out what writes rows into it."""
