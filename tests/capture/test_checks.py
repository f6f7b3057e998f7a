"""The one law on what a valid event is."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankloop.capture.checks import Checker
from rankloop.capture.custom_types import TypeLedger

NOW = 1_795_000_000_000_000
DAY = 86_400_000_000


def checker(most_types=1_000):
    return Checker(lambda user: f"u~{user[::-1]}", TypeLedger(most=most_types))


def check(**body):
    return checker().check_interactions([msgspec.json.encode(body)], NOW)


def refuse(**body):
    (rejection,) = check(**body).rejected
    return rejection.code, rejection.pointer


def click(**more):
    return {"feature_id": "d1", "interaction_type": ["click"], **more}


def test_the_missions_interaction_is_taken_as_written():
    checked = check(
        feature_id="doc_xyz789",
        interaction_type=["click", "long_view"],
        position=3,
        metadata={"duration_ms": 4500, "query": "wireless earbuds", "device": "mobile"},
        user_id="user_123",
        session_id="sess_456",
        value=59.9,
        currency="EUR",
    )

    (row,) = checked.rows
    assert (row.document_id, row.types, row.type_mask) == ("doc_xyz789", ["click", "long_view"], 6)
    assert (row.position, row.duration_ms, row.device) == (3, 4500.0, "mobile")
    assert (row.query, row.value_micros, row.currency) == ("wireless earbuds", 59_900_000, "EUR")
    assert row.user == "u~321_resu"
    assert row.at == row.received_at == NOW


def test_aliases_and_a_bare_type_mean_the_same():
    plain = check(**click(search_id="s1")).rows[0]
    (other,) = (
        checker()
        .check_interactions(
            [b'{"document_id":"d1","interaction_type":"click","execution_id":"s1"}'], NOW
        )
        .rows
    )

    other.interaction_id = plain.interaction_id
    assert other == plain


def test_an_alias_that_contradicts_its_field_is_refused():
    assert refuse(**click(document_id="d2")) == ("conflict", "/document_id")


@pytest.mark.parametrize(
    ("more", "code", "pointer"),
    [
        ({"position": -1}, "out_of_range", "/position"),
        ({"position": "3"}, "wrong_type", "/position"),
        ({"position": True}, "wrong_type", "/position"),
        ({"interaction_type": []}, "out_of_range", "/interaction_type"),
        ({"interaction_type": ["click", 3]}, "wrong_type", "/interaction_type/1"),
        ({"interaction_type": ["click", "two words"]}, "invalid_type_name", "/interaction_type/1"),
        ({"interaction_type": None}, "missing_field", "/interaction_type"),
        ({"feature_id": None}, "missing_field", "/feature_id"),
        ({"feature_id": ""}, "out_of_range", "/feature_id"),
        ({"feature_id": "d" * 513}, "out_of_range", "/feature_id"),
        ({"session_id": "two words"}, "invalid_identifier", "/session_id"),
        ({"user_id": "line\nbreak"}, "invalid_identifier", "/user_id"),
        ({"user_id": "u~abc"}, "reserved", "/user_id"),
        ({"retriever_id": "interactions"}, "reserved", "/retriever_id"),
        ({"timestamp": "1970-01-01T00:00:00Z"}, "out_of_range", "/timestamp"),
        ({"timestamp": "2099-01-01T00:00:00Z"}, "out_of_range", "/timestamp"),
        ({"timestamp": "2026-11-02T10:00:04"}, "invalid_timestamp", "/timestamp"),
        ({"timestamp": "yesterday"}, "invalid_timestamp", "/timestamp"),
        ({"currency": "euro"}, "wrong_type", "/currency"),
        ({"metadata": {"a": "x" * 9_000}}, "too_large", "/metadata"),
        ({"metadata": {"query": "x" * 4_097}}, "too_long", "/metadata/query"),
        ({"metadata": {"duration_ms": -5}}, "out_of_range", "/metadata/duration_ms"),
        ({"colour": "red"}, "unknown_field", "/colour"),
        ({"a/b~c": 1}, "unknown_field", "/a~1b~0c"),
    ],
)
def test_a_bad_field_is_named_by_pointer(more, code, pointer):
    assert refuse(**click(**more)) == (code, pointer)


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (b'{"feature_id": "d1", "interaction_type": ["click"], "value": NaN}', "malformed_json"),
        (b'{"feature_id": "d1"', "malformed_json"),
        (b'{"feature_id": "\xff", "interaction_type": ["click"]}', "not_utf8"),
        (b'{"feature_id": "\\ud800", "interaction_type": ["click"]}', "malformed_json"),
        (b"[1, 2]", "wrong_type"),
        (b'{"metadata": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"}", "too_deep"),
    ],
)
def test_an_item_that_is_not_readable_says_why(item, code):
    (rejection,) = checker().check_interactions([item], NOW).rejected
    assert rejection.code == code


def test_a_bad_item_spoils_no_other():
    good = msgspec.json.encode(click())
    checked = checker().check_interactions([good, b"{", good, b"[]", good], NOW)

    assert checked.row_indexes == [0, 2, 4]
    assert [rejection.index for rejection in checked.rejected] == [1, 3]
    assert len({row.interaction_id for row in checked.rows}) == 3


def test_a_client_a_day_ahead_is_believed_and_not_more():
    day_ahead = msgspec.json.encode(click(timestamp="2026-11-19T11:06:40Z"))
    later = msgspec.json.encode(click(timestamp="2026-11-19T11:06:41Z"))
    checked = checker().check_interactions([day_ahead, later], NOW)

    assert [row.at for row in checked.rows] == [NOW + DAY]
    assert [rejection.index for rejection in checked.rejected] == [1]


def test_custom_types_are_taken_up_to_a_bound():
    law = checker(most_types=3)
    items = [msgspec.json.encode(click(interaction_type=[f"type_{n}"])) for n in range(10)]
    checked = law.check_interactions(items, NOW)

    assert len(checked.rows) == 3
    assert {rejection.code for rejection in checked.rejected} == {"too_many_types"}
    assert law.check_interactions(items[:3], NOW).rejected == []


def test_an_empty_list_found_nothing_and_an_absent_one_is_unknown():
    empty, absent = (
        checker().check_searches([b'{"query": "tv", "results": []}', b'{"query": "tv"}'], NOW).rows
    )

    assert empty.n_results == 0
    assert absent.n_results is None


def test_a_search_keeps_its_list_in_order():
    (row,) = (
        checker()
        .check_searches(
            [
                b'{"query":"tv","retriever_id":"shop","offset":10,"filters":{"b":1,"a":2},'
                b'"results":[{"document_id":"d2","score":1.5},'
                b'{"document_id":"d1","logging_probability":0.5}]}'
            ],
            NOW,
        )
        .rows
    )

    assert [result.document_id for result in row.results] == ["d2", "d1"]
    assert (row.page_offset, row.n_results, row.filters) == (10, 2, '{"a":2,"b":1}')


@pytest.mark.parametrize(
    ("item", "code", "pointer"),
    [
        (b'{"results": []}', "missing_field", "/query"),
        (
            b'{"query": "x", "results": [{"document_id": "a b"}]}',
            "invalid_identifier",
            "/results/0/document_id",
        ),
        (
            b'{"query": "x", "results": [{"document_id": "a"}, {}]}',
            "missing_field",
            "/results/1/document_id",
        ),
        (
            b'{"query": "x", "results": [{"document_id": "a", "logging_probability": 0}]}',
            "out_of_range",
            "/results/0/logging_probability",
        ),
        (b'{"query": "x", "offset": -10}', "out_of_range", "/offset"),
        (b'{"query": "a\\u0000b"}', "invalid_text", "/query"),
        (b'{"query": "x", "actor": "ghost"}', "wrong_type", "/actor"),
    ],
)
def test_a_bad_search_is_named_by_pointer(item, code, pointer):
    (rejection,) = checker().check_searches([item], NOW).rejected
    assert (rejection.code, rejection.pointer) == (code, pointer)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    ["feature_id", "interaction_type", "position", "metadata", "user_id", "timestamp", "value", "x"]
)


@given(st.lists(st.dictionaries(FIELDS, JSON, max_size=5) | JSON, max_size=8))
def test_no_json_crashes_the_law_and_all_of_it_gets_a_verdict(bodies):
    items = [msgspec.json.encode(body) for body in bodies]
    checked = checker().check_interactions(items, NOW)

    assert len(checked.rows) + len(checked.rejected) == len(bodies)
    assert sorted([*checked.row_indexes, *(r.index for r in checked.rejected)]) == list(
        range(len(bodies))
    )


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_no_bytes_crash_the_law(items):
    checked = checker().check_searches(items, NOW)
    assert len(checked.rows) + len(checked.rejected) == len(items)


def test_an_item_may_be_written_on_several_lines():
    items = [
        msgspec.json.format(msgspec.json.encode(click(user_id=f"u{n}")), indent=2) for n in (1, 2)
    ]
    checked = checker().check_interactions([msgspec.Raw(item) for item in items], NOW)

    assert [row.user for row in checked.rows] == ["u~1u", "u~2u"]


def test_two_objects_in_one_item_are_no_interaction():
    item = msgspec.json.encode(click())
    checked = checker().check_interactions([item + b"\n" + item], NOW)

    assert checked.rows == []
    assert [rejection.code for rejection in checked.rejected] == ["malformed_json"]


@given(
    st.lists(
        st.sampled_from(
            [
                b'{"feature_id":"d1","interaction_type":["click","view"],"user_id":"u1"}',
                b'{"feature_id":"d1","interaction_type":"click","metadata":{"query":"red"}}',
                b'{"feature_id":"two words","interaction_type":"click"}',
                b'{"feature_id":"d1","interaction_type":"no type"}',
                b'{"feature_id":"d1"',
                b'{"feature_id":"d1","interaction_type":"click","metadata":{"duration_ms":-1}}',
                b'{"interaction_type":["hovered","hovered"],"interaction_id":"i1"}',
            ]
        ),
        max_size=8,
    )
)
def test_an_item_fares_in_a_batch_as_it_does_alone(items):
    together = checker().check_interactions(items, NOW)
    alone = [checker().check_interactions([item], NOW) for item in items]

    rows = [row for checked in alone for row in checked.rows]
    for row in [*together.rows, *rows]:
        row.interaction_id = row.interaction_id if row.interaction_id == "i1" else ""
    assert together.rows == rows
    assert [(r.code, r.pointer, r.detail) for r in together.rejected] == [
        (r.code, r.pointer, r.detail) for checked in alone for r in checked.rejected
    ]
    assert together.row_indexes == [place for place, checked in enumerate(alone) if checked.rows]
