"""Users: what is held about one, and its erasure."""

import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rankloop.client.calls import quote_step

LISTED = "/v1/retrievers/interactions"
RUNS = itertools.count()
CLICK = {"feature_id": "d1", "interaction_type": "click"}


@pytest.fixture
def people(api):
    """Return the application with two clicks and a search of ann, and a click of bob."""
    api.fill(
        [{"search_id": "s1", "query": "q", "user_id": "ann", "results": [{"document_id": "d1"}]}],
        "/v1/searches",
    )
    api.fill(
        [
            CLICK | {"interaction_id": "a1", "user_id": "ann", "search_id": "s1"},
            CLICK | {"interaction_id": "a2", "user_id": "ann"},
            CLICK | {"interaction_id": "b1", "user_id": "bob"},
        ]
    )
    return api


def test_the_export_of_a_user_has_everything(people):
    archive = people.get("/v1/users/ann/export").json()

    assert [row["interaction_id"] for row in archive["interactions"]] == ["a1", "a2"]
    assert [row["search_id"] for row in archive["searches"]] == ["s1"]
    assert archive["searches"][0]["results"][0]["document_id"] == "d1"
    assert archive["user_id"].startswith("u~")


def test_the_export_takes_the_pseudonym(people):
    plain = people.get("/v1/users/ann/export").json()

    assert (
        people.get(f"/v1/users/{plain['user_id']}/export").json()["interactions"]
        == (plain["interactions"])
    )


def test_the_export_of_an_unknown_user_is_empty(people):
    archive = people.get("/v1/users/nobody/export").json()

    assert (archive["interactions"], archive["searches"]) == ([], [])


def test_an_erased_user_is_never_seen_again(people):
    receipt = people.call("DELETE", "/v1/users/ann").json()

    assert receipt["rows"]["interactions"] == 2
    assert receipt["rows"]["searches"] == 1
    assert (receipt["models"], receipt["users"]) == ([], 1)
    assert people.get("/v1/users/ann/export").json()["interactions"] == []
    assert people.get("/v1/analytics/retrievers/-/signals").json()["overview"]["searches"] == 0
    assert [row["interaction_id"] for row in people.get(LISTED).json()["results"]] == ["b1"]


def test_several_users_are_erased_at_once(people):
    receipt = people.call("POST", "/v1/users/erase", {"user_ids": ["ann", "bob"]}).json()

    assert receipt["rows"]["interactions"] == 3
    assert people.get(LISTED).json()["results"] == []


def test_a_late_retry_resurrects_nothing(people):
    people.call("DELETE", "/v1/users/ann")

    answer = people.call(
        "POST",
        f"{LISTED}/batch",
        [CLICK | {"interaction_id": "a1", "user_id": "ann"}],
        headers={"content-type": "application/json"},
    )

    assert answer.json() == {"accepted": 0, "duplicate": 1, "rejected": [], "duplicates": [0]}
    assert people.get("/v1/users/ann/export").json()["interactions"] == []


def test_nothing_of_an_erased_user_is_left_in_journal_and_exports(people, tmp_path):
    secret_word = "an-unmistakable-session"
    people.fill([CLICK | {"interaction_id": "a3", "user_id": "ann", "session_id": secret_word}])
    people.get("/v1/exports/interactions")

    people.call("DELETE", "/v1/users/ann")
    people.transport.close()

    holders = [
        path.name
        for path in (tmp_path / "data").rglob("*")
        if path.is_file() and secret_word.encode() in path.read_bytes()
    ]
    # DuckDB overwrites the blocks of deleted rows when it needs them again, not at once.
    assert set(holders) <= {"events.duckdb"}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/user_ids"),
        ({"user_ids": []}, "/user_ids"),
        ({"user_ids": [""]}, "/user_ids/0"),
        ({"user_ids": ["ann", 7]}, "/user_ids/1"),
        ({"user_ids": "ann"}, "/user_ids"),
        ({"users": ["ann"]}, "/users"),
        ({"user_ids": ["u"] * 1_001}, "/user_ids"),
    ],
)
def test_a_wrong_request_erases_nobody(people, body, pointer):
    answer = people.call("POST", "/v1/users/erase", body)

    assert (answer.status, answer.json()["errors"][0]["pointer"]) == (400, pointer)
    assert len(people.get(LISTED).json()["results"]) == 3


@pytest.mark.parametrize("user_id", ["a/b", "a b", "ü", "100%", "x/export"])
def test_a_user_may_have_any_name(api, user_id):
    stored = api.engine.pseudonyms.to_stored(user_id)

    archive = json.loads(api.get(f"/v1/users/{quote_step(user_id)}/export").body)

    assert archive["user_id"] == stored


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    owners=st.lists(st.sampled_from(["ann", "bob", "cid", None]), min_size=1, max_size=30),
    erased=st.sets(st.sampled_from(["ann", "bob"]), min_size=1),
)
def test_a_user_deleted_is_a_user_never_seen(api, owners, erased):
    run = f"run{next(RUNS)}"
    api.fill(
        CLICK
        | {"interaction_id": f"{run}-{n}", "session_id": run}
        | ({"user_id": f"{run}-{owner}"} if owner else {})
        for n, owner in enumerate(owners)
    )

    receipt = api.call(
        "POST", "/v1/users/erase", {"user_ids": [f"{run}-{owner}" for owner in sorted(erased)]}
    ).json()

    left = {f"{run}-{n}" for n, owner in enumerate(owners) if owner not in erased}
    assert receipt["rows"]["interactions"] == len(owners) - len(left)
    assert {
        row["interaction_id"] for row in api.get(LISTED, session_id=run).json()["results"]
    } == left
    exported = api.get("/v1/exports/interactions").body.splitlines()
    assert {
        row["interaction_id"] for row in map(json.loads, exported) if row["session_id"] == run
    } == left
    for owner in erased:
        assert api.get(f"/v1/users/{run}-{owner}/export").json()["interactions"] == []
