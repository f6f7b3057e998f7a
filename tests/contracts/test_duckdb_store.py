"""DuckDB keeps the promise of a store, in a file and in memory."""

from rankloop.store.base import StoreConfig
from rankloop.store.duckdb import DuckDBStore
from rankloop.testing.contracts import StoreContract


class TestDuckDBStoreInAFile(StoreContract):
    def open_store(self, folder):
        return DuckDBStore(StoreConfig(path=folder / "events.duckdb"))


class TestDuckDBStoreInMemory(StoreContract):
    def open_store(self, folder):
        return DuckDBStore()
