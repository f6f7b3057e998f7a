"""What to do about what a log cannot tell, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rankloop.bias.identifiability import list_nodes

if TYPE_CHECKING:
    from rankloop.bias.estimates import BiasEstimate, Lack
    from rankloop.bias.identifiability import Swap

_LACKS: Final[dict[Lack, str]] = {
    "impressions": (
        "No list shown to a person is on record here: send searches with their results, or widen "
        "the window."
    ),
    "clicks": "No document was clicked: send clicks with the search_id of their list.",
    "positions": (
        "Documents were shown at one position only, so there is nothing to compare: send the whole "
        "list with every search."
    ),
    "repeats": (
        "No document was shown twice for one query: wait for queries to come again, or widen the "
        "window."
    ),
    "swaps": (
        "Documents keep their places, so position and document cannot be told apart, however long "
        "the log."
    ),
}

MOST_NAMED: Final = 6
"""Swaps that are named in a sentence; the rest are counted."""


def advise(estimate: BiasEstimate) -> str:
    """Say what to do next.

    Example:
        >>> from rankloop.bias.cells import Cells
        >>> from rankloop.bias.estimates import estimate_propensities
        >>> nothing = Cells.from_columns({"query_key": [], "document_id": [], "position": []})
        >>> advise(estimate_propensities(nothing))[:44]
        'No list shown to a person is on record here:'
    """
    sentences = []
    if estimate.lack:
        sentences.append(_LACKS[estimate.lack])
    if estimate.lack in ("", "swaps", "repeats") and estimate.swaps:
        sentences.append(_plan(estimate.swaps, estimate))
    if estimate.drift.status == "found":
        sentences.append(
            "Attraction moves from week to week and the ranking follows; the estimate allows for "
            "that."
        )
    if estimate.contextual is not None and estimate.contextual.is_different:
        sentences.append("Surfaces or devices are looked at differently: ask for each by segment.")
    return " ".join(sentences) or "Nothing: the propensities may be used."


def _plan(swaps: tuple[Swap, ...], estimate: BiasEstimate) -> str:
    """Say which neighbors to exchange, and how long."""
    nodes = list_nodes(estimate.node_of)
    named = [f"{nodes[a][0]} and {nodes[b][0]} ({n} clicks)" for (a, b), n in map(_open, swaps)]
    more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
    return (
        "Exchange neighbors at random in 1 to 2 of 100 lists, until exchanged documents have "
        f"clicks enough at positions (from 0) {', '.join(named[:MOST_NAMED])}{more}."
    )


def _open(swap: Swap) -> tuple[tuple[int, int], int]:
    """Take a swap apart."""
    return swap.nodes, swap.n_clicks
