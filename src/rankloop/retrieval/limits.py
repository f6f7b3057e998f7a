"""How much one request may ask of a pipeline, and how large a pipeline may be."""

from __future__ import annotations

from typing import Final

from rankloop.errors import Fault, FaultsError
from rankloop.events.limits import MAX_POSITION, MAX_QUERY_CHARACTERS, MAX_RESULTS
from rankloop.stages.limits import MAX_CANDIDATES, MAX_TIMEOUT_MS

__all__ = [
    "MAX_CANDIDATES",
    "MAX_LIMIT",
    "MAX_STAGES",
    "MAX_TIMEOUT_MS",
    "check_candidates",
    "check_page",
    "check_query",
]

MAX_LIMIT: Final = MAX_RESULTS
"""Most results of one page; as many as one logged search may hold."""

MAX_STAGES: Final = 32
"""Most stages of one pipeline."""


def check_page(limit: int, offset: int) -> None:
    """Check which part of the ranking is asked for.

    Raises:
        FaultsError: `limit` is not 1 to `MAX_LIMIT`, or `offset` not 0 to `MAX_POSITION`; one
            fault each.

    Example:
        >>> check_page(10, 20)
        >>> check_page(0, 0)
        Traceback (most recent call last):
        rankloop.errors.FaultsError: limit must be 1 to 1,000
    """
    faults = []
    if not 1 <= limit <= MAX_LIMIT:
        faults.append(Fault("/limit", "out_of_range", f"limit must be 1 to {MAX_LIMIT:,}"))
    if not 0 <= offset <= MAX_POSITION:
        faults.append(Fault("/offset", "out_of_range", f"offset must be 0 to {MAX_POSITION:,}"))
    _raise(faults)


def check_query(text: str) -> None:
    """Check the length of a query.

    Raises:
        FaultsError: It has more than `MAX_QUERY_CHARACTERS` characters.
    """
    if len(text) > MAX_QUERY_CHARACTERS:
        detail = f"a query has at most {MAX_QUERY_CHARACTERS:,} characters"
        _raise([Fault("/query", "too_long", detail)])


def check_candidates(n_candidates: int) -> None:
    """Check how many documents a caller sends to be re-ordered.

    Raises:
        FaultsError: There are more than `MAX_CANDIDATES`.
    """
    if n_candidates > MAX_CANDIDATES:
        detail = f"at most {MAX_CANDIDATES:,} candidates are re-ordered at once"
        _raise([Fault("/candidates", "too_many", detail)])


def _raise(faults: list[Fault]) -> None:
    """Refuse a request that has faults."""
    if faults:
        raise FaultsError(faults[0].detail, faults)
