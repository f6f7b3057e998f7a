"""Rows out of the store as records of the API."""

import msgspec

from rankloop.privacy.records import to_interaction, to_search


def test_an_interaction_has_the_names_of_the_wire(store):
    row = store.ask("interaction", {"interaction_id": "i1"}).to_pylist()[0]

    shown = msgspec.json.decode(msgspec.json.encode(to_interaction(row)))

    assert (shown["interaction_id"], shown["feature_id"], shown["interaction_type"]) == (
        "i1",
        "d1",
        ["click"],
    )
    assert shown["metadata"] == {}
    assert shown["timestamp"] == "2026-09-21T14:13:21Z"


def test_a_search_shows_its_list_and_what_is_unknown_as_null(store, names):
    rows = store.ask("user_searches", {"user_id": names.to_stored("ann")}).to_pylist()

    shown = msgspec.json.decode(msgspec.json.encode(to_search(rows[0])))

    assert shown["results"] == [
        {"document_id": "d1", "score": None, "logging_probability": None},
        {"document_id": "d2", "score": None, "logging_probability": None},
    ]


def test_an_unknown_list_is_null_and_an_empty_one_is_empty(store, names):
    row = store.ask("user_searches", {"user_id": names.to_stored("ann")}).to_pylist()[0]
    nothing = {"document_ids": [], "scores": [], "logging_probabilities": []}

    assert to_search(row | nothing | {"n_results": None}).results is None
    assert to_search(row | nothing | {"n_results": 0}).results == []
