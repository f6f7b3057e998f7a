"""Points of a Qdrant shard: made of documents, and read back as documents or as found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import qdrant_edge as qdrant

from rankloop.indexing.base import Document, Found
from rankloop.indexing.qdrant_fields import DENSE, NAME, TEXT, read_payload

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from numpy.typing import NDArray

    PointIds = list[int | UUID | str]


def to_ids(rows: Iterable[int]) -> PointIds:
    """Return the points of rows: a point is numbered like its row."""
    return list(rows)


def to_point(row: int, vector: NDArray[np.float32] | None, payload: dict[str, Any]) -> qdrant.Point:
    """Make a point; the library takes an array for a list of numbers."""
    vectors = {} if vector is None else {DENSE: cast("list[float]", vector)}
    return qdrant.Point(row, cast("dict[str, Any]", vectors), payload)


def to_nearest(vector: NDArray[np.float32]) -> qdrant.Query:
    """Ask for what is closest to a unit vector."""
    nearest: qdrant.Query = qdrant.Query.Nearest(cast("list[float]", vector), DENSE)
    return nearest


def copy_point(point: Any) -> qdrant.Point:  # noqa: ANN401 a record of Qdrant's
    """Make a point to be written of one that was read."""
    return qdrant.Point(point.id, point.vector or {}, point.payload)


def vector_of(point: Any) -> NDArray[np.float32] | None:  # noqa: ANN401 as above
    """Return the vector of a point that was read."""
    vector = (point.vector or {}).get(DENSE)
    return None if vector is None else np.array(vector, np.float32)


def to_document(point: Any) -> Document:  # noqa: ANN401 as above
    """Read a document off its point."""
    payload = point.payload
    return Document(payload[NAME], payload[TEXT], vector_of(point), read_payload(payload))


def to_row(point: Any) -> tuple[str, float, dict[str, Any]]:  # noqa: ANN401 as above
    """Read name, score (0 where there is none) and fields off a point."""
    payload = point.payload
    return payload[NAME], getattr(point, "score", 0.0), read_payload(payload)


def to_found(rows: list[tuple[str, float, dict[str, Any]]], limit: int) -> Found:
    """Order what was found, ties by name, and cut it."""
    rows.sort(key=lambda row: (-row[1], row[0]))
    del rows[limit:]
    return Found(
        tuple(row[0] for row in rows),
        np.array([row[1] for row in rows], np.float64),
        tuple(row[2] for row in rows),
    )
