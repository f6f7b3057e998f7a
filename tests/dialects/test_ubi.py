"""UBI records merged into searches, and events into interactions."""

import json

import pyarrow as pa
import pytest

from rankloop.dialects.ubi import UbiTranslator
from rankloop.store.duckdb import DuckDBStore


@pytest.fixture(scope="module")
def staging():
    store = DuckDBStore()
    with store.staging() as staging:
        yield staging
    store.close()


class Outcome:
    """What a file of UBI records becomes."""

    def __init__(self, staging, records):
        lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
        table = pa.table(
            {
                "n": pa.array(range(1, len(lines) + 1), pa.int64()),
                "body": pa.array([f"{line}\n" for line in lines], pa.large_string()),
            }
        )
        translator = UbiTranslator(staging)
        assert list(translator.translate(table)) == []
        self.bodies, self.rejected, self.notes = {}, {}, []
        for portion in translator.finish():
            for row in staging.execute("SELECT n, body FROM import_lines").to_pylist():
                body = json.loads(row["body"])
                self.bodies[row["n"]] = {k: v for k, v in body.items() if v is not None}
            self.rejected |= {each.line: each for each in portion.rejections}
            self.notes += portion.notes
        rows = staging.execute("SELECT n, n_records FROM import_weights").to_pylist()
        self.weights = {row["n"]: row["n_records"] for row in rows}
        rows = staging.execute("SELECT n, place, position FROM import_places").to_pylist()
        self.places = {(row["n"], row["place"]): row["position"] for row in rows}

    def documents(self, line):
        return [each["document_id"] for each in self.bodies[line]["results"]]


def query(query_id="q1", hits=None, **more):
    record = {"application": "shop", "query_id": query_id, "user_query": "shoes", **more}
    return record if hits is None else record | {"query_response_hit_ids": hits}


def event(action, ordinal=None, object_id=None, query_id="q1", **more):
    attributes = {}
    if object_id is not None:
        attributes["object"] = {"object_id": object_id, "object_id_field": "sku"}
    if ordinal is not None:
        attributes["position"] = {"ordinal": ordinal}
    return {
        "application": "shop",
        "action_name": action,
        "query_id": query_id,
        "client_id": "c1",
        "timestamp": "2026-01-02T03:04:05.678Z",
        "event_attributes": attributes,
        **more,
    }


def test_a_query_becomes_a_search_in_our_words(staging):
    out = Outcome(staging, [query(hits=["a", "b"], client_id="c1", timestamp=1767323045678)])

    assert out.bodies == {
        1: {
            "search_id": "q1",
            "query": "shoes",
            "user_id": "c1",
            "surface": "shop",
            "timestamp": "2026-01-02T03:04:05.678Z",
            "results": [{"document_id": "a"}, {"document_id": "b"}],
        }
    }


def test_an_event_becomes_an_interaction_in_our_words(staging):
    out = Outcome(staging, [event("click", 0, 17, user_id="", message="", session_id="s")])

    assert out.bodies[1] == {
        "interaction_type": "click",
        "feature_id": "17",
        "search_id": "q1",
        "position": 0,
        "timestamp": "2026-01-02T03:04:05.678Z",
        "user_id": "c1",
        "session_id": "s",
        "metadata": {"application": "shop", "object_id_field": "sku"},
    }


def test_records_of_one_query_merge_and_the_longest_list_wins(staging):
    records = [
        query(hits=[], timestamp="2026-01-02T00:00:02Z"),
        query(hits=["a", "b"], timestamp="2026-01-02T00:00:01Z"),
        query(hits=["c"], timestamp="2026-01-02T00:00:03Z"),
    ]
    out = Outcome(staging, records)

    assert list(out.bodies) == [1]
    assert out.documents(1) == ["a", "b"]
    assert out.bodies[1]["timestamp"] == "2026-01-02T00:00:01Z"
    assert out.weights == {1: 3}


@pytest.mark.parametrize("hits", [None, []])
def test_a_missing_list_is_rebuilt_from_impressions_in_their_places(staging, hits):
    records = [
        query(hits=hits),
        event("impression", 3, "d"),
        event("impression", 0, "a"),
        event("impression", 1, "b"),
        event("impression", 0, "a"),
    ]
    out = Outcome(staging, records)

    assert out.documents(1) == ["a", "b", "d"]
    assert out.places == {(1, 2): 3}
    assert out.weights == {1: 5}


def test_a_missing_list_without_impressions_is_unknown(staging):
    assert "results" not in Outcome(staging, [query(hits=[])]).bodies[1]


def test_a_list_that_is_there_is_kept_beside_impressions(staging):
    out = Outcome(staging, [query(hits=["a", "b"]), event("impression", 0, "z")])

    assert out.documents(1) == ["a", "b"]
    assert out.places == {}


