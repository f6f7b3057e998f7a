"""Lists know their previous clicks, refuse what cannot be, and fold into cells."""

import numpy as np
import pytest

from rankloop.bias.cells import Cells, Pairs
from rankloop.bias.lists import Circumstances, Lists, concatenate
from rankloop.errors import TableError

TABLE = Pairs(
    query=np.array([0, 0, 0]),
    query_keys=np.array(["q"], dtype=object),
    document_ids=np.array(["a", "b", "c"], dtype=object),
)


def build_lists(pairs, clicks):
    return Lists(np.array(pairs), np.array(clicks, dtype=bool), TABLE)


def test_the_previous_click_is_the_last_one_above():
    lists = build_lists([[0, 1, 2], [2, 1, 0]], [[1, 0, 1], [0, 1, 0]])
    assert lists.previous_clicks().tolist() == [[-1, 0, 0], [-1, -1, 1]]
    assert lists.last_clicks().tolist() == [2, 1]


def test_a_list_without_a_click_has_none():
    lists = build_lists([[0, 1, 2]], [[0, 0, 0]])
    assert lists.previous_clicks().tolist() == [[-1, -1, -1]]
    assert lists.last_clicks().tolist() == [-1]


def test_places_past_the_end_are_in_no_cell():
    cells = build_lists([[0, 1, -1], [0, -1, -1]], [[1, 0, 0], [0, 0, 0]]).to_cells()
    assert cells.pair.tolist() == [0, 1]
    assert cells.n.tolist() == [2, 1]
    assert cells.clicks.tolist() == [1, 0]
    assert cells.previous_click.tolist() == [-1, 0]


@pytest.mark.parametrize(
    ("pairs", "clicks", "message"),
    [
        ([[0, 1]], [[1, 0, 0]], "pairs are (1, 2) but clicks are (1, 3)"),
        ([[0, -1]], [[0, 1]], "a place after the end of its list was clicked"),
        ([[0, -1, 1]], [[0, 0, 0]], "a list has a gap"),
        ([[0, 3]], [[0, 0]], "a pair is not in the numbering"),
    ],
    ids=["shapes", "click past the end", "gap", "unknown pair"],
)
def test_refuses_what_cannot_be(pairs, clicks, message):
    with pytest.raises(TableError) as refusal:
        build_lists(pairs, clicks)
    assert message in str(refusal.value)


def test_nothing_cannot_be_put_together():
    with pytest.raises(TableError, match="no lists"):
        concatenate([])


def test_cells_of_lists_are_the_cells_of_their_impressions(simulate):
    log = simulate(n_searches=3_000, n_weeks=3, n_people=50).run()
    cells = log.to_cells(n_shards=8)
    lists, shown = log.lists, log.lists.is_shown
    row, position = np.nonzero(shown)
    pair = lists.pairs[shown]
    expected = Cells.from_columns(
        {
            "query_key": lists.numbering.query_keys[log.query[row]],
            "document_id": lists.numbering.document_ids[pair],
            "position": position,
            "previous_click": lists.previous_clicks()[shown],
            "week": log.week[row],
            "shard": log.person[row] % 8,
            "clicks": lists.clicks[shown],
        },
        n_shards=8,
    )
    columns, others = cells.to_columns(), expected.to_columns()
    assert columns.keys() == others.keys()
    assert all(np.array_equal(columns[name], others[name]) for name in columns)


def test_cells_add_up_to_the_log(simulate):
    log = simulate(n_searches=2_000).run()
    cells = log.lists.to_cells()
    assert cells.n_impressions == 20_000
    assert cells.n_clicks == log.lists.clicks.sum()


def test_cells_do_not_depend_on_the_order_of_lists(simulate):
    log = simulate(n_searches=2_000, n_weeks=2).run()
    order = np.random.default_rng(5).permutation(len(log.lists))
    one = log.lists.to_cells(Circumstances(log.week))
    other = log.lists.select(order).to_cells(Circumstances(log.week[order]))
    assert np.array_equal(one.pair, other.pair)
    assert np.array_equal(one.clicks, other.clicks)
