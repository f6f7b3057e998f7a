"""Imported judgments are kept by source, whole or not at all."""

from __future__ import annotations

import pytest

from rankloop.catalog.judgments import JudgmentShelf
from rankloop.errors import InputError, NotFoundError
from rankloop.events.queries import to_query_key
from rankloop.tables.judgments import ImportedJudgment

TV = to_query_key("tv")


@pytest.fixture
def shelf(tmp_path):
    """Return an empty shelf."""
    return JudgmentShelf(tmp_path / "judgments")


def test_an_empty_shelf_holds_nothing(shelf):
    assert shelf.read() == {}


def test_ratings_are_kept_relative_to_the_largest(shelf):
    rows = [ImportedJudgment("TV ", "d1", 100.0), ImportedJudgment("tv", "d2", 10.0)]
    assert shelf.put("esci", rows) == 2
    kept = [(row.query_key, row.document_id, row.relevance) for row in shelf.read()["esci"]]
    assert kept == [(TV, "d1", 1.0), (TV, "d2", 0.1)]


def test_a_pair_judged_twice_has_the_mean(shelf):
    shelf.put("human", [ImportedJudgment("tv", "d", rating) for rating in (4.0, 2.0)])
    assert [row.relevance for row in shelf.read()["human"]] == [0.75]


def test_a_query_may_be_named_by_its_key(shelf):
    shelf.put("trec", [ImportedJudgment(TV, "d1", 1.0)])
    assert [(row.query_key, row.query) for row in shelf.read()["trec"]] == [(TV, "")]


def test_bringing_in_again_replaces_and_removing_forgets(shelf):
    shelf.put("human", [ImportedJudgment("tv", "d1", 1.0)])
    shelf.put("human", [ImportedJudgment("tv", "d2", 1.0)])
    assert [row.document_id for row in shelf.read()["human"]] == ["d2"]
    assert shelf.read_queries() == {TV: "tv"}
    shelf.remove("human")
    assert shelf.read() == {}
    with pytest.raises(NotFoundError, match="no judgments of 'human'"):
        shelf.remove("human")


@pytest.mark.parametrize("source", ["clicks", "votes", "../up", "Human", ""])
def test_names_that_are_taken_or_none_are_refused(shelf, source):
    with pytest.raises(InputError, match="cannot name a source"):
        shelf.put(source, [])
