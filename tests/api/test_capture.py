"""The capture addresses, over the real application."""

import asyncio
import json

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rankloop.api.app import build_app
from rankloop.api.capture import build_front
from rankloop.settings import load_settings
from rankloop.wiring import open_engine

INTERACTIONS = "/v1/retrievers/interactions"
BATCH = "/v1/retrievers/interactions/batch"
SEARCHES = "/v1/searches"
NDJSON = {"content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}
CLICK = {"feature_id": "d1", "interaction_type": ["click"]}


class Api:
    """The application in this process, called as over a socket."""

    def __init__(self, folder, **overrides):
        named = {name.replace("__", "."): value for name, value in overrides.items()}
        self.engine = open_engine(folder, load_settings(environment={}, overrides=named))
        self.front = build_front(self.engine, build_app(self.engine))

    def call(self, method, path, **request):
        async def run():
            transport = httpx2.ASGITransport(self.front)
            async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
                return await http.request(method, path, **request)

        return asyncio.run(run())

    def post(self, path, content, headers=JSON):
        body = content if isinstance(content, bytes | str) else json.dumps(content)
        return self.call("POST", path, content=body, headers=headers)

    def count(self):
        self.engine.delivery.drain()
        return self.engine.store.ask("store_counts").to_pylist()[0]


@pytest.fixture
def api(tmp_path):
    api = Api(tmp_path / "data")
    yield api
    api.engine.close()


def test_one_interaction_is_answered_with_itself(api):
    answer = api.post(INTERACTIONS, CLICK | {"position": 3, "user_id": "user_123"})

    body = answer.json()
    assert answer.status_code == 201
    assert (body["status"], body["feature_id"], body["position"]) == ("accepted", "d1", 3)
    assert body["interaction_type"] == ["click"]
    assert body["user_id"].startswith("u~"), "the pseudonym is shown, never the plain id"
    assert api.count()["interactions"] == 1


def test_the_same_one_again_is_a_duplicate(api):
    first = api.post(INTERACTIONS, CLICK | {"interaction_id": "i1"})
    again = api.post(INTERACTIONS, CLICK | {"interaction_id": "i1"})

    assert first.json()["status"] == "accepted"
    assert (again.status_code, again.json()["status"]) == (201, "duplicate")
    assert api.count()["interactions"] == 1


def test_a_duplicate_is_known_after_delivery_and_after_a_restart(tmp_path):
    first = Api(tmp_path / "data")
    first.post(INTERACTIONS, CLICK | {"interaction_id": "i1"})
    first.count()
    assert (
        first.post(INTERACTIONS, CLICK | {"interaction_id": "i1"}).json()["status"] == "duplicate"
    )
    first.engine.close()

    second = Api(tmp_path / "data")
    assert (
        second.post(INTERACTIONS, CLICK | {"interaction_id": "i1"}).json()["status"] == "duplicate"
    )
    second.engine.close()


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (json.dumps([CLICK, {"feature_id": "d1"}, CLICK]), JSON),
        ("\n".join(json.dumps(item) for item in [CLICK, {"feature_id": "d1"}, CLICK]), NDJSON),
    ],
)
def test_many_get_a_verdict_each(api, content, headers):
    answer = api.post(INTERACTIONS, content, headers)

    assert answer.status_code == 202
    assert answer.json() == {
        "accepted": 2,
        "duplicate": 0,
        "rejected": [
            {
                "index": 1,
                "code": "missing_field",
                "pointer": "/interaction_type",
                "detail": "at least one type is needed",
            }
        ],
    }
    assert api.count()["interactions"] == 2


def test_the_batch_address_takes_one_as_many(api):
    assert api.post(BATCH, CLICK).json() == {"accepted": 1, "duplicate": 0, "rejected": []}


def test_an_empty_array_is_no_error(api):
    answer = api.post(INTERACTIONS, [])
    assert (answer.status_code, answer.json()["accepted"]) == (202, 0)


