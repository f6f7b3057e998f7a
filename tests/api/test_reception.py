"""What every request passes: its id, keys, browsers, and problems where there is no answer."""

import json

import httpx2
import pytest

from rankloop.api.app import HANDLERS

LISTED = "/v1/retrievers/interactions"
JSON = {"content-type": "application/json"}


@pytest.fixture
def http(serve, data_folder):
    """Return a client of a server that keys are asked for."""
    served = serve(data_folder, server__cors_origins=["https://shop.example"])
    with httpx2.Client(base_url=served.url) as client:
        client.keys = served.engine.keys
        yield client


def bearer(http, *scopes):
    return {"authorization": f"Bearer {http.keys.create('test', scopes).token}"}


def test_every_answer_has_a_request_id_and_every_problem_repeats_it(http):
    first, second = http.get("/nowhere"), http.get("/nowhere")

    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert first.json()["request_id"] == first.headers["x-request-id"]
    assert http.get("/health/live").headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/v1", 404),
        ("GET", "/schema/nothing", 404),
        ("PUT", LISTED, 405),
        ("GET", "/v1/searches", 405),
        ("GET", f"{LISTED}/batch", 405),
        ("DELETE", "/health/live", 405),
        ("POST", "/metrics", 405),
        ("GET", f"{LISTED}?colour=red", 400),
        ("GET", "/health/live?verbose=1", 400),
        ("GET", f"{LISTED}/nope", 404),
    ],
)
def test_every_refusal_is_a_problem_document(http, method, path, status):
    answer = http.request(method, path)

    problem = answer.json()
    assert answer.status_code == problem["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "instance", "code", "request_id"} <= set(problem)
    assert problem["instance"] == f"{path.partition('?')[0]}#{problem['request_id']}"


def test_a_wrong_method_is_told_which_are_right(http):
    assert "GET" in http.put(LISTED).headers["allow"]


def test_a_body_over_the_limit_is_refused(http):
    spaces = b" " * 6_000_000
    answer = http.post(f"{LISTED}/list", content=spaces, headers=JSON)

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("path", [LISTED, f"{LISTED}/list", "/v1/searches", "/v1/users/erase"])
@pytest.mark.parametrize("said", [{}, {"content-type": "text/plain"}], ids=["nothing", "text"])
def test_a_body_that_a_page_of_another_site_could_send_is_refused(http, path, said):
    answer = http.post(path, content=b'{"user_ids": ["u1"]}', headers=said)

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_type")


@pytest.mark.parametrize("path", [LISTED, "/v1/users/erase"])
def test_a_packed_body_is_refused_as_such(http, path):
    answer = http.post(path, content=b"x", headers={**JSON, "content-encoding": "gzip"})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (415, "Content-Encoding")


def test_no_body_needs_no_content_type(http):
    assert http.post(f"{LISTED}/list").status_code == 200


def test_head_is_get_without_the_body(http):
    answer, whole = http.head(LISTED), http.get(LISTED)

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(whole.content))
    assert http.head("/nowhere").status_code == 404


def test_the_instance_of_a_problem_is_a_uri(http):
    problem = http.get(f"{LISTED}/a%20b%00").json()

    assert problem["instance"] == f"{LISTED}/a%20b%00#{problem['request_id']}"


def test_brackets_without_end_are_told_in_our_words(http):
    answer = http.post(LISTED, content=b"[" * 100_000, headers=JSON)

    assert (answer.status_code, answer.json()["detail"]) == (400, "the JSON is nested too deeply")


def test_without_any_key_loopback_needs_none(http):
    assert http.get(LISTED).status_code == 200


def test_with_a_key_made_every_address_but_health_and_the_description_asks_for_one(http):
    http.keys.create("first", ["admin"])

    for handler in HANDLERS:
        path = min(handler.paths)
        for method in handler.http_methods:
            answer = http.request(method, path)
            expected = {401} if handler.opt["address"].scope else {200}
            assert answer.status_code in expected, (method, path, answer.text)
    assert http.get("/schema").status_code == 200
    assert http.get("/schema/openapi.json").status_code == 200


@pytest.mark.parametrize(
    ("scopes", "method", "path", "status"),
    [
        (["read"], "GET", LISTED, 200),
        (["capture"], "GET", LISTED, 403),
        (["search"], "GET", LISTED, 403),
        (["admin"], "GET", LISTED, 200),
        (["read"], "DELETE", f"{LISTED}/nope", 403),
        (["admin"], "DELETE", f"{LISTED}/nope", 404),
        (["read"], "DELETE", "/v1/users/nobody", 403),
        (["admin"], "DELETE", "/v1/users/nobody", 200),
        (["read"], "GET", "/metrics", 200),
        (["capture"], "GET", "/v1/exports/interactions", 403),
        (["read"], "POST", f"{LISTED}/batch", 403),
        (["capture"], "POST", f"{LISTED}/batch", 202),
    ],
)
def test_a_key_opens_what_its_scopes_say(http, scopes, method, path, status):
    click = json.dumps([{"feature_id": "d", "interaction_type": "click"}])
    headers = bearer(http, *scopes) | {"content-type": "application/json"}

    answer = http.request(
        method, path, headers=headers, content=click if method == "POST" else None
    )

    assert answer.status_code == status


@pytest.mark.parametrize("header", ["Bearer nope", "Basic abc", "Bearer", "rk_x", "Bearer é"])
def test_a_wrong_key_is_refused(http, header):
    http.keys.create("first", ["admin"])

    answer = http.get(LISTED, headers={"authorization": header.encode()})

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_revoked_key_is_refused_at_once(http):
    key = http.keys.create("first", ["admin"])
    headers = {"authorization": f"Bearer {key.token}"}
    assert http.get(LISTED, headers=headers).status_code == 200

    http.keys.revoke(key.key_id)

    assert http.get(LISTED, headers=headers).status_code == 401


def test_an_allowed_browser_origin_may_read_and_others_may_not(http):
    allowed = http.get(LISTED, headers={"origin": "https://shop.example"})
    other = http.get(LISTED, headers={"origin": "https://evil.example"})

    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-origin" not in other.headers


def test_a_browser_may_ask_before_it_calls(http):
    answer = http.options(
        LISTED,
        headers={"origin": "https://shop.example", "access-control-request-method": "GET"},
    )

    assert answer.status_code == 204
    assert "authorization" in answer.headers["access-control-allow-headers"]


def test_another_host_name_is_refused_on_loopback(http):
    answer = http.get(LISTED, headers={"host": "evil.example"})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "Host")


def test_an_accident_inside_is_a_500_without_inner_text(http, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr("rankloop.api.interactions._read_page", fail)

    answer = http.get(LISTED)

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "hunter2" not in answer.text
    assert answer.json()["request_id"] in caplog.text
