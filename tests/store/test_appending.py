from contextlib import closing

import pytest

from rankloop.errors import TableError
from rankloop.store import appending
from rankloop.store.duckdb import DuckDBStore
from rankloop.testing.builders import build_interaction, build_search, to_lines
from rankloop.testing.contracts import STAGED, read_interactions


def test_a_search_long_ago_still_names_the_retriever(monkeypatch):
    monkeypatch.setattr(appending, "_RECENT_LISTS", 2)
    with closing(DuckDBStore()) as store:
        lists = [build_search(f"s{n}", [], retriever_id=f"r{n}") for n in range(10)]
        store.append_lines(to_lines(lists), b"")
        clicks = [build_interaction(f"i{n}", search_id=f"s{n}") for n in (0, 5, 9, 10)]
        store.append_lines(b"", to_lines(clicks))
        found = {row["interaction_id"]: row["retriever_id"] for row in read_interactions(store)}
    assert found == {"i0": "r0", "i5": "r5", "i9": "r9", "i10": "default"}


def test_the_first_page_of_a_search_names_the_retriever():
    with closing(DuckDBStore()) as store:
        pages = [
            build_search("s1", [], retriever_id="first"),
            build_search("s1", [], page_offset=10, retriever_id="second"),
        ]
        store.append_lines(to_lines(pages), to_lines([build_interaction("i1", search_id="s1")]))
        assert [row["retriever_id"] for row in read_interactions(store)] == ["first"]


def test_keys_go_on_behind_staged_ones():
    with closing(DuckDBStore()) as store:
        for _ in range(2):
            with store.staging() as staging:
                staging.execute("CREATE TEMP TABLE lent AS SELECT 0 AS place, 'd' AS document")
                for statement in STAGED:
                    staging.execute(statement)
                staging.append("new_searches", "new_impressions", "new_interactions")
            store.append_lines(to_lines([build_search("s1")]), b"")
        keys = store._connection.execute("SELECT search_key FROM searches ORDER BY 1").fetchall()
    assert [key for (key,) in keys] == [1, 2, 3, 4, 5, 6]


def test_hashes_for_list_numbers_are_refused():
    with closing(DuckDBStore()) as store, store.staging() as staging:
        staging.execute(STAGED[0])
        staging.execute("UPDATE new_searches SET list_number = list_number * 9007199254740993")
        with pytest.raises(TableError, match="list numbers reach"):
            staging.append("new_searches")


def test_what_is_staged_is_seen_by_nobody_else():
    with closing(DuckDBStore()) as store, store.staging() as one, store.staging() as two:
        one.execute("CREATE TEMP TABLE mine AS SELECT 1 AS x")
        two.execute("CREATE TEMP TABLE mine AS SELECT 2 AS x")
        assert one.execute("SELECT x FROM mine").to_pylist() == [{"x": 1}]


def test_statements_of_a_staging_place_have_parameters():
    with closing(DuckDBStore()) as store, store.staging() as staging:
        answer = staging.execute("SELECT $n::BIGINT + 1 AS n", {"n": 4})
        assert answer.to_pylist() == [{"n": 5}]
        with pytest.raises(TableError):
            staging.execute("SELECT 'x'::BIGINT")


def test_a_staged_append_that_fails_can_be_tried_again():
    with closing(DuckDBStore()) as store, store.staging() as staging:
        staging.execute("CREATE TEMP TABLE lent AS SELECT 0 AS place, NULL::VARCHAR AS document")
        for statement in STAGED:
            staging.execute(statement)
        with pytest.raises(TableError):
            staging.append("new_searches", "new_impressions", "new_interactions")
        staging.execute("UPDATE new_impressions SET document_id = 'd1'")
        staging.append("new_searches", "new_impressions", "new_interactions")
        row = store.ask("store_counts").to_pylist()[0]
        assert row == {"searches": 2, "impressions": 1, "interactions": 1}
