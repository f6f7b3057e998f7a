"""The application over a folder with a few events, called without a socket."""

import json
from types import SimpleNamespace

import pytest

from rankloop.api.local import LocalEngine, LocalTransport
from rankloop.client.calls import NDJSON, Call

INTERACTIONS = "/v1/retrievers/interactions"


class Api:
    """Calls into the application."""

    def __init__(self, folder):
        self.local = LocalEngine(folder)
        self.transport = LocalTransport(self.local)

    @property
    def engine(self):
        return self.local._engine

    def call(self, method, path, body=None, *, headers=None, accept="application/json", **query):
        text = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        answer = self.transport.send(
            Call(method, path, query, body=text, accept=accept, headers=headers or {})
        )
        return SimpleNamespace(
            status=answer.status,
            headers=answer.headers,
            body=answer.body,
            json=lambda: json.loads(answer.body),
        )

    def get(self, path, **query):
        return self.call("GET", path, **query)

    def fill(self, rows, path=f"{INTERACTIONS}/batch"):
        body = b"\n".join(json.dumps(row).encode() for row in rows)
        answer = self.transport.send(Call("POST", path, body=body, content_type=NDJSON))
        assert answer.status == 202, answer.body
        assert json.loads(answer.body)["rejected"] == []


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Return the application over 25 clicks of five users and a few searches; only read it."""
    api = Api(tmp_path_factory.mktemp("shop") / "data")
    api.fill(
        [
            {
                "interaction_id": f"i{n:02}",
                "feature_id": f"d{n % 4}",
                "interaction_type": ["click", "long_view"] if n % 5 == 0 else ["click"],
                "position": n % 10,
                "user_id": f"user{n % 5}",
                "session_id": f"s{n % 3}",
                "retriever_id": "products" if n % 2 else "articles",
                "timestamp": f"2026-11-02T10:{n:02}:00Z",
                "metadata": {"n": n},
                "value": n / 2,
                "currency": "EUR",
            }
            for n in range(25)
        ]
    )
    api.fill(
        [
            {
                "search_id": f"q{n}",
                "retriever_id": "products",
                "query": "blue shoes",
                "user_id": "user0",
                "timestamp": "2026-11-02T09:00:00Z",
                "results": [{"document_id": "d1", "score": 2.5}, {"document_id": "d2"}],
            }
            for n in range(3)
        ],
        "/v1/searches",
    )
    yield api
    api.transport.close()


@pytest.fixture
def api(tmp_path):
    """Return the application over an empty folder of its own."""
    api = Api(tmp_path / "data")
    yield api
    api.transport.close()
