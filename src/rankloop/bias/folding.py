"""From rows to cells: texts become numbers, dates weeks, and rows that agree are added up."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rankloop.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

TEXTS: Final = ("query_key", "document_id", "surface", "device")
"""Columns of texts; the last two may be left out."""

_DEFAULTS: Final = {"previous_click": -1, "shard": 0, "n": 1, "clicks": 0, "week": 0}
"""What a column of numbers holds where it is left out."""

_MONDAY: Final = np.datetime64("1970-01-05", "D")
_WEEK: Final = np.timedelta64(7, "D")
_MAX_WEEKS: Final = 2**15
_MAX_CONTEXTS: Final = 2**15


def read_columns(table: pa.Table) -> dict[str, Any]:
    """Take a table apart; texts stay as they are, numbers and dates become arrays.

    Raises:
        TableError: A column of numbers has an empty place.
    """
    columns: dict[str, Any] = {}
    for name in table.column_names:
        column = table.column(name)
        if name not in TEXTS and column.null_count:
            raise TableError(f"{name} has {column.null_count} empty places", where=name)
        columns[name] = column if name in TEXTS else column.to_numpy()
    return columns


def check_rows(columns: Mapping[str, ArrayLike], n_shards: int) -> dict[str, Any]:
    """Fill in what was left out, check the rest, and drop rows that count nothing.

    Returns:
        Columns of one length; `surface` and `device` are None where they were left out.

    Raises:
        TableError: A column is missing, of another length or out of range.
    """
    for name in ("query_key", "document_id", "position"):
        if name not in columns:
            raise TableError(f"column {name} is missing", where=name)
    n_rows = len(np.asarray(columns["position"]))
    rows: dict[str, Any] = {name: columns.get(name) for name in TEXTS}
    for name, value in _DEFAULTS.items():
        rows[name] = np.full(n_rows, value)
    for name, column in columns.items():
        rows[name] = _as_text(column) if name in TEXTS else _as_numbers(name, np.asarray(column))
        if len(rows[name]) != n_rows:
            raise TableError(f"{name} has {len(rows[name])} rows, position {n_rows}", where=name)
    _check_counts(rows, n_shards)
    counted = rows["n"] > 0
    if counted.all():
        return rows
    kept = pa.array(counted)
    return {
        name: column.filter(kept) if isinstance(column, pa.ChunkedArray) else column[counted]
        for name, column in rows.items()
        if column is not None
    } | {name: None for name in TEXTS if rows[name] is None}


def _as_text(column: ArrayLike | pa.ChunkedArray) -> pa.ChunkedArray:
    """Make a column of texts; whole numbers are written out."""
    if isinstance(column, pa.ChunkedArray):
        return column
    if isinstance(column, np.ndarray) and column.dtype.kind in "iu":
        low = column.min() if column.size else 0
        values, codes = unique_inverse((column - low).astype(np.int64))
        texts = pa.array([str(value) for value in (values + low).tolist()], pa.string())
        return pa.chunked_array([pa.DictionaryArray.from_arrays(codes, texts)])
    if isinstance(column, np.ndarray) and column.dtype.kind == "U":
        column = column.astype(object)
    texts = pa.array(column)
    if pa.types.is_integer(texts.type) or pa.types.is_null(texts.type):
        texts = texts.cast(pa.string())
    return pa.chunked_array([texts])


def _as_numbers(name: str, column: NDArray[Any]) -> NDArray[Any]:
    """Make a column of whole numbers, or of dates where it is the week.

    Raises:
        TableError: A value is neither, or out of range.
    """
    if name == "week" and column.dtype.kind == "M":
        return column.astype("datetime64[D]")
    if not column.size:
        return column.astype(np.int64)
    if column.dtype.kind not in "iub":
        raise TableError(f"{name} holds {column.dtype} and must hold whole numbers", where=name)
    lowest = -1 if name == "previous_click" else 0
    if column.min() < lowest:
        raise TableError(f"{name} holds {column.min()}, below {lowest}", where=name)
    if name in ("position", "previous_click") and column.max() >= 2**31:
        raise TableError(f"{name} holds {column.max()}, over 31 bits", where=name)
    return column


def _check_counts(rows: Mapping[str, Any], n_shards: int) -> None:
    """Check what columns say about each other.

    Raises:
        TableError: There are more clicks than impressions, or a shard that there is not.
    """
    if np.any(rows["clicks"] > rows["n"]):
        place = int(np.argmax(rows["clicks"] > rows["n"]))
        raise TableError(
            f"row {place} has {rows['clicks'][place]} clicked impressions of {rows['n'][place]}",
            where="clicks",
        )
    if not 1 <= n_shards <= _MAX_WEEKS:
        raise TableError(f"n_shards is {n_shards}, not in 1 to {_MAX_WEEKS}", where="n_shards")
    if rows["shard"].size and rows["shard"].max() >= n_shards:
        raise TableError(f"shard holds {rows['shard'].max()} of {n_shards} shards", where="shard")


def encode_texts(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], list[str]]:
    """Number texts in their own order; an empty place is the empty text.

    Returns:
        `[n_rows]` int64 codes, and the texts that occur, ascending.

    Example:
        >>> encode_texts(pa.chunked_array([["b", None, "a", "b"]]))[1]
        ['', 'a', 'b']
    """
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    if not len(column):
        return np.zeros(0, dtype=np.int64), []
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    encoded = encoded.combine_chunks() if encoded.num_chunks != 1 else encoded.chunk(0)
    indices = encoded.indices.fill_null(-1).to_numpy().astype(np.int64, copy=False)
    # Texts are sorted and looked up by Arrow: Python would take seconds for a million of them.
    held = pa.concat_arrays(
        [
            encoded.dictionary.cast(pa.large_string()).fill_null(""),
            pa.array([""], pa.large_string()),
        ]
    )
    used = np.zeros(len(held), dtype=bool)
    used[indices] = True
    texts = held.filter(pa.array(used)).unique()
    texts = texts.take(pc.array_sort_indices(texts))
    code_of = pc.index_in(held, value_set=texts).fill_null(-1).to_numpy().astype(np.int64)
    return code_of[indices], texts.to_pylist()


def encode_pairs(
    query_key: pa.ChunkedArray, document_id: pa.ChunkedArray
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any], NDArray[Any]]:
    """Number (query, document) pairs, by query and then by document.

    Returns:
        `[n_rows]` the pair of each row; `[n_pairs]` the query's place of each pair; the query
        keys, ascending; `[n_pairs]` the document ids.
    """
    queries, query_keys = encode_texts(query_key)
    documents, document_ids = encode_texts(document_id)
    n_documents = max(len(document_ids), 1)
    held, pair = unique_inverse(queries * n_documents + documents)
    texts = np.array(document_ids, dtype=object)
    return (
        pair,
        held // n_documents,
        np.array(query_keys, dtype=object),
        texts[held % n_documents] if held.size else texts,
    )


def encode_contexts(
    surface: pa.ChunkedArray | None, device: pa.ChunkedArray | None, n_rows: int
) -> tuple[NDArray[np.int64], tuple[tuple[str, str], ...]]:
    """Number what lists were shown on and where.

    Raises:
        TableError: There are too many different ones.
    """
    nothing = (np.zeros(n_rows, dtype=np.int64), [""])
    surfaces, surface_names = nothing if surface is None else encode_texts(surface)
    devices, device_names = nothing if device is None else encode_texts(device)
    n_devices = max(len(device_names), 1)
    held, context = unique_inverse(surfaces * n_devices + devices)
    if held.size > _MAX_CONTEXTS:
        raise TableError(f"there are {held.size} contexts, over {_MAX_CONTEXTS}", where="device")
    names = [(surface_names[k // n_devices], device_names[k % n_devices]) for k in held.tolist()]
    return context, tuple(names) or (("", ""),)


def encode_weeks(week: NDArray[Any]) -> tuple[NDArray[np.int64], date | None]:
    """Number weeks from the first on; whole numbers stay what they are.

    Returns:
        `[n_rows]` int64 weeks, and the Monday of week 0 where dates were given.

    Raises:
        TableError: The weeks span more than 32,768.
    """
    first: date | None = None
    numbers = week.astype(np.int64) if week.dtype.kind != "M" else np.zeros(0, dtype=np.int64)
    if week.dtype.kind == "M" and week.size:
        numbers = (week - _MONDAY) // _WEEK
        start = int(numbers.min())
        first = (_MONDAY + start * _WEEK).astype(date)
        numbers = numbers - start
    if numbers.size and numbers.max() >= _MAX_WEEKS:
        raise TableError(f"the weeks span {numbers.max() + 1}", where="week")
    return numbers, first


def unique_inverse(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Say which numbers occur, ascending, and which of them each row holds.

    Counting beats sorting where the numbers are not spread out much.

    Example:
        >>> held, inverse = unique_inverse(np.array([7, 3, 7]))
        >>> held.tolist(), inverse.tolist()
        ([3, 7], [1, 0, 1])
    """
    span = int(codes.max()) + 1 if codes.size else 0
    if span > 8 * codes.size + 1_000:
        held, inverse = np.unique(codes, return_inverse=True)
        return held, inverse.astype(np.int64, copy=False)
    is_held = np.zeros(span, dtype=bool)
    is_held[codes] = True
    return np.flatnonzero(is_held), (np.cumsum(is_held) - 1)[codes]


