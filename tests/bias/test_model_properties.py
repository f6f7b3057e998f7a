"""What holds of lists, tails and models whatever the log."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankloop.bias.cells import Pairs
from rankloop.bias.click_models import CELL_MODELS, TAIL_MODELS
from rankloop.bias.lists import Lists
from rankloop.bias.tails import fold_tails, merge_tails

N_PAIRS = 6
TABLE = Pairs(
    query=np.zeros(N_PAIRS, dtype=np.int64),
    query_keys=np.array(["q"], dtype=object),
    document_ids=np.array(list("abcdef"), dtype=object),
)


@st.composite
def logs(draw):
    """Draw up to twelve lists of up to four documents, the first of them clicked at the top."""
    n_lists = draw(st.integers(1, 12))
    pairs = np.full((n_lists, 4), -1)
    clicks = np.zeros((n_lists, 4), dtype=bool)
    for row in range(n_lists):
        shown = draw(st.permutations(range(N_PAIRS)))[: draw(st.integers(1, 4))]
        pairs[row, : len(shown)] = shown
        clicked = st.lists(st.booleans(), min_size=len(shown), max_size=len(shown))
        clicks[row, : len(shown)] = draw(clicked)
    clicks[0, 0] = True
    return Lists(pairs, clicks, TABLE)


@given(logs())
def test_cells_count_what_lists_hold(lists):
    cells = lists.to_cells()
    assert cells.n_impressions == lists.is_shown.sum()
    assert cells.n_clicks == lists.clicks.sum()
    assert (cells.clicks <= cells.n).all()
    assert (cells.previous_click < cells.position).all()


@given(logs())
def test_tails_count_every_list_once(lists):
    tails = fold_tails(lists)
    assert sum(int(group.n.sum()) for group in tails.groups) == len(lists)
    assert tails.clicks.sum() == lists.clicks.sum()
    assert tails.last_clicks.sum() == lists.clicks.any(axis=1).sum()
    assert (tails.clicks <= tails.n_read).all()


@given(logs(), st.integers(0, 12))
def test_a_log_cut_anywhere_has_the_tails_of_the_whole(lists, cut):
    whole = fold_tails(lists)
    merged = merge_tails(
        fold_tails(lists.select(slice(cut))), fold_tails(lists.select(slice(cut, None)))
    )
    assert np.array_equal(merged.n_read, whole.n_read)
    assert [(g.is_clicked, g.pairs.tolist(), g.n.tolist()) for g in merged.groups] == [
        (g.is_clicked, g.pairs.tolist(), g.n.tolist()) for g in whole.groups
    ]


@pytest.mark.parametrize("name", [*CELL_MODELS, *TAIL_MODELS])
@given(lists=logs())
def test_whatever_the_log_predictions_are_chances(name, lists):
    if name in CELL_MODELS:
        model = CELL_MODELS[name].fit(lists.to_cells())
    else:
        model = TAIL_MODELS[name].fit(fold_tails(lists))
    assert model.attraction.shape == (N_PAIRS,)
    assert ((model.attraction > 0) & (model.attraction < 1)).all()
    width = lists.is_shown.sum(axis=1).max()
    held = Lists(lists.pairs[:, :width], lists.clicks[:, :width], TABLE)
    for predicted in (model.predict_clicks(held.pairs), model.predict_next_clicks(held)):
        assert ((predicted >= 0) & (predicted <= 1)).all()
        assert (predicted[~held.is_shown] == 0).all()
