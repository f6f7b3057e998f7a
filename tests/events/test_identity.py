"""Identifiers: what may be sent, and what is made here."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from rankloop.events.identity import is_identifier, make_uuid7s, to_search_identity


def test_made_identifiers_are_version_7_and_carry_their_moment():
    made = [uuid.UUID(text) for text in make_uuid7s(500, now_us=1_700_000_000_123_456)]

    assert {one.version for one in made} == {7}
    assert {one.variant for one in made} == {uuid.RFC_4122}
    assert {one.int >> 80 for one in made} == {1_700_000_000_123}
    assert len(set(made)) == 500


@given(st.text(max_size=200))
def test_an_identifier_is_printable_without_spaces(text):
    expected = 0 < len(text) <= 128 and text.isprintable() and not any(c.isspace() for c in text)
    assert is_identifier(text) == expected


def test_pages_of_one_search_are_different_lists():
    assert to_search_identity("s1", 0) != to_search_identity("s1", 10)
    assert to_search_identity("s1", 10) == to_search_identity("s1", 10)