def test_searches_are_answered_with_their_ids(api):
    one = api.post(SEARCHES, {"query": "tv", "results": [{"document_id": "d1"}]})
    many = api.post(
        SEARCHES, [{"query": "tv", "search_id": "s1"}, {"results": []}, {"query": "radio"}]
    )

    assert (one.status_code, one.json()["status"]) == (201, "accepted")
    assert many.status_code == 202
    assert many.json()["search_ids"][:2] == ["s1", None]
    assert many.json()["rejected"][0]["pointer"] == "/query"
    assert api.count() == {"searches": 3, "impressions": 1, "interactions": 0}


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"{", JSON, 400, "invalid_event"),
        (b"", JSON, 400, "invalid_event"),
        (b"", NDJSON, 400, "invalid_event"),
        (b"[{]", JSON, 400, "invalid_event"),
        (b'{"feature_id": "\xff"}', JSON, 400, "invalid_event"),
        (
            b'{"feature_id": "d1", "interaction_type": "click", "value": NaN}',
            JSON,
            400,
            "invalid_event",
        ),
        (json.dumps(CLICK | {"position": -1}).encode(), JSON, 400, "invalid_event"),
        (json.dumps(CLICK).encode(), {"content-type": "text/html"}, 415, "unsupported_type"),
        (b" " * 6_000_000, JSON, 413, "too_large"),
        (json.dumps([CLICK] * 10_001).encode(), JSON, 413, "too_large"),
    ],
)
def test_what_cannot_be_taken_is_a_problem_and_nothing_is_stored(
    api, content, headers, status, code
):
    answer = api.post(INTERACTIONS, content, headers)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["instance"].startswith(f"{INTERACTIONS}#req_")
    assert api.count()["interactions"] == 0


def test_a_problem_points_at_the_field(api):
    problem = api.post(INTERACTIONS, CLICK | {"position": -1}).json()
    assert problem["errors"] == [
        {"pointer": "/position", "code": "out_of_range", "detail": "must be an int >= 0"}
    ]


def test_a_key_is_needed_once_there_is_one(api):
    key = api.engine.keys.create("shop", ["capture"])
    reader = api.engine.keys.create("report", ["read"])

    assert api.post(INTERACTIONS, CLICK).status_code == 401
    assert api.post(INTERACTIONS, CLICK, JSON | {"authorization": "Bearer rk_x"}).status_code == 401
    for token, status in ((key.token, 201), (reader.token, 403)):
        answer = api.post(INTERACTIONS, CLICK, JSON | {"authorization": f"Bearer {token}"})
        assert answer.status_code == status


def test_a_strange_host_is_refused_on_loopback(api):
    answer = api.post(INTERACTIONS, CLICK, JSON | {"host": "evil.example"})
    assert answer.status_code == 400
    assert api.count()["interactions"] == 0


def test_only_listed_origins_are_let_in(tmp_path):
    api = Api(tmp_path / "data", server__cors_origins=["https://shop.example"])
    listed = api.call("OPTIONS", INTERACTIONS, headers={"origin": "https://shop.example"})
    other = api.post(INTERACTIONS, CLICK, JSON | {"origin": "https://evil.example"})
    api.engine.close()

    assert listed.status_code == 204
    assert listed.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in other.headers


def test_a_hundred_thousand_custom_types_are_named_and_the_server_stays_up(api):
    for first in range(0, 100_000, 10_000):
        lines = "\n".join(
            f'{{"feature_id":"d1","interaction_type":"type_{number}"}}'
            for number in range(first, first + 10_000)
        )
        answer = api.post(INTERACTIONS, lines, NDJSON)
        assert answer.status_code == 202
    assert answer.json()["rejected"][0]["code"] == "too_many_types"
    assert api.count()["interactions"] == 1_000
    assert api.post(INTERACTIONS, CLICK).status_code == 201


def test_the_counts_of_what_came_are_in_the_metrics(api):
    api.post(INTERACTIONS, [CLICK, CLICK, {}])
    text = api.call("GET", "/metrics").text

    assert 'rankloop_capture_events_total{kind="interaction",outcome="accepted"} 2' in text
    assert 'rankloop_capture_events_total{kind="interaction",outcome="rejected"} 1' in text


ITEMS = st.lists(
    st.fixed_dictionaries(
        {"feature_id": st.sampled_from(["d1", "", "d2"])},
        optional={
            "interaction_id": st.sampled_from(["a", "b", "c"]),
            "interaction_type": st.sampled_from(["click", ["purchase", "view"], 3]),
            "position": st.integers(-2, 3),
        },
    ),
    max_size=12,
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ITEMS)
def test_accepted_duplicate_and_rejected_are_all_that_was_sent(api, items):
    before = api.count()["interactions"]
    verdict = api.post(INTERACTIONS, items).json()

    assert verdict["accepted"] + verdict["duplicate"] + len(verdict["rejected"]) == len(items)
    assert api.count()["interactions"] - before == verdict["accepted"]
