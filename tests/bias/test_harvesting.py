"""Harvesting keeps what stood at two ranks and was clicked, and nothing else."""

from __future__ import annotations

import numpy as np

from rankloop.bias.cells import Cells
from rankloop.bias.harvesting import count_by_group, harvest
from rankloop.bias.sightings import sight

NODES = np.arange(3)


def moved_document() -> Cells:
    """Count a document that moved, one that stayed, and one that was never clicked."""
    return Cells.from_columns(
        {
            "query_key": ["q"] * 7,
            "document_id": ["moved", "moved", "moved", "stayed", "ignored", "ignored", "moved"],
            "position": [0, 1, 1, 2, 0, 1, 2],
            "week": [0, 0, 1, 0, 0, 0, 1],
            "shard": [0, 1, 1, 0, 0, 0, 0],
            "n": [10, 20, 5, 9, 9, 9, 5],
            "clicks": [4, 2, 1, 3, 0, 0, 0],
        },
        n_shards=2,
    )


def test_only_what_moved_and_was_clicked_is_kept() -> None:
    harvested = harvest(sight(moved_document(), NODES), ["pair"])

    assert harvested.node.tolist() == [0, 1, 2]
    assert harvested.n.tolist() == [10, 25, 5]
    assert harvested.clicks.tolist() == [4, 3, 0]
    assert harvested.total.tolist() == [7]


def test_weeks_are_told_apart_where_asked() -> None:
    harvested = harvest(sight(moved_document(), NODES), ["pair", "week"])

    assert harvested.node.tolist() == [0, 1, 1, 2]
    assert harvested.total.tolist() == [6, 1]
    assert harvested.effect.tolist() == [0, 0, 1, 1]


def test_an_effect_that_loses_its_second_node_is_dropped() -> None:
    harvested = harvest(sight(moved_document(), NODES), ["pair", "week"])

    kept = harvested.restrict(np.array([True, True, False]))

    assert kept.node.tolist() == [0, 1]
    assert kept.total.tolist() == [6]


def test_clicks_are_counted_by_group_of_people() -> None:
    seen = sight(moved_document(), NODES)
    harvested = harvest(seen, ["pair"])

    grouped = count_by_group(seen, ["pair"], harvested)

    assert grouped.by_node.tolist() == [[4, 0, 0], [0, 3, 0]]
    assert grouped.by_effect.toarray().tolist() == [[4, 3]]
