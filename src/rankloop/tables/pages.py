"""One page of a longer answer."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from rankloop.errors import InputError
from rankloop.tables.records import Record

Row = TypeVar("Row")

MAX_PAGE_SIZE = 1_000
"""Most rows of one page."""


class PageRequest(msgspec.Struct, frozen=True):
    """Which part of a long answer is wanted.

    Example:
        >>> PageRequest(page=3, page_size=20).offset
        40
    """

    page: int = 1
    """Which page, from 1."""

    page_size: int = 50
    """Rows a page, 1 to 1,000."""

    def __post_init__(self) -> None:
        if self.page < 1:
            raise InputError(f"page is {self.page}, pages count from 1", where="/page")
        if not 1 <= self.page_size <= MAX_PAGE_SIZE:
            raise InputError(
                f"page_size is {self.page_size}, 1 to {MAX_PAGE_SIZE:,} are possible",
                where="/page_size",
            )

    @property
    def offset(self) -> int:
        """Rows before the page."""
        return (self.page - 1) * self.page_size


class Pagination(msgspec.Struct, frozen=True):
    """Where a page stands in the whole."""

    total: int
    """Rows in the whole answer."""

    page: int
    """This page's number, from 1."""

    page_size: int
    """Most rows a page has."""


class Page(Record, Generic[Row], frozen=True):
    """Some rows, and where they stand in the whole."""

    results: list[Row]
    """The rows of this page, in the order of the whole."""

    pagination: Pagination
    """Where they stand."""

    @classmethod
    def of(cls, rows: list[Row], total: int, request: PageRequest) -> Page[Row]:
        """Make the page that was asked for out of its rows and the size of the whole.

        Example:
            >>> Page.of(["a", "b"], 5, PageRequest(page=1, page_size=2)).pagination.total
            5
        """
        return cls(rows, Pagination(total, request.page, request.page_size))
