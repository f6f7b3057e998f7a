"""Interactions that match filters, fetched page by page as they are needed."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

from rankloop.client.calls import Call, Operation, ParameterValue, read_json
from rankloop.client.records import Interaction
from rankloop.errors import InputError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from rankloop.client.calling import AsyncCaller, Caller

PATH: Final = "/v1/retrievers/interactions"
PAGE_SIZE: Final = 1_000
"""Rows asked for at a time, the most that a page holds."""

_COLUMNS: Final = (
    ("interaction_id", "string"),
    ("feature_id", "string"),
    ("interaction_type", "strings"),
    ("position", "int64"),
    ("metadata", "string"),
    ("user_id", "string"),
    ("session_id", "string"),
    ("search_id", "string"),
    ("retriever_id", "string"),
    ("timestamp", "moment"),
    ("value", "float64"),
    ("currency", "string"),
)


class _Pagination(msgspec.Struct):
    """The part of a page that leads to the next."""

    total: int | None = None
    next_cursor: str | None = None


class _Page(msgspec.Struct):
    """One page of interactions."""

    results: list[Interaction]
    pagination: _Pagination


def _page(
    filters: Mapping[str, ParameterValue], limit: int, cursor: str | None, *, total: bool = False
) -> Operation[_Page]:
    """Build the request for one page."""
    parameters = {**filters, "limit": limit, "cursor": cursor, "include_total": total or None}
    return Operation(Call("GET", PATH, parameters), read_json(_Page))


class InteractionList:
    """Interactions that match filters, newest first, fetched page by page."""

    def __init__(self, caller: Caller, filters: Mapping[str, Any], limit: int | None) -> None:
        self._caller = caller
        self._filters = filters
        self._limit = _check_limit(limit)

    def __iter__(self) -> Iterator[Interaction]:
        """Yield each interaction; the next page is fetched when it is reached."""
        cursor, left = None, self._limit
        while left is None or left > 0:
            page = self._caller.run(_page(self._filters, _next_size(left), cursor))
            yield from page.results
            left = None if left is None else left - len(page.results)
            cursor = page.pagination.next_cursor
            if cursor is None:
                return

    def count(self) -> int:
        """Return how many there are, without fetching them; `limit` does not matter."""
        return self._caller.run(_page(self._filters, 1, None, total=True)).pagination.total or 0

    def to_dict(self) -> list[dict[str, Any]]:
        """Fetch all, as plain dictionaries."""
        return [row.to_dict() for row in self]

    def to_arrow(self) -> Any:  # noqa: ANN401 pyarrow.Table, which this client can do without
        """Fetch all, as a `pyarrow.Table`; `metadata` is JSON text. Needs pyarrow."""
        return _to_arrow(list(self))

    def to_pandas(self) -> Any:  # noqa: ANN401 pandas.DataFrame, which this client can do without
        """Fetch all, as a `pandas.DataFrame`. Needs pandas and pyarrow."""
        return _to_pandas(list(self))


class AsyncInteractionList:
    """The same for asynchronous code; see `InteractionList`."""

    def __init__(self, caller: AsyncCaller, filters: Mapping[str, Any], limit: int | None) -> None:
        self._caller = caller
        self._filters = filters
        self._limit = _check_limit(limit)

    async def __aiter__(self) -> AsyncIterator[Interaction]:
        """Yield each interaction; the next page is fetched when it is reached."""
        cursor, left = None, self._limit
        while left is None or left > 0:
            page = await self._caller.run(_page(self._filters, _next_size(left), cursor))
            for row in page.results:
                yield row
            left = None if left is None else left - len(page.results)
            cursor = page.pagination.next_cursor
            if cursor is None:
                return

    async def count(self) -> int:
        """Return how many there are, without fetching them; `limit` does not matter."""
        page = await self._caller.run(_page(self._filters, 1, None, total=True))
        return page.pagination.total or 0

    async def to_dict(self) -> list[dict[str, Any]]:
        """Fetch all, as plain dictionaries."""
        return [row.to_dict() async for row in self]

    async def to_arrow(self) -> Any:  # noqa: ANN401 pyarrow.Table, which this client can do without
        """Fetch all, as a `pyarrow.Table`; `metadata` is JSON text. Needs pyarrow."""
        return _to_arrow([row async for row in self])

    async def to_pandas(self) -> Any:  # noqa: ANN401 pandas.DataFrame, as above
        """Fetch all, as a `pandas.DataFrame`. Needs pandas and pyarrow."""
        return _to_pandas([row async for row in self])


def _check_limit(limit: int | None) -> int | None:
    """Return the limit, or say that it makes no sense."""
    if limit is not None and limit < 0:
        raise InputError(f"limit must be 0 or more, got {limit}", where="limit")
    return limit


def _next_size(left: int | None) -> int:
    """Return how many rows the next page should hold."""
    return PAGE_SIZE if left is None else min(PAGE_SIZE, left)


def _to_arrow(rows: Sequence[Interaction]) -> Any:  # noqa: ANN401 pyarrow.Table, see above
    """Turn rows into a table, an empty one with its columns too."""
    arrow = _load("pyarrow")
    schema = arrow.schema([(name, _to_type(arrow, kind)) for name, kind in _COLUMNS])
    columns = [
        [
            msgspec.json.encode(row.metadata).decode() if name == "metadata" else getattr(row, name)
            for row in rows
        ]
        for name, _ in _COLUMNS
    ]
    return arrow.Table.from_arrays(
        [arrow.array(column, field.type) for column, field in zip(columns, schema, strict=True)],
        schema=schema,
    )


def _to_pandas(rows: Sequence[Interaction]) -> Any:  # noqa: ANN401 pandas.DataFrame, see above
    """Turn rows into a data frame."""
    _load("pandas")
    return _to_arrow(rows).to_pandas()


def _to_type(arrow: Any, kind: str) -> Any:  # noqa: ANN401 pyarrow and its types, see above
    """Return the column type of a name."""
    if kind == "strings":
        return arrow.list_(arrow.string())
    if kind == "moment":
        return arrow.timestamp("us", tz="UTC")
    return getattr(arrow, kind)()


def _load(name: str) -> Any:  # noqa: ANN401 a module
    """Import a library that only tables need.

    By name, because this package must install and import without it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"{name} is not installed", hint=f"pip install {name}, or use to_dict()."
        ) from error
