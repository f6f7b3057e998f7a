"""One information need, one key."""

from hypothesis import given
from hypothesis import strategies as st

from rankloop.events.queries import normalize_query, to_query_key


def test_case_width_and_spaces_do_not_matter():
    assert normalize_query(" ＢＬＵＥ \t shoes\n") == "blue shoes"
    assert normalize_query("STRASSE") == normalize_query("straße")


@given(st.text())
def test_normalizing_twice_changes_nothing_more(text):
    once = normalize_query(text)
    assert normalize_query(normalize_query(once)) == normalize_query(once)


def test_filters_are_part_of_the_need():
    assert to_query_key("shoes") != to_query_key("shoes", '{"size":42}')
    assert to_query_key("shoes") == to_query_key(" Shoes ")
    assert len(to_query_key("shoes")) == 16
