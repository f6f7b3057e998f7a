import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankloop.errors import InputError
from rankloop.indexing.filter_reading import MAX_DEPTH, MAX_PARTS, MAX_VALUES, join, read_filter
from rankloop.indexing.filters import AnyOf, Condition, Every, Negation


def test_a_bare_value_means_equality():
    assert read_filter({"brand": "a"}) == Condition("brand", "$eq", "a")


def test_an_empty_filter_holds_for_everything():
    assert read_filter({}) == Every(())


def test_two_operators_on_a_field_must_both_hold():
    assert read_filter({"price": {"$gte": 1, "$lt": 5.5}}) == Every(
        (Condition("price", "$gte", 1), Condition("price", "$lt", 5.5))
    )


def test_groups_nest():
    read = read_filter(
        {"$or": [{"a": 1}, {"$not": {"b.c": {"$in": ["x", "y"]}}}], "$and": [{"d": True}]}
    )
    assert read == Every(
        (
            AnyOf((Condition("a", "$eq", 1), Negation(Condition("b.c", "$in", ("x", "y"))))),
            Every((Condition("d", "$eq", True),)),
        )
    )


def test_the_filter_of_the_mission_is_read():
    read = read_filter({"document_id": {"$nin": ["doc_1", "https://shop.example/2?x=1"]}})
    assert read == Condition("document_id", "$nin", ("doc_1", "https://shop.example/2?x=1"))


@pytest.mark.parametrize(
    ("sent", "pointer", "words"),
    [
        ([], "/filters", "must be an object"),
        ({"price": {"$near": 3}}, "/filters/price/$near", "no operator '$near'"),
        ({"price": {"eq": 3}}, "/filters/price/eq", "no operator 'eq'"),
        ({"price": {}}, "/filters/price", "compared with nothing"),
        ({"$xor": []}, "/filters/$xor", "there is no '$xor' here"),
        ({"$or": {}}, "/filters/$or", "list of filters"),
        ({"$or": [{"a": 1}, 3]}, "/filters/$or/1", "must be an object"),
        ({"$not": []}, "/filters/$not", "must be an object"),
        ({"a": {"$in": "x"}}, "/filters/a/$in", "list of values"),
        ({"a": {"$in": ["x", None]}}, "/filters/a/$in/1", "equal to null"),
        ({"a": {"$in": ["x", ["y"]]}}, "/filters/a/$in/1", "a number, a text"),
        ({"a": None}, "/filters/a", "equal to null"),
        ({"a": [1]}, "/filters/a", "a number, a text"),
        ({"a": {"$gt": True}}, "/filters/a/$gt", "a number or a text"),
        ({"a": {"$exists": 1}}, "/filters/a/$exists", "true or false"),
        ({"a..b": 1}, "/filters/a..b", "each dot"),
        ({"": 1}, "/filters/", "each dot"),
        ({"a/b": {"$bad": 1}}, "/filters/a~1b/$bad", "no operator"),
    ],
)
def test_a_mistake_is_named_with_its_place(sent, pointer, words):
    with pytest.raises(InputError, match=r".") as caught:
        read_filter(sent)
    assert caught.value.where == pointer
    assert words in str(caught.value)


def test_the_place_begins_where_the_caller_says():
    with pytest.raises(InputError) as caught:
        read_filter({"a": None}, where="/stages/0/filters")
    assert caught.value.where == "/stages/0/filters/a"


def test_nesting_is_bounded():
    sent = {"a": 1}
    for _ in range(MAX_DEPTH):
        sent = {"$not": sent}
    read_filter(sent)
    with pytest.raises(InputError, match="nests at most"):
        read_filter({"$not": sent})


def test_lists_and_conditions_are_bounded():
    read_filter({"a": {"$nin": ["x"] * MAX_VALUES}})
    with pytest.raises(InputError, match="at most 10000 values, got 10001"):
        read_filter({"a": {"$nin": ["x"] * (MAX_VALUES + 1)}})
    with pytest.raises(InputError, match="at most 10000 conditions"):
        read_filter({"$or": [{"a": 1}] * MAX_PARTS})


def test_filters_are_joined_without_needless_groups():
    one, other = Condition("a", "$eq", 1), Condition("b", "$eq", 2)
    assert join([]) is None
    assert join([None, Every(())]) is None
    assert join([None, one]) == one
    assert join([one, None, other]) == Every((one, other))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["$and", "$or", "$not", "$in", "$eq", "a", "b.c", ""]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


def read_or_refuse(sent):
    try:
        return read_filter(sent), "/filters"
    except InputError as error:
        return None, error.where


@given(json_values)
def test_any_json_is_a_filter_or_a_refusal_with_a_place(sent):
    read, where = read_or_refuse(sent)
    assert where.startswith("/filters")
    assert read is None or isinstance(sent, dict)
