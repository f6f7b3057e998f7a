"""What every implementation of a room's promise is held to; subclass one and inherit its tests."""

from __future__ import annotations

import hashlib
import json
import threading
from abc import ABC, abstractmethod
from contextlib import closing
from datetime import UTC, date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rankloop.errors import InputError, TableError
from rankloop.events.identity import to_search_identity
from rankloop.events.views import to_moment
from rankloop.testing.builders import NOON_US, build_interaction, build_search, to_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rankloop.store.base import EventStore, Format, Value

DAY_US = 86_400_000_000
FIRST_DAY, SECOND_DAY = date(2026, 1, 1), date(2026, 1, 2)


def read_interactions(store: EventStore, **filters: Value) -> list[dict[str, Any]]:
    """Read interactions, newest first."""
    page: dict[str, Value] = {"limit": 1_000_000, "offset": 0}
    rows: list[dict[str, Any]] = store.ask("interactions_page", {**page, **filters}).to_pylist()
    return rows


def read_searches(store: EventStore) -> list[dict[str, Any]]:
    """Read lists, oldest first, each with its results or None where the list is unknown."""
    rows: list[dict[str, Any]] = store.ask("export_searches").to_pylist()
    for row in rows:
        row["results"] = None if row["results"] is None else json.loads(row["results"])
    return rows


def read_documents(search: dict[str, Any]) -> list[str]:
    """List what a search showed."""
    return [result["document_id"] for result in search["results"]]


def read_counts(store: EventStore) -> tuple[int, int, int]:
    """Count searches, impressions and interactions."""
    row = store.ask("store_counts").to_pylist()[0]
    return row["searches"], row["impressions"], row["interactions"]


