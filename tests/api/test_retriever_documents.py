"""Documents of a retriever: a verdict on each, found at once, gone when deleted."""

import gzip
import json

import pytest

from rankloop.client.calls import NDJSON, Call, quote_step
from rankloop.client.documents import RetrieverDocuments
from rankloop.indexing.uploads import MAX_UPLOAD_BYTES

PATH = "/v1/retrievers/products/documents"


def send(api, body, content_type=NDJSON, path=PATH):
    answer = api.transport.send(Call("POST", path, body=body, content_type=content_type))
    return answer.status, json.loads(answer.body)


def found(api, text, retriever_id="products"):
    return api.engine.documents.open(retriever_id).search_text(text, 10).document_ids


def test_lines_get_a_verdict_each_and_good_ones_are_found_at_once(api):
    status, verdict = send(
        api,
        b'{"document_id": "d1", "text": "blue shoes"}\n'
        b"\n"
        b"{nonsense\n"
        b'{"document_id": "d2", "fields": {"title": "Blue hat", "price": 30}}\n'
        b'{"document_id": "d1", "text": "red shoes"}\n',
    )
    assert status == 202
    assert (verdict["accepted"], verdict["duplicate"], verdict["duplicates"]) == (2, 1, [0])
    assert [(one["index"], one["code"]) for one in verdict["rejected"]] == [(1, "malformed_json")]
    assert (found(api, "blue"), found(api, "red")) == (("d2",), ("d1",))
    assert api.engine.documents.open("products").payloads(["d2"]) == {
        "d2": {"title": "Blue hat", "price": 30}
    }


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b'[{"document_id": "d1", "text": "a"}, {]', "application/json", 400, "invalid_event"),
        (b"", NDJSON, 400, "invalid_event"),
        (b'{"document_id": "d1"}', "text/csv", 415, "unsupported_type"),
    ],
    ids=["array", "empty", "type"],
)
def test_a_body_that_cannot_be_cut_apart_is_refused_whole(api, body, content_type, status, code):
    answered, problem = send(api, body, content_type)
    assert (answered, problem["code"]) == (status, code)
    assert found(api, "a") == ()


def test_an_array_and_a_single_document_will_do(api):
    one = {"document_id": "d1", "text": "shoes"}
    assert send(api, json.dumps(one).encode(), "application/json")[1]["accepted"] == 1
    assert send(api, json.dumps([one, one]).encode(), "application/json")[1]["duplicate"] == 1


def test_sixty_four_mebibytes_are_taken_here_and_no_more(api):
    line = b'{"document_id": "d1", "text": "shoes"}\n'
    padding = b" " * (MAX_UPLOAD_BYTES - len(line) - 1) + b"\n"
    assert send(api, line + padding)[0] == 202
    status, problem = send(api, line + padding + b" ")
    assert (status, problem["code"]) == (413, "too_large")
    assert api.call("POST", "/v1/users/erase", b" " * 6_000_000).status == 413


@pytest.mark.parametrize("retriever_id", ["two words", "x" * 129], ids=["space", "long"])
def test_a_retriever_of_no_possible_name_has_no_documents(api, retriever_id):
    status, problem = send(api, b"{}", path=f"/v1/retrievers/{quote_step(retriever_id)}/documents")
    assert status == 400
    assert problem["errors"][0]["pointer"] == "retriever_id"


def test_documents_are_deleted_one_by_one_and_together(api):
    names = ["d1", "https://shop.example/a?b=1", "d3", "d4"]
    send(api, b"\n".join(json.dumps({"document_id": n, "text": "shoes"}).encode() for n in names))
    address = f"{PATH}/{quote_step(names[1])}"
    assert api.call("DELETE", address).status == 204
    assert api.call("DELETE", address).status == 404
    answer = api.call("POST", f"{PATH}/delete", {"document_ids": ["d3", "d4", "never"]})
    assert (answer.status, answer.json()) == (200, {"deleted": 2})
    assert found(api, "shoes") == ("d1",)


@pytest.mark.parametrize("document_ids", [[], ["x"] * 10_001], ids=["none", "too many"])
def test_a_deletion_of_none_or_too_many_is_refused(api, document_ids):
    answer = api.call("POST", f"{PATH}/delete", {"document_ids": document_ids})
    assert answer.status == 400
    assert answer.json()["errors"][0]["pointer"] == "/document_ids"


def test_the_client_sends_batches_and_adds_the_verdicts_up(api, data_folder_client):
    documents = RetrieverDocuments(data_folder_client._caller, "products")
    rows = [{"document_id": f"d{i}", "text": f"shoes {i}"} for i in range(2_500)]
    rows[1_700] = {"document_id": "d1700"}
    rows.append({"document_id": "d0", "text": "boots"})
    rows.append("not a document")
    verdicts = documents.upsert(rows)
    assert (verdicts.accepted, verdicts.duplicate) == (2_500, 0)
    assert [(one.index, one.code, one.pointer) for one in verdicts.rejected] == [
        (1_700, "missing_field", "/text"),
        (2_501, "invalid_input", ""),
    ]
    assert documents.delete("d1") == 1
    assert documents.delete(f"d{i}" for i in range(2_500)) == 2_498


@pytest.fixture
def data_folder_client(tmp_path):
    import rankloop

    with rankloop.connect(str(tmp_path / "client")) as loop:
        yield loop


def test_a_file_is_put_into_the_index_from_the_command_line(tmp_path, capsys):
    from rankloop.cli.main import main

    lines = [b'{"document_id": "d1", "text": "blue shoes"}', b"[]", b"{", b'{"text": "nameless"}']
    file = tmp_path / "documents.ndjson.gz"
    file.write_bytes(gzip.compress(b"\n".join(lines)))
    data = tmp_path / "data"
    call = ["documents", str(file), "--retriever", "products", "--data", str(data)]
    assert main([*call, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["accepted"], answer["duplicate"], answer["rejected"]) == (1, 0, 3)
    assert [(one["line"], one["code"]) for one in answer["reasons"]] == [
        (2, "wrong_type"),
        (3, "malformed_json"),
        (4, "missing_field"),
    ]
    assert main(call) == 0
    assert "accepted 1, duplicate 0, rejected 3" in capsys.readouterr().out
    assert main([*call[:1], str(tmp_path / "absent"), *call[2:]]) == 2
