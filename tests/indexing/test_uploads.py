import json

import numpy as np
import pytest

from rankloop.events.refusals import RefusedError
from rankloop.indexing.uploads import (
    MAX_PAYLOAD_BYTES,
    MAX_TEXT_CHARACTERS,
    read_document,
    read_names,
)


def encode(**body):
    return json.dumps(body).encode()


def test_a_document_has_a_text_a_vector_and_a_payload():
    item = encode(document_id="d1", text="red", vector=[3, 4], payload={"price": 2, "x": None})
    document = read_document(item, 2)
    assert (document.document_id, document.text) == ("d1", "red")
    assert document.vector == pytest.approx(np.array([0.6, 0.8]))
    assert document.payload == {"price": 2, "x": None}


def test_texts_among_the_fields_are_searched_in_order_and_all_fields_are_shown():
    fields = {"title": "Red", "price": 3, "tags": ["new", 4, "warm"], "body": "shoes"}
    document = read_document(encode(document_id="d1", fields=fields, payload={"brand": "a"}), None)
    assert document.text == "Red\nnew\nwarm\nshoes"
    assert document.payload == {**fields, "brand": "a"}


def test_a_vector_alone_is_enough():
    assert read_document(encode(document_id="d1", vector=[1.0]), None).text == ""


@pytest.mark.parametrize(
    ("item", "code", "pointer"),
    [
        (b"{", "malformed_json", ""),
        (b"[]", "wrong_type", ""),
        (b'{"document_id": "\xff"}', "not_utf8", ""),
        (encode(text="a"), "missing_field", "/document_id"),
        (encode(document_id=3, text="a"), "wrong_type", "/document_id"),
        (encode(document_id="", text="a"), "invalid_identifier", "/document_id"),
        (encode(document_id="a b", text="a"), "invalid_identifier", "/document_id"),
        (encode(document_id="x" * 513, text="a"), "invalid_identifier", "/document_id"),
        (encode(document_id="d1"), "missing_field", "/text"),
        (encode(document_id="d1", text=""), "missing_field", "/text"),
        (encode(document_id="d1", fields={"n": 3}), "missing_field", "/text"),
        (encode(document_id="d1", text="a", title="b"), "unknown_field", "/title"),
        (encode(document_id="d1", text="a", fields={"t": "b"}), "contradiction", "/text"),
        (
            encode(document_id="d1", fields={"a/b": "x"}, payload={"a/b": 1}),
            "contradiction",
            "/payload/a~1b",
        ),
        (encode(document_id="d1", vector=[1, 2, 3]), "wrong_dimension", "/vector"),
        (encode(document_id="d1", vector=[]), "wrong_dimension", "/vector"),
        (encode(document_id="d1", vector=[0, 0]), "out_of_range", "/vector"),
        (encode(document_id="d1", vector=[1, "a"]), "wrong_type", "/vector/1"),
        (encode(document_id="d1", text="a" * (MAX_TEXT_CHARACTERS + 1)), "too_large", "/text"),
        (
            encode(document_id="d1", text="a", payload={"x": "a" * MAX_PAYLOAD_BYTES}),
            "too_large",
            "/payload",
        ),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_document_is_said_with_its_place(item, code, pointer):
    with pytest.raises(RefusedError) as caught:
        read_document(item, 2)
    assert (caught.value.code, caught.value.pointer) == (code, pointer)


def test_the_last_of_equal_names_counts():
    items = [encode(document_id=name) for name in "abacab"] + [b"{", b"{}"]
    names = read_names(items)
    assert names.duplicates == [0, 1, 2]
    assert names.rest == [3, 4, 5, 6, 7]
