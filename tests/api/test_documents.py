"""The description of the API: what it says is what every address does, and nothing else."""

import json
import re
import time
from pathlib import Path

import httpx2
import msgspec
import pytest

from rankloop.api.app import HANDLERS
from rankloop.api.documents import build_document
from rankloop.catalog.keys import SCOPES
from rankloop.testing.trained import keep_adapter

GOLDEN = Path(__file__).parents[1] / "golden" / "openapi.json"
DOCUMENT = build_document(HANDLERS)
OPERATIONS = [
    (method.upper(), path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
KNOWN = {
    "interaction_id": "i1",
    "user_id": "ann",
    "kind": "interactions",
    "retriever_id": "products",
    "source": "human",
    "document_id": "d1",
    "job_id": "j1",
    "model_id": "m1",
}
CLICK = {"feature_id": "d1", "interaction_type": "click"}
DOCUMENTS = [{"document_id": "d1", "text": "blue shoes"}]
RETRIEVER = "/v1/retrievers/{retriever_id}"
UPLOAD = "/v1/retrievers/{retriever_id}/documents"
JOBS = "/v1/jobs"
BODIES = {
    "/v1/retrievers/interactions": CLICK,
    "/v1/retrievers/interactions/batch": [CLICK],
    "/v1/searches": {"query": "shoes", "results": []},
    "/v1/retrievers/interactions/list": {},
    "/v1/users/erase": {"user_ids": ["nobody"]},
    "/v1/judgments/{source}": {"query": "shoes", "document_id": "d1", "relevance": 1},
    RETRIEVER: {"stages": [{"type": "text_search"}]},
    f"{RETRIEVER}/restore": {"version": 1},
    f"{RETRIEVER}/execute": {"query": "shoes"},
    f"{RETRIEVER}/rerank": {"query": "shoes", "candidates": [{"document_id": "d1"}]},
    UPLOAD: DOCUMENTS,
    f"{UPLOAD}/delete": {"document_ids": ["d2"]},
    JOBS: {"kind": "estimate"},
    "/v1/models/{model_id}/promote": {"force": True},
    "/v1/models/{model_id}/rollback": {},
}


class Caller:
    """Calls a server as the description says."""

    def __init__(self, served):
        self.engine = served.engine
        self.http = httpx2.Client(base_url=served.url)
        self.http.post("/v1/retrievers/interactions", json=CLICK | {"interaction_id": "i1"})
        self.http.post("/v1/retrievers/products/documents", json=DOCUMENTS)
        self.http.put("/v1/retrievers/products", json=BODIES[RETRIEVER])
        self.http.post(JOBS, json=BODIES[JOBS] | {"job_id": "j1"})
        keep_adapter(self.engine.models, "m1")
        export = self.http.get("/v1/exports/searches")
        self.known = KNOWN | {"export_id": export.headers["x-rankloop-export"]}
        self.key = None

    def call(self, method, path, *, known=None, body=None, query="", headers=None):
        names = self.known | (known or {})
        concrete = re.sub(r"\{(\w+)\}", lambda found: names[found[1]], path)
        content = json.dumps(BODIES.get(path)).encode() if body is None else body
        return self.http.request(
            method,
            concrete + query,
            content=content if method in ("POST", "PUT") else None,
            headers={"content-type": "application/json"}
            | ({"authorization": f"Bearer {self.key}"} if self.key else {})
            | (headers or {}),
        )


@pytest.fixture
def caller(serve, data_folder):
    caller = Caller(serve(data_folder))
    yield caller
    caller.http.close()


def documented(operation):
    return {int(status) for status in operation["responses"]}


def is_capture(operation):
    return operation.get("security") == [{"key": ["capture"]}]


def test_the_description_changed_only_on_purpose(golden):
    golden(GOLDEN, msgspec.json.format(msgspec.json.encode(DOCUMENT), indent=2).decode() + "\n")


def test_every_reference_leads_somewhere():
    text = json.dumps(DOCUMENT)
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', text))

    assert named <= set(DOCUMENT["components"]["schemas"])


def test_every_operation_says_what_it_does_and_has_a_name_of_its_own():
    operations = [operation for _, _, operation in OPERATIONS]

    assert all(operation["summary"] for operation in operations)
    assert len({operation["operationId"] for operation in operations}) == len(operations)


def test_every_address_of_the_contract_is_described():
    expected = {
        "/v1/retrievers/interactions",
        "/v1/retrievers/interactions/batch",
        "/v1/retrievers/interactions/list",
        "/v1/retrievers/interactions/{interaction_id}",
        "/v1/searches",
        "/v1/users/{user_id}",
        "/v1/users/{user_id}/export",
        "/v1/users/erase",
        RETRIEVER,
        f"{RETRIEVER}/versions",
        f"{RETRIEVER}/restore",
        f"{RETRIEVER}/execute",
        f"{RETRIEVER}/rerank",
        "/v1/retrievers/{retriever_id}/documents",
        "/v1/retrievers/{retriever_id}/documents/{document_id}",
        "/v1/retrievers/{retriever_id}/documents/delete",
        "/v1/models",
        "/v1/models/{model_id}",
        "/v1/models/{model_id}/promote",
        "/v1/models/{model_id}/rollback",
        "/v1/exports/{kind}",
        "/v1/analytics/retrievers/{retriever_id}/signals",
        "/v1/analytics/retrievers/{retriever_id}/health",
        JOBS,
        f"{JOBS}/{{job_id}}",
        f"{JOBS}/{{job_id}}/cancel",
        "/health/live",
        "/health/ready",
        "/metrics",
    }

    assert expected <= set(DOCUMENT["paths"])


def test_the_page_needs_no_network(caller):
    page = caller.http.get("/schema")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert re.findall(r"(?:src|href)=[\"']?(https?:|//)", page.text) == []
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_the_document_is_served(caller):
    answer = caller.http.get("/schema/openapi.json")

    assert answer.json() == DOCUMENT
    assert answer.json()["openapi"] == "3.1.0"


def deletions_last(operations):
    """What is deleted must be there: parts go before the whole."""
    return sorted(operations, key=lambda one: (one[0] == "DELETE") * (1_000 - len(one[1])))


def test_a_good_call_is_answered_as_described(caller):
    for method, path, operation in deletions_last(OPERATIONS):
        answer = caller.call(method, path)

        assert answer.status_code in documented(operation), (method, path, answer.text)
        assert answer.status_code < 300, (method, path, answer.text)
        content = operation["responses"][str(answer.status_code)].get("content")
        if content:
            media = {kind.partition(";")[0] for kind in content}
            assert answer.headers["content-type"].partition(";")[0] in media


def test_a_bad_call_is_a_400(caller):
    for method, path, operation in OPERATIONS:
        if is_capture(operation):
            answer = caller.call(method, path, body=b"[")
        else:
            answer = caller.call(method, path, query="?colour=red")

        assert (answer.status_code, 400 in documented(operation)) == (400, True), (method, path)


def test_no_key_is_a_401_and_a_weak_one_a_403(caller):
    keys = caller.engine.keys
    tokens = {scope: keys.create(scope, [scope]).token for scope in SCOPES}
    for method, path, operation in deletions_last(OPERATIONS):
        if 401 in documented(operation):
            answers = []
            scope = operation["security"][0]["key"][0]
            weak = tokens["capture" if scope == "search" else "search"]
            for key in (None, weak, tokens[scope]):
                caller.key = key
                answers.append(caller.call(method, path).status_code)

            assert answers[:2] == [401, 403], (method, path)
            assert answers[2] < 300 or (method, answers[2]) == ("DELETE", 404), (method, path)


def test_what_is_not_there_is_a_404(caller):
    for method, path, operation in OPERATIONS:
        if 404 in documented(operation):
            answer = caller.call(method, path, known=dict.fromkeys(caller.known, "nope"))

            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_too_much_is_a_413_and_the_wrong_kind_a_415(caller):
    for method, path, operation in OPERATIONS:
        if 413 in documented(operation):
            n_bytes = 68_000_000 if path in (UPLOAD, JOBS) else 6_000_000
            assert caller.call(method, path, body=b" " * n_bytes).status_code == 413
        if 415 in documented(operation):
            wrong = caller.call(method, path, headers={"content-type": "text/html"})
            assert wrong.status_code == 415


def test_while_the_store_is_away_what_needs_it_is_a_503(caller, monkeypatch):
    monkeypatch.setattr(type(caller.engine.store), "append_lines", refuse)
    monkeypatch.setattr("rankloop.api.reading.WAIT_S", 0.1)
    monkeypatch.setattr(type(caller.engine.delivery).drain, "__defaults__", (0.1,))
    caller.engine.documents.close()
    caller.http.post("/v1/retrievers/interactions", json=CLICK)
    while caller.engine.delivery.last_failure is None:
        time.sleep(0.01)
    # Reading first: once the intake has stopped there is no way back.
    for method, path, operation in sorted(OPERATIONS, key=lambda one: is_capture(one[2])):
        if 503 in documented(operation):
            if is_capture(operation):
                caller.engine.intake.stop()

            answer = caller.call(method, path)

            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), path
            assert answer.headers["retry-after"] == "1"
            assert answer.json()["is_retryable"] is True
    monkeypatch.undo()


def refuse(*_, **__):
    raise OSError("the disk is away")
