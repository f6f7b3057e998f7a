"""A batch is judged portion by portion, and nobody can tell."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from rankloop.capture.checks import Checker
from rankloop.capture.custom_types import TypeLedger
from rankloop.capture.written import judge, write_interactions, write_searches
from rankloop.events.rows import InteractionRow

NOW = 1_795_000_000_000_000
GOOD = b'{"feature_id":"d1","interaction_type":"click","interaction_id":"i1","user_id":"ann"}'
BAD = b'{"feature_id":"d1","interaction_type":"click","position":-1}'


def checker():
    return Checker(lambda user: f"u~{user}", TypeLedger())


@settings(max_examples=25)
@given(st.lists(st.sampled_from([GOOD, BAD]), max_size=400))
def test_portions_change_nothing(items):
    judged = judge(items, lambda some: checker().check_interactions(some, NOW), write_interactions)
    whole = checker().check_interactions(items, NOW)

    rows = msgspec.json.Decoder(InteractionRow).decode_lines(judged.written.lines)
    assert rows == whole.rows
    assert judged.written.names == [row.interaction_id for row in whole.rows]
    assert judged.written.client_named == whole.client_named
    assert judged.row_indexes == whole.row_indexes
    assert judged.rejected == whole.rejected


def test_a_search_is_named_with_its_page():
    items = [b'{"query":"tv","search_id":"s1","offset":10,"results":[]}']
    judged = judge(items, lambda some: checker().check_searches(some, NOW), write_searches)

    assert judged.written.names == ["s1\x1f10"]


def test_picked_lines_are_whole_whatever_they_hold():
    odd = msgspec.json.encode({**msgspec.json.decode(GOOD), "metadata": {"note": "a\nb\rc\u2028"}})
    judged = judge(
        [GOOD, odd], lambda some: checker().check_interactions(some, NOW), write_interactions
    )

    (row,) = msgspec.json.Decoder(InteractionRow).decode_lines(judged.written.pick_lines([1]))
    assert "note" in row.metadata
