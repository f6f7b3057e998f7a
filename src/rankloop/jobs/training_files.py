"""Pairs and judgments as files, in the forms that trainers and judges read."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, Final

import msgspec

from rankloop.dialects.judgments import write_letor, write_qrels, write_workbench
from rankloop.privacy.exports import Made
from rankloop.tables import judgments, pairs
from rankloop.tables.windows import InsightsWindow
from rankloop.training.judgments import parse_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from rankloop.jobs.judging import Judging
    from rankloop.jobs.pairing import Pairing
    from rankloop.privacy.exports import ExportRequest
    from rankloop.tables.pairs import Pair
    from rankloop.tables.records import Record

TRIPLET_COLUMNS: Final = ("anchor", "positive", "negative")
"""Columns of a triplet, in the order that trainers of embeddings expect."""

PAIR_TYPES: Final = {
    "query": "string",
    "positive_id": "string",
    "positive": "string",
    "negative_ids": "list",
    "negatives": "list",
    "weight": "double",
    "evidence": "string",
    "retriever_id": "string",
}
JUDGMENT_TYPES: Final = {
    **dict.fromkeys(judgments.COLUMNS, "string"),
    "relevance": "int64",
    "score": "double",
    "weight": "double",
    "looks": "double",
    "clicks": "int64",
}
TRIPLET_TYPES: Final = dict.fromkeys(TRIPLET_COLUMNS, "string")


class TrainingFiles:
    """What writes exports of pairs and judgments.

    Args:
        pairing: What mines pairs.
        judging: What judges.
    """

    def __init__(self, pairing: Pairing, judging: Judging) -> None:
        self._pairing = pairing
        self._judging = judging

    def write_pairs(self, request: ExportRequest, path: Path) -> Made:
        """Mine pairs and write them; triplets are those whose texts are all known."""
        mined = self._pairing.mine(
            request.retriever_id, to_window(request), request.min_interactions
        )
        if request.format in ("triplets", "triplets-parquet"):
            triplets = to_triplets(mined.rows)
            write = _write_parquet if request.format == "triplets-parquet" else _write_lines
            write(triplets, path, TRIPLET_TYPES)
            n_rows, columns = len(triplets), list(TRIPLET_COLUMNS)
        else:
            _WRITERS[request.format](_to_dicts(mined.rows), path, PAIR_TYPES)
            n_rows, columns = len(mined.rows), list(pairs.COLUMNS)
        return Made(
            rows=n_rows,
            columns=columns,
            retriever_id=mined.retriever_id,
            versions=mined.versions,
            yields=mined.yields.to_dict(),
        )

    def write_judgments(self, request: ExportRequest, path: Path) -> Made:
        """Judge and write the judgments."""
        judged = self._judging.judge(
            request.retriever_id,
            to_window(request),
            parse_weights(request.weights),
            parse_weights(request.source_weights),
        )
        n_rows = len(judged.rows)
        if request.format == "srw":
            path.write_bytes(write_workbench(judged.rows, judged.retriever_id))
            n_rows = sum(bool(row.query) for row in judged.rows)
        elif request.format in ("trec", "letor"):
            write = write_qrels if request.format == "trec" else write_letor
            with path.open("w", encoding="utf-8") as file:
                file.writelines(write(judged.rows))
        else:
            _WRITERS[request.format](_to_dicts(judged.rows), path, JUDGMENT_TYPES)
        return Made(
            rows=n_rows,
            columns=list(judgments.COLUMNS),
            retriever_id=judged.retriever_id,
            versions={"propensities": judged.propensities},
            weights=judged.weights,
        )


def to_window(request: ExportRequest) -> InsightsWindow:
    """Return the window of a request."""
    return InsightsWindow(request.start, request.end)


def to_triplets(rows: Iterable[Pair]) -> list[dict[str, Any]]:
    """Write each pair once with each of its negatives; without the texts there is no triplet.

    Example:
        >>> pair = pairs.Pair("q", "a", "A", ["b", "c"], ["B", None], 0.5, "corrected", "r")
        >>> to_triplets([pair])
        [{'anchor': 'q', 'positive': 'A', 'negative': 'B'}]
    """
    return [
        {"anchor": row.query, "positive": row.positive, "negative": negative}
        for row in rows
        if row.positive is not None
        for negative in row.negatives
        if negative is not None
    ]


def _to_dicts(rows: Sequence[Record]) -> list[dict[str, Any]]:
    """Return rows as plain data."""
    return [row.to_dict() for row in rows]


def _write_lines(rows: Sequence[dict[str, Any]], path: Path, _types: dict[str, str]) -> None:
    """Write one JSON object a line."""
    path.write_bytes(msgspec.json.Encoder().encode_lines(rows))


def _write_csv(rows: Sequence[dict[str, Any]], path: Path, types: dict[str, str]) -> None:
    """Write CSV; lists stand as JSON text."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(types)
        for row in rows:
            writer.writerow(
                msgspec.json.encode(value).decode() if isinstance(value, list) else value
                for value in row.values()
            )


def _write_parquet(rows: Sequence[dict[str, Any]], path: Path, types: dict[str, str]) -> None:
    """Write Parquet, with types that do not hang on the rows."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = pa.schema(
        [
            (name, pa.list_(pa.string()) if kind == "list" else pa.type_for_alias(kind))
            for name, kind in types.items()
        ]
    )
    parquet.write_table(pa.Table.from_pylist(list(rows), schema), path, compression="zstd")


_WRITERS: Final[dict[str, Callable[[Sequence[dict[str, Any]], Path, dict[str, str]], None]]] = {
    "ndjson": _write_lines,
    "csv": _write_csv,
    "parquet": _write_parquet,
}