def test_impressions_whose_events_say_the_query_make_a_search(staging):
    records = [event("impression", 0, "a", user_query="boots", session_id="s")]
    out = Outcome(staging, records)

    assert out.bodies[1]["query"] == "boots"
    assert out.bodies[1]["session_id"] == "s"


def test_impressions_of_an_unknown_query_are_refused(staging):
    out = Outcome(staging, [event("impression", 0, "a"), event("impression", 0, "a", query_id="")])

    assert out.bodies == {}
    assert {each.pointer for each in out.rejected.values()} == {"/query_id"}


@pytest.mark.parametrize(
    ("record", "pointer"),
    [
        (event("impression", 0), "/event_attributes/object/object_id"),
        (event("impression", None, "a"), "/event_attributes/position/ordinal"),
        (event("impression", "first", "a"), "/event_attributes/position/ordinal"),
    ],
)
def test_an_impression_without_its_parts_is_refused(staging, record, pointer):
    out = Outcome(staging, [query(), record])

    assert (out.rejected[2].code, out.rejected[2].pointer) == ("missing_field", pointer)
    assert out.weights == {1: 1}


def test_a_base_shows_in_comparison_with_the_lists(staging):
    from_one = [query(hits=["a", "b", "c"]), event("click", 2, "b"), event("click", 3, "c")]
    from_zero = [query(hits=["a", "b", "c"]), event("click", 1, "b"), event("click", 2, "c")]

    one, zero = Outcome(staging, from_one), Outcome(staging, from_zero)

    assert [one.bodies[line]["position"] for line in (2, 3)] == [1, 2]
    assert [zero.bodies[line]["position"] for line in (2, 3)] == [1, 2]
    assert one.notes == [
        "shop: positions count from 1 (2 fit the hit lists so, 0 from 0), shifted to count from 0"
    ]
    assert zero.notes == ["shop: positions count from 0 (2 fit the hit lists so, 0 from 1)"]


def test_a_base_shows_in_the_lowest_position_where_there_are_no_lists(staging):
    records = [
        event("click", 1, "a"),
        event("click", 2, "b"),
        event("click", 0, "a", application="other"),
        event("click", 7, "a", application="third"),
        event("search", application="fourth"),
    ]
    out = Outcome(staging, records)

    assert [body.get("position") for body in out.bodies.values()] == [0, 1, 0, 7, None]
    assert out.notes[0] == "other: positions count from 0 (the lowest is 0)"
    assert out.notes[1] == (
        "shop: positions count from 1 (the lowest is 1), shifted to count from 0"
    )
    assert "not clear" in out.notes[2]


def test_actions_of_ours_keep_their_name_and_others_become_custom_types(staging):
    actions = ["add_to_cart", "Click", "item-click!", "404_redirect"]
    out = Outcome(staging, [event(action) for action in actions])

    assert [body["interaction_type"] for body in out.bodies.values()] == [
        "add_to_cart",
        "click",
        "item_click_",
        "404_redirect",
    ]


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05.678Z"),
        ("2026-01-02T03:04:05.678+0000", "2026-01-02T03:04:05.678Z"),
        ("2026-01-02T03:04:05+00:00", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05+0230", "2026-01-02T03:04:05+02:30"),
        ("2026-01-02T03:04:00-00:00", "2026-01-02T03:04:00Z"),
        (1767323045678, "2026-01-02T03:04:05.678Z"),
        ("yesterday", "yesterday"),
    ],
)
def test_moments_are_written_as_ours(staging, moment, said):
    out = Outcome(staging, [event("click", timestamp=moment)])

    assert out.bodies[1]["timestamp"] == said


def test_bulk_actions_are_no_records(staging):
    action = {"index": {"_index": "ubi_queries", "_id": "1"}}

    out = Outcome(staging, [action, query(), {"create": {"_index": "ubi_events"}}, event("click")])

    assert list(out.bodies) == [2, 4]
    assert out.rejected == {}


@pytest.mark.parametrize("line", ["{", "[1]", "17", '"text"'])
def test_a_line_that_is_no_object_is_refused(staging, line):
    out = Outcome(staging, [line, query()])

    assert out.rejected[1].code == "malformed_json"
    assert list(out.bodies) == [2]


def test_addresses_and_browsers_are_not_kept(staging):
    record = event("click")
    record["event_attributes"] |= {"ip": "1.2.3.4", "browser": "Mozilla", "session_id": "s9"}

    body = Outcome(staging, [record]).bodies[1]

    assert body["session_id"] == "s9"
    assert "1.2.3.4" not in json.dumps(body)
    assert "Mozilla" not in json.dumps(body)
