import random
import subprocess
import sys
import threading
import time

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankloop.errors import SettingsError, TableError, UnavailableError
from rankloop.store import appending
from rankloop.store.base import StoreConfig
from rankloop.store.duckdb import DuckDBStore
from rankloop.testing.builders import build_interaction, build_search, to_lines

FILL = """
import sys
from pathlib import Path
from rankloop.store.base import StoreConfig
from rankloop.store.duckdb import DuckDBStore
from rankloop.testing.builders import build_interaction, build_search, to_lines

store = DuckDBStore(StoreConfig(path=Path(sys.argv[1]), checkpoint_mib=1))
sequence = store.delivered_sequence()
print("open", flush=True)
while True:
    sequence += 1
    searches = [build_search(f"s{sequence}-{n}", ["d1", "d2"]) for n in range(100)]
    clicks = [build_interaction(f"i{sequence}-{n}") for n in range(300)]
    store.append_lines(to_lines(searches), to_lines(clicks), sequence=sequence)
"""


@pytest.fixture
def store(tmp_path):
    opened = DuckDBStore(StoreConfig(path=tmp_path / "events.duckdb"))
    yield opened
    opened.close()


def count(store):
    return tuple(store.ask("store_counts").to_pylist()[0].values())


def test_a_killed_writer_leaves_whole_appends(tmp_path):
    path = tmp_path / "events.duckdb"
    rng = random.Random(7)
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", FILL, str(path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout.readline() == "open\n"
            time.sleep(0.1 + rng.random() * 0.4)
            writer.kill()
        store = DuckDBStore(StoreConfig(path=path))
        n = store.delivered_sequence()
        assert count(store) == (100 * n, 200 * n, 300 * n)
        assert store.known_identifiers("interaction", [f"i{n}-0", f"i{n + 1}-0"]) <= {f"i{n}-0"}
        store.close()
    assert n > 0
    assert not (tmp_path / "spool").exists()


def test_an_append_that_fails_half_way_keeps_nothing(store, monkeypatch):
    def fail(*_):
        raise duckdb.IOException("No space left on device")

    searches, clicks = to_lines([build_search("s1")]), to_lines([build_interaction("i1")])
    with monkeypatch.context() as broken:
        broken.setattr(appending, "insert_interactions", fail)
        with pytest.raises(UnavailableError):
            store.append_lines(searches, clicks, sequence=1)
    assert count(store) == (0, 0, 0)
    assert store.append_lines(searches, clicks, sequence=1).is_new
    assert count(store) == (1, 3, 1)


@settings(max_examples=10)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=6))
def test_a_sequence_delivered_again_changes_nothing(sequences):
    store = DuckDBStore()
    done = set()
    for sequence in sequences:
        lines = to_lines([build_interaction(f"i{sequence}")])
        is_new = not done or sequence > max(done)
        assert store.append_lines(b"", lines, sequence=sequence).is_new == is_new
        done |= {sequence} if is_new else set()
        assert store.delivered_sequence() == max(done)
        assert count(store)[2] == len(done)
    store.close()


def test_many_threads_may_ask_and_append(store):
    failures = []

    def work(number):
        try:
            for place in range(10):
                lines = to_lines([build_interaction(f"i{number}-{place}")])
                store.append_lines(b"", lines)
                store.ask("store_counts")
                store.known_identifiers("interaction", [f"i{number}-{place}"])
        except Exception as error:  # noqa: BLE001 a thread hands its failure over
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert count(store)[2] == 60


def test_what_a_killed_owner_left_on_its_way_in_is_swept(tmp_path):
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "half.ndjson").write_bytes(b"{")
    (tmp_path / "mine.txt").write_bytes(b"left alone")
    store = DuckDBStore(StoreConfig(path=tmp_path / "events.duckdb"))
    assert list((tmp_path / "spool").iterdir()) == []
    store.append_lines(b"", to_lines([build_interaction("i1")]))
    assert list((tmp_path / "spool").iterdir()) == []
    store.close()
    assert (tmp_path / "mine.txt").exists()


def test_what_was_stored_is_there_after_a_restart(tmp_path):
    config = StoreConfig(path=tmp_path / "events.duckdb")
    store = DuckDBStore(config)
    store.append_lines(to_lines([build_search("s1")]), to_lines([build_interaction("i1")]))
    store.close()
    store = DuckDBStore(config)
    store.append_lines(to_lines([build_search("s2")]), to_lines([build_interaction("i2")]))
    keys = store.ask("interactions_page", {"limit": 9, "offset": 0}).column("interaction_key")
    assert sorted(keys.to_pylist()) == [1, 2]
    store.close()


def test_a_closed_store_says_so(tmp_path):
    store = DuckDBStore()
    store.close()
    with pytest.raises(UnavailableError, match="closed"):
        store.ask("store_counts")


def test_a_file_that_is_no_database_is_told(tmp_path):
    path = tmp_path / "events.duckdb"
    path.write_bytes(b"this is a poem\n" * 1_000)
    with pytest.raises(UnavailableError, match="cannot be opened"):
        DuckDBStore(StoreConfig(path=path))


def test_text_of_every_kind_comes_back_as_it_was(store):
    texts = ["", "it's", 'a "quote"', "back\\slash", "new\nline", "naïve ✓ 漢字 🙂", "\x1f", "null"]
    rows = [build_interaction(f"i{n}", text, metadata=text) for n, text in enumerate(texts)]
    store.append_lines(b"", to_lines(rows))
    found = store.ask("interactions_page", {"limit": 99, "offset": 0}).to_pylist()
    by_id = {row["interaction_id"]: (row["feature_id"], row["metadata"]) for row in found}
    assert by_id == {f"i{n}": (text, text) for n, text in enumerate(texts)}


def test_a_list_of_a_thousand_long_documents_is_taken(store):
    documents = [f"{n:04d}" + "漢" * 508 for n in range(1_000)]
    assert store.append_lines(to_lines([build_search("s1", documents)]), b"").impressions == 1_000


def test_a_refusal_quotes_nobody(store):
    line = b'{"interaction_id":"i1","at":"secret words","received_at":1,"types":[],"type_mask":0}\n'
    with pytest.raises(TableError) as refusal:
        store.append_lines(b"", line)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("field", ["threads", "memory_limit_mib", "checkpoint_mib"])
def test_a_setting_of_nothing_is_refused(field):
    with pytest.raises(SettingsError, match=field):
        StoreConfig(**{field: 0})
