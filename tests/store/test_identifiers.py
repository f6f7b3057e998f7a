import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankloop.store import identifiers
from rankloop.store.base import StoreConfig
from rankloop.store.duckdb import DuckDBStore
from rankloop.store.identifiers import DiskRun, IdentifierIndex, MemoryRun, to_hashes
from rankloop.testing.builders import build_interaction, to_lines


@pytest.fixture
def tables():
    connection = duckdb.connect()
    connection.execute("CREATE TABLE interactions (interaction_key BIGINT, interaction_id VARCHAR)")
    yield connection
    connection.close()


@pytest.fixture
def short_runs(monkeypatch):
    # Runs of 64 rows instead of a million, so that a test sees many of them.
    monkeypatch.setattr(identifiers, "RUN_ROWS", 64)
    monkeypatch.setattr(identifiers, "WORTH_A_FILE_ROWS", 8)
    monkeypatch.setattr(identifiers, "_PIECE_ROWS", 2_048)


def store(tables, first, last):
    tables.execute(
        "INSERT INTO interactions SELECT k, 'i' || k FROM range($first, $last + 1) t(k)",
        {"first": first, "last": last},
    )


def find(index, names):
    return sorted(index.find(to_hashes(names)).tolist())


def test_finds_the_keys_of_what_is_stored(tables):
    index = IdentifierIndex("interaction", None, 0)
    index.refresh(tables)
    assert find(index, ["i1"]) == []
    store(tables, 1, 100)
    index.refresh(tables)
    assert find(index, ["i1", "i100", "i101", "never"]) == [1, 100]


def test_reads_only_what_is_new(tables):
    index = IdentifierIndex("interaction", None, 0)
    store(tables, 1, 10)
    index.refresh(tables)
    tables.execute("DELETE FROM interactions")
    store(tables, 11, 20)
    index.refresh(tables)
    assert find(index, [f"i{k}" for k in range(30)]) == list(range(1, 21))


def test_many_runs_hold_as_much_as_one(tables, short_runs, tmp_path):
    index = IdentifierIndex("interaction", tmp_path, 0)
    for first in range(1, 1_000, 37):
        store(tables, first, first + 36)
        index.refresh(tables)
    names = [f"i{k}" for k in range(1, 1_000, 3)]
    assert find(index, names) == list(range(1, 1_000, 3))
    assert len(list(tmp_path.glob("*.run"))) > 3
    hashes = np.concatenate(list(index.iter_hashes()))
    assert set(to_hashes(names).tolist()) <= set(hashes.tolist())


def test_a_new_start_reads_runs_instead_of_tables(tables, short_runs, tmp_path):
    index = IdentifierIndex("interaction", tmp_path, 0)
    store(tables, 1, 100)
    index.refresh(tables)
    index.close()
    tables.execute("DELETE FROM interactions")
    again = IdentifierIndex("interaction", tmp_path, 100)
    again.refresh(tables)
    assert find(again, ["i7", "i100"]) == [7, 100]


def test_short_runs_of_many_starts_are_joined(tables, short_runs, tmp_path):
    for start in range(30):
        index = IdentifierIndex("interaction", tmp_path, start * 10)
        store(tables, start * 10 + 1, start * 10 + 10)
        index.refresh(tables)
        index.close()
    assert len(list(tmp_path.glob("*.run"))) < 10
    last = IdentifierIndex("interaction", tmp_path, 300)
    assert find(last, [f"i{k}" for k in range(1, 301)]) == list(range(1, 301))


def test_runs_of_another_database_are_dropped(tables, short_runs, tmp_path):
    index = IdentifierIndex("interaction", tmp_path, 0)
    store(tables, 1, 100)
    index.refresh(tables)
    index.close()
    younger = IdentifierIndex("interaction", tmp_path, 50)
    assert find(younger, ["i7"]) == []
    assert list(tmp_path.glob("*.run")) == []


def test_rows_that_lie_out_of_order_are_found(tables, short_runs, tmp_path):
    index = IdentifierIndex("interaction", tmp_path, 0)
    for first in (5_001, 1, 3_001, 8_000_000_001):
        store(tables, first, first + 1_999)
    index.refresh(tables)
    index.close()
    again = IdentifierIndex("interaction", tmp_path, 8_000_002_000)
    assert find(again, ["i1", "i3001", "i7000", "i8000000001"]) == [1, 3001, 7000, 8000000001]
    again.refresh(tables)
    assert sum(hashes.size for hashes in again.iter_hashes()) == 8_000


def test_a_gap_between_runs_is_read_from_the_tables(tables, short_runs, tmp_path):
    index = IdentifierIndex("interaction", tmp_path, 0)
    for first in range(1, 400, 80):
        store(tables, first, first + 79)
        index.refresh(tables)
    lost = sorted(tmp_path.glob("*.run"))[1]
    lost.unlink()
    again = IdentifierIndex("interaction", tmp_path, 400)
    again.refresh(tables)
    assert find(again, ["i1", "i150", "i400"]) == [1, 150, 400]


@given(
    rows=st.dictionaries(st.integers(0, 2**64 - 1), st.integers(0, 2**62), min_size=1),
    others=st.sets(st.integers(0, 2**64 - 1)),
)
def test_a_run_in_a_file_finds_what_one_in_memory_does(tmp_path_factory, rows, others):
    run = MemoryRun.sort(
        np.array(list(rows), dtype=np.uint64), np.array(list(rows.values()), dtype=np.int64)
    )
    path = tmp_path_factory.mktemp("runs") / "interaction-0-1.run"
    for on_disk in (DiskRun.write(path, run), DiskRun.open(path)):
        wanted = np.array(sorted(set(list(rows)[::2]) | others), dtype=np.uint64)
        expected = sorted(rows[value] for value in wanted.tolist() if value in rows)
        assert sorted(run.find(wanted).tolist()) == expected
        assert sorted(on_disk.find(wanted).tolist()) == expected
        assert on_disk.load().keys.tolist() == run.keys.tolist()


def test_a_long_run_is_searched_page_by_page(tmp_path):
    hashes = np.random.default_rng(1).integers(0, 2**63, 100_000).astype(np.uint64)
    run = MemoryRun.sort(hashes, np.arange(hashes.size))
    on_disk = DiskRun.write(tmp_path / "interaction-0-1.run", run)
    wanted = np.concatenate([hashes[:3], np.array([0, 2**64 - 1], dtype=np.uint64)])
    assert sorted(on_disk.find(wanted).tolist()) == [0, 1, 2]


def test_a_restarted_store_knows_what_it_held(tmp_path, short_runs):
    config = StoreConfig(path=tmp_path / "events.duckdb")
    for start in range(3):
        opened = DuckDBStore(config)
        rows = [build_interaction(f"i{start}-{place}") for place in range(100)]
        opened.append_lines(b"", to_lines(rows))
        names = [f"i{number}-99" for number in range(4)]
        assert opened.known_identifiers("interaction", names) == set(names[: start + 1])
        opened.close()
    assert list((tmp_path / "identifiers").glob("*/*.run"))
