"""Whom a model learned from, by groups of people as the log tells them apart."""

from datetime import UTC, datetime

import pytest

from rankloop.models.lineage import find_shard, may_have_learned_from
from rankloop.tables.manifests import N_SHARDS, DataWindow, Manifest

SEEN = datetime(2026, 1, 10, tzinfo=UTC)


def manifest(start=None, shards=()):
    return Manifest(
        model_id="m1",
        kind="ranker",
        retriever_id="products",
        base="products@1",
        created_at=SEEN,
        code_version="0.1",
        window=DataWindow(start=start),
        shards=list(shards),
    )


@pytest.mark.parametrize("user", ["u~1", "ann", "ünï"], ids=["pseudonym", "plain", "accents"])
def test_the_group_is_that_of_the_log(user):
    duckdb = pytest.importorskip("duckdb")
    asked = "SELECT (md5_number_lower('user ' || $user) // 2)::BIGINT % $n"
    with duckdb.connect() as store:
        rows = store.execute(asked, {"user": user, "n": N_SHARDS}).fetchall()

    assert rows == [(find_shard(user),)]


def test_a_model_learned_from_everybody_unless_it_says_otherwise():
    assert may_have_learned_from(manifest(), "ann", SEEN)


def test_a_model_did_not_learn_from_groups_that_it_does_not_name():
    shard = find_shard("ann")

    assert may_have_learned_from(manifest(shards=[shard]), "ann", SEEN)
    assert not may_have_learned_from(manifest(shards=[(shard + 1) % N_SHARDS]), "ann", SEEN)


def test_a_model_did_not_learn_from_what_is_older_than_its_data():
    assert may_have_learned_from(manifest(start=SEEN), "ann", SEEN)
    assert not may_have_learned_from(manifest(start=datetime(2026, 1, 11, tzinfo=UTC)), "ann", SEEN)
