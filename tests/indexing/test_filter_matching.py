import time

import pytest

from rankloop.indexing.filter_matching import build_matcher, fields_of, matches, values_at
from rankloop.indexing.filter_reading import read_filter

SHIRT = {
    "brand": "acme",
    "price": 20,
    "rating": 4.5,
    "tags": ["new", "red"],
    "stock": {"berlin": 3, "paris": 0},
    "sold_at": "2026-03-01",
    "is_new": True,
    "note": None,
    "sizes": [],
}


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, True),
        ({"brand": "acme"}, True),
        ({"brand": "Acme"}, False),
        ({"price": 20.0}, True),
        ({"price": "20"}, False),
        ({"is_new": True}, True),
        ({"is_new": 1}, False),
        ({"brand": {"$ne": "other"}}, True),
        ({"price": {"$gt": 20}}, False),
        ({"price": {"$gte": 20, "$lt": 21}}, True),
        ({"rating": {"$lte": 4}}, False),
        ({"sold_at": {"$gte": "2026-02-28"}}, True),
        ({"sold_at": {"$gt": 3}}, False),
        ({"is_new": {"$gte": 0}}, False),
        ({"tags": "red"}, True),
        ({"tags": {"$ne": "red"}}, False),
        ({"tags": {"$in": ["blue", "new"]}}, True),
        ({"tags": {"$nin": ["blue", "green"]}}, True),
        ({"stock.berlin": {"$gt": 0}}, True),
        ({"stock.paris": {"$gt": 0}}, False),
        ({"stock": {"$exists": True}}, True),
        ({"brand.name": {"$exists": True}}, False),
        ({"document_id": "d1"}, True),
        ({"document_id": {"$nin": ["d2", "d1"]}}, False),
        ({"document_id": {"$exists": True}}, True),
        ({"$or": [{"price": 1}, {"brand": "acme"}]}, True),
        ({"$and": [{"price": 1}, {"brand": "acme"}]}, False),
        ({"$or": []}, False),
        ({"$and": []}, True),
        ({"$not": {"price": 20}}, False),
        ({"$not": {"$or": [{"price": 1}, {"price": 2}]}}, True),
    ],
)
def test_a_document_satisfies_a_filter_or_does_not(sent, expected):
    assert matches(read_filter(sent), "d1", SHIRT) is expected


@pytest.mark.parametrize("field", ["absent", "note", "sizes"])
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"$eq": 1}, False),
        ({"$in": [1, "a"]}, False),
        ({"$gt": 0}, False),
        ({"$lt": "z"}, False),
        ({"$ne": 1}, True),
        ({"$nin": [1, "a"]}, True),
        ({"$exists": True}, False),
        ({"$exists": False}, True),
    ],
)
def test_absent_null_and_empty_fields_have_no_value(field, condition, expected):
    assert matches(read_filter({field: condition}), "d1", SHIRT) is expected


def test_a_dot_does_not_step_into_the_objects_of_an_array():
    assert values_at({"offers": [{"price": 3}]}, "offers.price") == ()


def test_the_fields_that_a_filter_reads_are_known():
    read = read_filter({"a": 1, "$or": [{"b.c": 2}, {"$not": {"document_id": "d"}}]})
    assert fields_of(read) == {"a", "b.c", "document_id"}


def test_a_long_list_costs_a_document_no_more_than_a_short_one():
    short = build_matcher(read_filter({"document_id": {"$nin": ["a"]}}))
    long = build_matcher(read_filter({"document_id": {"$nin": [f"d{i}" for i in range(10_000)]}}))
    assert _cpu_s(long) < 10 * _cpu_s(short) + 0.005


def _cpu_s(holds):
    began = time.process_time()
    assert all(holds(f"x{i}", {}) for i in range(2_000))
    return time.process_time() - began