class StoreContract(ABC):
    """What every `EventStore` promises.

    A subclass says how to open one: `open_store` is called once a test, with an empty folder.
    """

    @abstractmethod
    def open_store(self, folder: Path) -> EventStore:
        """Open an empty store that may keep its files in a folder."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[EventStore]:
        """Hand out an empty store and close it in the end."""
        with closing(self.open_store(tmp_path)) as store:
            yield store

    def test_holds_what_was_appended(self, store: EventStore) -> None:
        search = build_search("s1", ["d1", "d2"], user="u~1", session_id="x", device="mobile")
        click = build_interaction("i1", "d2", ["click", "hovered"], search_id="s1", position=1)
        appended = store.append_lines(to_lines([search]), to_lines([click]))
        assert (appended.searches, appended.impressions, appended.interactions) == (1, 2, 1)
        row = read_interactions(store)[0]
        assert row["interaction_id"] == "i1"
        assert row["interaction_type"] == ["click", "hovered"]
        moment = row["timestamp"].replace(tzinfo=UTC)
        assert (row["feature_id"], row["position"], moment) == ("d2", 1, to_moment(click.at))
        shown = read_searches(store)[0]
        assert (shown["search_id"], read_documents(shown)) == ("s1", ["d1", "d2"])
        assert (shown["user_id"], shown["session_id"], shown["device"]) == ("u~1", "x", "mobile")

    def test_a_field_that_was_left_out_has_its_default(self, store: EventStore) -> None:
        line = b'{"search_id":"s1","at":%d,"received_at":%d,"retriever_id":"r","query":"q",' % (
            NOON_US,
            NOON_US,
        )
        store.append_lines(line + b'"query_key":"k"}\n', b"")
        row = read_searches(store)[0]
        assert (row["actor"], row["offset"], row["results"]) == ("human", 0, None)

    def test_a_delivered_sequence_changes_nothing(self, store: EventStore) -> None:
        lines = to_lines([build_interaction("i1")])
        assert store.delivered_sequence() == 0
        assert store.append_lines(b"", lines, sequence=7).is_new
        assert not store.append_lines(b"", lines, sequence=7).is_new
        assert not store.append_lines(b"", lines, sequence=3).is_new
        assert store.delivered_sequence() == 7
        assert read_counts(store) == (0, 0, 1)

    def test_a_bad_line_keeps_all_of_its_append_out(self, store: EventStore) -> None:
        good = to_lines([build_interaction("i1")])
        for bad in (b'{"interaction_id":\n', b'{"at":1}\n', b'{"interaction_id":"i2","types":1}\n'):
            with pytest.raises(TableError):
                store.append_lines(to_lines([build_search("s1")]), good + bad, sequence=4)
        assert read_counts(store) == (0, 0, 0)
        assert store.delivered_sequence() == 0
        store.append_lines(b"", good, sequence=4)
        assert read_counts(store) == (0, 0, 1)

    def test_checking_lines_keeps_nothing(self, store: EventStore) -> None:
        store.check_lines(to_lines([build_search("s1")]), to_lines([build_interaction("i1")]))
        with pytest.raises(TableError):
            store.check_lines(b"", b"[]\n")
        assert read_counts(store) == (0, 0, 0)

    def test_keys_ascend_in_the_order_of_arrival(self, store: EventStore) -> None:
        for number in range(4):
            names = [f"i{number}{place}" for place in range(3)]
            store.append_lines(b"", to_lines([build_interaction(name) for name in names]))
        keys = {row["interaction_id"]: row["interaction_key"] for row in read_interactions(store)}
        assert len(set(keys.values())) == 12
        assert sorted(keys) == sorted(keys, key=lambda name: keys[name])

    def test_positions_go_on_behind_the_page_offset(self, store: EventStore) -> None:
        pages = [build_search("s1", ["d1", "d2"]), build_search("s1", ["d3"], page_offset=2)]
        store.append_lines(to_lines(pages), b"")
        shown = {row["offset"]: read_documents(row) for row in read_searches(store)}
        assert shown == {0: ["d1", "d2"], 2: ["d3"]}

    def test_an_empty_list_is_not_an_unknown_one(self, store: EventStore) -> None:
        store.append_lines(to_lines([build_search("s1", []), build_search("s2", None)]), b"")
        assert [row["results"] for row in read_searches(store)] == [[], None]

    def test_a_retriever_comes_from_the_search_where_none_is_named(self, store: EventStore) -> None:
        store.append_lines(to_lines([build_search("s1", retriever_id="articles")]), b"")
        clicks = [
            build_interaction("i1", search_id="s1", retriever_id="named"),
            build_interaction("i2", search_id="s1"),
            build_interaction("i3", search_id="nowhere"),
            build_interaction("i4"),
            build_interaction("i5", search_id="s2"),
        ]
        store.append_lines(
            to_lines([build_search("s2", retriever_id="same-batch")]), to_lines(clicks)
        )
        found = {row["interaction_id"]: row["retriever_id"] for row in read_interactions(store)}
        assert found == {
            "i1": "named",
            "i2": "articles",
            "i3": "default",
            "i4": "default",
            "i5": "same-batch",
        }

    def test_answers_newest_first_and_goes_on_behind_a_cursor(self, store: EventStore) -> None:
        rows = [build_interaction(f"i{n}", at=NOON_US + n // 2) for n in range(6)]
        store.append_lines(b"", to_lines(rows))
        whole = read_interactions(store)
        assert [row["interaction_id"] for row in whole] == ["i5", "i4", "i3", "i2", "i1", "i0"]
        last = whole[2]
        store.append_lines(b"", to_lines([build_interaction("late", at=NOON_US + 9)]))
        place: dict[str, Value] = {
            "before_at": last["timestamp"],
            "before_key": last["interaction_key"],
        }
        rest = read_interactions(store, **place)
        assert [row["interaction_id"] for row in rest] == ["i2", "i1", "i0"]

    def test_a_read_during_appends_sees_whole_batches(self, store: EventStore) -> None:
        counts: list[int] = []
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                counts.append(read_counts(store)[2])

        reader = threading.Thread(target=read)
        reader.start()
        for batch in range(20):
            rows = [build_interaction(f"i{batch}-{place}") for place in range(50)]
            store.append_lines(b"", to_lines(rows), sequence=batch + 1)
        done.set()
        reader.join()
        assert counts == sorted(counts)
        assert {count % 50 for count in counts} == {0}
        assert read_counts(store)[2] == 1_000

    def test_knows_what_it_holds(self, store: EventStore) -> None:
        pages = [build_search("s1"), build_search("s1", page_offset=10)]
        store.append_lines(to_lines(pages), to_lines([build_interaction("i1")]))
        store.append_lines(b"", to_lines([build_interaction("i2")]))
        assert store.known_identifiers("interaction", ["i2", "i3", "i1", "i1"]) == {"i1", "i2"}
        lists = [to_search_identity("s1", offset) for offset in (0, 5, 10)]
        assert store.known_identifiers("search", lists) == {lists[0], lists[2]}
        assert store.known_identifiers("search", []) == set()

    def test_hashes_every_identifier_it_holds(self, store: EventStore) -> None:
        names = [f"i{n}" for n in range(100)]
        store.append_lines(b"", to_lines([build_interaction(name) for name in names]))
        pieces = list(store.identifier_hashes("interaction"))
        digests = [hashlib.md5(name.encode(), usedforsecurity=False).digest() for name in names]
        wanted = {int.from_bytes(digest[8:], "little") for digest in digests}
        assert set(np.concatenate(pieces).tolist()) == wanted

    def test_an_erased_user_leaves_no_row(self, store: EventStore) -> None:
        self.fill_two_users(store)
        erased = store.erase_user("u~1")
        assert (erased["searches"], erased["impressions"], erased["interactions"]) == (2, 6, 3)
        assert {row["user_id"] for row in read_searches(store)} == {"u~2"}
        assert {row["user_id"] for row in read_interactions(store)} == {"u~2", None}
        assert read_counts(store) == (1, 3, 2)
        assert store.erase_user("u~1")["interactions"] == 0

    def test_what_was_erased_stays_known(self, store: EventStore) -> None:
        self.fill_two_users(store)
        store.erase_user("u~1")
        assert store.known_identifiers("interaction", ["a1", "x1", "never"]) == {"a1", "x1"}
        identity = to_search_identity("sa", 0)
        assert store.known_identifiers("search", [identity]) == {identity}
        digest = hashlib.md5(b"a1", usedforsecurity=False).digest()
        hashes = np.concatenate(list(store.identifier_hashes("interaction")))
        assert int.from_bytes(digest[8:], "little") in hashes.tolist()

    def test_erasure_names_the_days_to_derive_anew(self, store: EventStore) -> None:
        self.fill_two_users(store)
        store.erase_user("u~1")
        with store.transaction() as transaction:
            assert transaction.read_days() == [FIRST_DAY, SECOND_DAY]
            transaction.clear_days([FIRST_DAY])
            transaction.mark_days([SECOND_DAY])
            assert transaction.read_days() == [SECOND_DAY]

    def test_deletes_one_interaction(self, store: EventStore) -> None:
        self.fill_two_users(store)
        assert store.delete_interaction("a1")
        assert not store.delete_interaction("a1")
        assert not store.delete_interaction("never")
        assert store.ask("interaction", {"interaction_id": "a1"}).num_rows == 0
        assert read_counts(store) == (3, 9, 4)
        assert store.known_identifiers("interaction", ["a1"]) == {"a1"}

    def test_a_snapshot_answers_of_one_moment_while_others_write(self, store: EventStore) -> None:
        store.append_lines(b"", to_lines([build_interaction("i1")]))
        with store.snapshot() as snapshot:
            before = snapshot.ask("store_counts").to_pylist()[0]["interactions"]
            store.append_lines(b"", to_lines([build_interaction("i2")]))
            after = snapshot.ask("store_counts").to_pylist()[0]["interactions"]
        assert (before, after) == (1, 1)
        assert read_counts(store)[2] == 2

    def test_a_transaction_that_fails_changes_nothing(self, store: EventStore) -> None:
        def fail() -> None:
            with store.transaction() as transaction:
                transaction.write_watermark("searches", 5)
                transaction.mark_days([FIRST_DAY])
                raise TimeoutError

        with pytest.raises(TimeoutError):
            fail()
        with store.transaction() as transaction:
            assert transaction.read_watermark("searches") == 0
            assert transaction.read_days() == []
            transaction.write_watermark("searches", 6)
        with store.transaction() as transaction:
            assert transaction.read_watermark("searches") == 6

    def test_takes_in_what_was_staged(self, store: EventStore) -> None:
        self.fill_two_users(store)
        before = read_searches(store)
        with store.staging() as staging:
            staging.lend("lent", pa.table({"place": [0, 1], "document": ["d8", "d9"]}))
            for statement in STAGED:
                staging.execute(statement)
            appended = staging.append("new_searches", "new_impressions", "new_interactions")
        assert (appended.searches, appended.impressions, appended.interactions) == (2, 2, 1)
        rows = read_searches(store)
        assert rows[: len(before)] == before
        assert [read_documents(row) for row in rows[-2:]] == [["d8", "d9"], []]
        assert read_interactions(store, search_id="n1001")[0]["retriever_id"] == "imported"

    def test_refuses_what_it_does_not_know(self, store: EventStore) -> None:
        with pytest.raises(InputError, match="no question"):
            store.ask("nobody_asked_this")
        with pytest.raises(InputError, match="no parameter"):
            store.ask("store_counts", {"retriever": "products"})
        with (
            store.transaction() as transaction,
            pytest.raises(InputError, match="not a derived table"),
        ):
            transaction.replace_days("searches", "store_counts", [FIRST_DAY])
        with (
            store.transaction() as transaction,
            pytest.raises(InputError, match="not a derived table"),
        ):
            transaction.delete_days("searches", [FIRST_DAY])

    def test_an_export_holds_the_answer_and_its_checksum(
        self, store: EventStore, tmp_path: Path
    ) -> None:
        self.fill_two_users(store)
        forms: tuple[Format, ...] = ("ndjson", "csv", "parquet")
        for form in forms:
            path = tmp_path / f"out.{form}"
            copied = store.copy_to("export_interactions", None, path, form)
            content = path.read_bytes()
            assert copied.n_rows == 5
            assert copied.n_bytes == len(content)
            assert copied.sha256 == hashlib.sha256(content).hexdigest()
        asked = store.ask("export_interactions")
        assert pq.read_table(tmp_path / "out.parquet").to_pylist() == asked.to_pylist()
        lines = (tmp_path / "out.ndjson").read_text("utf-8").splitlines()
        first = json.loads(lines[0])
        assert (first["interaction_id"], first["interaction_type"]) == ("a1", ["click"])
        assert first["metadata"] == {"note": "it's"}
        assert (tmp_path / "out.csv").read_text("utf-8").startswith("interaction_id,timestamp,")

    def test_closing_twice_is_once(self, store: EventStore) -> None:
        store.close()
        store.close()

    def fill_two_users(self, store: EventStore) -> None:
        """Append two users' searches and clicks on two days."""
        searches = [
            build_search("sa", user="u~1"),
            build_search("sb", user="u~1", at=NOON_US + DAY_US),
            build_search("sc", user="u~2"),
        ]
        note = '{"note":"it\'s"}'
        clicks = [
            build_interaction("a1", user="u~1", search_id="sa", metadata=note),
            build_interaction("a2", user="u~1", at=NOON_US + DAY_US),
            build_interaction("x1", search_id="sa"),
            build_interaction("x2"),
            build_interaction("c1", user="u~2", search_id="sc"),
        ]
        store.append_lines(to_lines(searches), to_lines(clicks))


