"""A store with a few users in it."""

import msgspec
import pytest

from rankloop.attribution.derivation import Derivation
from rankloop.events.rows import InteractionRow, ResultRow, SearchRow
from rankloop.events.types import to_mask
from rankloop.privacy.pseudonyms import Pseudonyms
from rankloop.store.base import StoreConfig
from rankloop.store.duckdb import DuckDBStore

DAY_US = 86_400_000_000
NOON_US = 1_790_000_000_000_000


def search(search_id, user, *, day=0, documents=("d1", "d2")):
    at = NOON_US + day * DAY_US
    return SearchRow(
        search_id=search_id,
        at=at,
        received_at=at,
        retriever_id="products",
        query="blue shoes",
        query_key="q1",
        user=user,
        n_results=len(documents),
        results=[ResultRow(document_id) for document_id in documents],
    )


def click(interaction_id, user, search_id=None, *, day=0, document="d1"):
    at = NOON_US + day * DAY_US + 1_000_000
    return InteractionRow(
        interaction_id=interaction_id,
        at=at,
        received_at=at,
        types=["click"],
        type_mask=to_mask(["click"]),
        retriever_id="products",
        search_id=search_id,
        document_id=document,
        user=user,
    )


@pytest.fixture
def names():
    return Pseudonyms(b"a secret for tests")


@pytest.fixture
def store(tmp_path, names):
    """Return a store with two searches and three clicks of ann, one of each of bob."""
    store = DuckDBStore(StoreConfig(path=tmp_path / "events.duckdb"))
    ann, bob = names.to_stored("ann"), names.to_stored("bob")
    searches = [search("s1", ann), search("s2", ann, day=1), search("s3", bob, day=5)]
    clicks = [
        click("i1", ann, "s1"),
        click("i2", ann, "s2", day=1),
        click("i3", None, "s2", day=1, document="d2"),
        click("i4", bob, "s3", day=5),
    ]
    encoder = msgspec.json.Encoder()
    store.append_lines(encoder.encode_lines(searches), encoder.encode_lines(clicks))
    yield store
    store.close()


@pytest.fixture
def derivation(store):
    derivation = Derivation(store)
    derivation.refresh()
    return derivation
