"""The stage `external` asks a real server over HTTP, and stays within its time and its rights."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from rankloop.errors import AnswerError, FaultsError, UnavailableError
from rankloop.stages.base import Candidates
from rankloop.stages.external import External, ExternalConfig
from rankloop.testing.stage_contract import StageContract, build_candidates, build_query

PRODUCTS = [("p1", 9.5, {"title": "blue shoes"}), ("p2", 4.0, {"title": "blue hat"})]


class EngineServer(ThreadingHTTPServer):
    """Answers in the formats of OpenSearch and Typesense, and misbehaves where asked to."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), EngineHandler)
        self.asked = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class EngineHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(None)

    def do_POST(self):
        length = int(self.headers.get("content-length", 0))
        self.answer(json.loads(self.rfile.read(length) or b"null"))

    def answer(self, body):
        address = urlsplit(self.path)
        self.server.asked.append((dict(self.headers), parse_qs(address.query), body))
        getattr(self, f"answer_{address.path.rpartition('/')[2]}")()

    def answer__search(self):
        hits = [
            {"_index": "products", "_id": name, "_score": score, "_source": fields}
            for name, score, fields in PRODUCTS
        ]
        self.send(
            200, {"took": 3, "timed_out": False, "hits": {"total": {"value": 2}, "hits": hits}}
        )

    def answer_search(self):
        hits = [
            {"document": {"id": name, **fields}, "text_match": int(score * 1e17)}
            for name, score, fields in PRODUCTS
        ]
        self.send(200, {"found": 2, "hits": hits, "page": 1})

    def answer_plain(self):
        self.send(200, {"items": [{"sku": 7}, {"sku": 3}, {"sku": 7}]})

    def answer_slow(self):
        time.sleep(1.0)
        self.send(200, {"hits": []})

    def answer_broken(self):
        self.send(503, {"error": "overloaded"})

    def answer_refusing(self):
        self.send(403, {"error": "no"})

    def answer_moved(self):
        self.send(302, {}, {"location": "/_search"})

    def answer_page(self):
        self.send_text(200, b"<html>hello</html>")

    def answer_nothing(self):
        self.send(200, {"items": []})

    def answer_nameless(self):
        self.send(200, {"hits": [{"title": "no id"}]})

    def send(self, status, answer, headers=()):
        self.send_text(status, json.dumps(answer).encode(), headers)

    def send_text(self, status, text, headers=()):
        try:
            self.send_response(status)
            for name, value in dict(headers).items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def engine():
    server = EngineServer()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def http():
    with httpx2.Client() as client:
        yield client


@pytest.fixture
def ask(engine, http):
    """Return a function that asks one address of the server."""

    def ask(path, query="blue", headers=None, **fields):
        engine.asked.clear()
        config = ExternalConfig(url=engine.url + path, **fields)
        return External(http, config, headers)(build_query(text=query), Candidates.empty())

    return ask


class TestExternal(StageContract):
    finds_documents = True

    @pytest.fixture(autouse=True)
    def _connect(self, engine, http):
        self.engine, self.http = engine, http

    def stage(self):
        url = f"{self.engine.url}/products/_search"
        return External(self.http, ExternalConfig(url=url, preset="opensearch"))

    def known(self):
        return {"p1", "p2"}


@pytest.mark.parametrize("preset", ["opensearch", "elasticsearch"])
def test_opensearch_and_elasticsearch_are_asked_and_read(ask, engine, preset):
    found = ask("/products/_search", query='blue "shoes"', preset=preset, top_k=20)
    assert found.document_ids == ("p1", "p2")
    assert found.scores.tolist() == [9.5, 4.0]
    assert found.payloads["p1"] == {"title": "blue shoes"}
    [(_, _, body)] = engine.asked
    assert body["query"]["multi_match"]["query"] == 'blue "shoes"'
    assert (body["size"], body["from"]) == (20, 0)


def test_typesense_is_asked_and_read(ask, engine):
    found = ask(
        "/collections/products/documents/search",
        query="blue & red",
        preset="typesense",
        search_fields=("title", "brand"),
        headers={"x-typesense-api-key": "k"},
    )
    assert found.document_ids == ("p1", "p2")
    [(headers, parameters, body)] = engine.asked
    assert parameters == {
        "q": ["blue & red"],
        "query_by": ["title,brand"],
        "limit": ["100"],
        "offset": ["0"],
    }
    assert body is None
    assert headers["x-typesense-api-key"] == "k"


def test_any_engine_is_asked_by_a_mapping(ask, engine):
    found = ask(
        "/plain",
        query='"}, "evil": {"',
        body={"find": {"text": "{{query}}", "n": ["{{ limit }}"]}},
        hits="items",
        id="sku",
        top_k=5,
    )
    assert found.document_ids == ("7", "3")
    assert found.scores.round(2).tolist() == [1.0, 0.63]
    [(_, _, body)] = engine.asked
    assert body == {"find": {"text": '"}, "evil": {"', "n": [5]}}


def test_no_more_than_top_k_are_taken(ask):
    assert len(ask("/products/_search", preset="opensearch", top_k=1)) == 1


def test_what_is_found_is_added_to_what_was_there(engine, http):
    config = ExternalConfig(url=f"{engine.url}/products/_search", preset="opensearch")
    after = External(http, config)(build_query(), build_candidates(2))
    assert set(after.document_ids) == {"d0", "d1", "p1", "p2"}


def test_a_slow_engine_is_given_up(ask):
    began = time.monotonic()
    with pytest.raises(UnavailableError):
        ask("/slow", timeout_ms=80)
    assert time.monotonic() - began < 0.9


def test_an_engine_that_is_down_is_unavailable(http, free_port):
    config = ExternalConfig(url=f"http://127.0.0.1:{free_port}/")
    with pytest.raises(UnavailableError):
        External(http, config)(build_query(), Candidates.empty())


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/broken", UnavailableError),
        ("/refusing", AnswerError),
        ("/moved", AnswerError),
        ("/page", AnswerError),
        ("/nothing", AnswerError),
        ("/nameless", AnswerError),
    ],
)
def test_an_answer_without_hits_is_a_typed_error(ask, path, error):
    with pytest.raises(error):
        ask(path)


def nest(n_levels):
    return [nest(n_levels - 1)] if n_levels else "{{query}}"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"url": "ftp://host/x"}, "/url"),
        ({"url": "file:///x"}, "/url"),
        ({"url": "http://user:secret@host/"}, "/url"),
        ({"url": "http://[host/"}, "/url"),
        ({"body": {"q": "title:{{query}}"}}, "/body/q"),
        ({"body": {"{{query}}": 1}}, "/body/{{query}}"),
        ({"params": {"q": "{{text}}"}}, "/params/q"),
        ({"body": nest(40)}, "/body" + "/0" * 32),
        ({"preset": "typesense"}, "/search_fields"),
        ({"preset": "typesense", "search_fields": ("a",), "top_k": 251}, "/top_k"),
    ],
    ids=[
        "ftp",
        "file",
        "password",
        "no host",
        "pasted",
        "key",
        "unknown",
        "deep",
        "fields",
        "top_k",
    ],
)
def test_a_mapping_that_cannot_work_is_refused_with_its_place(fields, pointer):
    with pytest.raises(FaultsError) as caught:
        ExternalConfig(**{"url": "http://host/", **fields})
    assert caught.value.where == pointer