STAGED = (
    "CREATE TEMP TABLE new_searches AS SELECT n AS list_number, 'n' || n AS search_id,"
    " 0 AS page_offset, TIMESTAMP '2026-01-03' AS \"at\", TIMESTAMP '2026-01-03' AS received_at,"
    " 'imported' AS retriever_id, NULL AS pipeline_version, 'q' AS query, 'k' AS query_key,"
    " NULL AS filters, NULL AS user_key, NULL AS session_id, NULL AS surface, NULL AS device,"
    " 'human' AS actor, NULL AS variant, NULL AS total, NULL AS latency_ms, NULL AS tags,"
    " 'test' AS source, 4 - 2 * (n - 1000) AS n_results FROM range(1001, 1003) t(n)",
    "CREATE TEMP TABLE new_impressions AS SELECT 1001 AS list_number, place AS position,"
    " document AS document_id, NULL AS score, NULL AS logging_probability FROM lent",
    "CREATE TEMP TABLE new_interactions AS SELECT 'n1' AS interaction_id,"
    " TIMESTAMP '2026-01-03' AS \"at\", TIMESTAMP '2026-01-03' AS received_at,"
    " NULL AS retriever_id, 'n1001' AS search_id, 'd8' AS document_id, ['click'] AS types,"
    " 2 AS type_mask, 0 AS position, NULL AS query, NULL AS query_key, NULL AS user_key,"
    " NULL AS session_id, NULL AS device, NULL AS duration_ms, NULL AS value_micros,"
    " NULL AS currency, NULL AS metadata, 'test' AS source",
)
"""What a file importer might stage."""
