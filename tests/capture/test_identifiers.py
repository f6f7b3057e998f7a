"""Which identifiers are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankloop.capture.identifiers import BloomFilter, IdentifierLedger
from rankloop.store.identifiers import to_hashes

NAMES = st.lists(st.text(min_size=1, max_size=12), max_size=40)


@given(NAMES, NAMES)
def test_the_filter_never_forgets(added, others):
    known = BloomFilter(capacity=16)
    known.add(to_hashes(added))
    known.add(to_hashes(others))

    assert known.may_contain(to_hashes(added + others)).all()


def test_the_filter_rarely_mistakes_a_stranger():
    known = BloomFilter(capacity=1_000)
    known.add(to_hashes(f"known-{n}" for n in range(50_000)))
    mistaken = known.may_contain(to_hashes(f"stranger-{n}" for n in range(50_000)))

    assert mistaken.mean() < 0.03


def test_hashes_are_those_that_the_store_computes():
    import duckdb

    names = ["a", "sess_456", "Ünïcode", "s1\x1f10"]
    rows = duckdb.sql(
        "SELECT md5_number_lower(n) FROM (SELECT unnest($names) AS n)", params={"names": names}
    ).fetchall()

    assert to_hashes(names).tolist() == [row[0] for row in rows]


def test_a_hit_of_the_filter_is_looked_up_exactly():
    asked = []

    def find(names):
        asked.extend(names)
        return {"stored"} & set(names)

    ledger = IdentifierLedger(find, iter([to_hashes(["stored", "collides"])]))
    known = ledger.find_known(["new", "stored", "collides"])

    assert known == {"stored"}
    assert "new" not in asked


def test_what_is_not_delivered_yet_is_known_without_the_store():
    ledger = IdentifierLedger(lambda names: set(), iter(()))
    ledger.add(["i1", "i2"], sequence=7)

    assert ledger.find_known(["i1", "i3"]) == {"i1"}
    ledger.settle(7)
    assert ledger.find_known(["i1"]) == set(), "delivered names are the store's to know"


def test_no_names_hash_to_nothing():
    assert to_hashes([]).shape == (0,)
    assert to_hashes([]).dtype == np.uint64


@pytest.mark.parametrize("batch", [1, 700, 5_000])
def test_what_is_not_delivered_yet_is_known_exactly(batch):
    names = [f"name-{number}" for number in range(10_000)]
    ledger = IdentifierLedger(lambda asked: set(), iter(()))
    for first in range(0, len(names), batch):
        ledger.add(names[first : first + batch], sequence=first + 1)

    asked = [*names[::7], "name-", "ame-1", "name-10000", "name-1\nname-2"]

    assert ledger.find_known(asked) == set(names[::7])


@pytest.mark.parametrize("batch", [100, 5_000])
def test_what_was_delivered_is_asked_of_the_store(batch):
    names = [f"name-{number}" for number in range(10_000)]
    asked = []
    ledger = IdentifierLedger(lambda given: asked.extend(given) or set(), iter(()))
    for first in range(0, len(names), batch):
        ledger.add(names[first : first + batch], sequence=first + 1)
        ledger.settle(0)

    ledger.settle(5_000)

    assert ledger.find_known(names) == set(names[5_000:])
    assert sorted(asked) == sorted(names[:5_000])