def fold(
    keys: Mapping[str, NDArray[Any]], counts: Mapping[str, NDArray[Any]]
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.int64]]]:
    """Add up rows that agree in every key.

    Args:
        keys: `[n_rows]` whole numbers each; the first weighs most in the order.
        counts: `[n_rows]` whole numbers each.

    Returns:
        `[n_groups]` a row of each group, in the order of the keys, and each count's sums.

    Example:
        >>> rows, sums = fold({"k": np.array([1, 0, 1])}, {"n": np.array([5, 6, 7])})
        >>> rows.tolist(), sums["n"].tolist()
        ([1, 0], [6, 12])
    """
    columns = list(keys.values())
    if not columns[0].size:
        nothing = np.zeros(0, dtype=np.int64)
        return nothing, dict.fromkeys(counts, nothing)
    order, starts = _group(columns)
    if starts.size == order.size:
        return order, {name: column[order].astype(np.int64) for name, column in counts.items()}
    return order[starts], {
        name: np.add.reduceat(column[order].astype(np.int64), starts)
        for name, column in counts.items()
    }


def _group(columns: Sequence[NDArray[Any]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sort rows by their keys; say in which order, and where each group starts."""
    packed = _pack(columns)
    if packed is not None:
        if np.all(packed[1:] >= packed[:-1]):
            order, ordered = np.arange(packed.size), packed
        else:
            order = np.argsort(packed)
            ordered = packed[order]
        is_start = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    else:
        order = np.lexsort(columns[::-1])
        is_start = np.zeros(order.size, dtype=bool)
        is_start[0] = True
        for column in columns:
            is_start[1:] |= column[order][1:] != column[order][:-1]
    return order, np.flatnonzero(is_start)


def _pack(columns: Sequence[NDArray[Any]]) -> NDArray[np.int64] | None:
    """Write each row's keys as one number, if 63 bits hold them all."""
    lows = [int(column.min()) for column in columns]
    spans = [int(column.max()) - low + 1 for column, low in zip(columns, lows, strict=True)]
    size = 1
    for span in spans:
        size *= span
    if size >= 2**63:
        return None
    packed = np.zeros(columns[0].size, dtype=np.int64)
    for column, low, span in zip(columns, lows, spans, strict=True):
        if span > 1:
            packed *= span
            packed += column
            packed -= low
    return packed


def join_columns(parts: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Set the rows of several tables beneath each other.

    Raises:
        TableError: They do not have the same columns, or not of the same kind.

    Example:
        >>> join_columns([{"n": np.array([1])}, {"n": np.array([2, 3])}])["n"].tolist()
        [1, 2, 3]
    """
    first = parts[0]
    for other in parts[1:]:
        for name in first.keys() ^ other.keys():
            raise TableError(f"only one of the tables counts {name}", where=name)
        if "week" in first and first["week"].dtype.kind != other["week"].dtype.kind:
            raise TableError("only one of the tables has dates", where="week")
    return {name: np.concatenate([part[name] for part in parts]) for name in first}
