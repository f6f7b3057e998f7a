"""Erasure: a user deleted is a user never seen."""

from datetime import UTC, datetime

import pytest

from rankloop.errors import InputError, UnavailableError
from rankloop.privacy.erasure import Copies, Erasure, check_user_ids
from rankloop.privacy.exports import ExportRequest, Exports


@pytest.fixture
def exports(store, tmp_path):
    return Exports(store, tmp_path / "exports")


@pytest.fixture
def erasure(store, derivation, names, exports):
    return Erasure(store, derivation, lambda: None, names, Copies(exports))


def interaction_ids(store):
    asked = {"limit": 100, "offset": 0}
    return set(store.ask("interactions_page", asked).column("interaction_id").to_pylist())


def test_rows_of_the_user_go_and_those_of_others_stay(erasure, store):
    receipt = erasure.erase(["ann"])

    assert interaction_ids(store) == {"i4"}
    assert store.ask("store_counts").to_pylist() == [
        {"searches": 1, "impressions": 2, "interactions": 1}
    ]
    assert (receipt.rows["interactions"], receipt.rows["searches"]) == (3, 2)
    assert receipt.users == 1
    assert receipt.models == []


def test_derived_tables_forget_too(erasure, store):
    erasure.erase(["ann"])

    assert store.ask("export_click_log").column("search_id").to_pylist() == ["s3", "s3"]


def test_the_pseudonym_works_like_the_plain_id(erasure, store, names):
    erasure.erase([names.to_stored("ann")])

    assert interaction_ids(store) == {"i4"}


def test_erased_identifiers_stay_known_so_that_a_retry_resurrects_nothing(erasure, store):
    erasure.erase(["ann"])

    assert store.known_identifiers("interaction", ["i1", "i2", "never"]) == {"i1", "i2"}


def test_erasing_an_unknown_user_removes_nothing_and_is_no_error(erasure, store):
    receipt = erasure.erase(["nobody"])

    assert sum(receipt.rows.values()) == 0
    assert receipt.exports == []
    assert len(interaction_ids(store)) == 4


def test_the_same_user_named_twice_is_erased_once(erasure, names):
    receipt = erasure.erase(["ann", names.to_stored("ann")])

    assert receipt.users == 1
    assert receipt.rows["searches"] == 2


def test_what_waits_in_the_journal_is_delivered_before(store, derivation, names):
    calls = []
    Erasure(store, derivation, lambda: calls.append("drained"), names).erase(["ann"])

    assert calls == ["drained"]


def test_nothing_is_erased_while_the_journal_cannot_be_delivered(store, derivation, names):
    def fail():
        raise UnavailableError("behind")

    with pytest.raises(UnavailableError):
        Erasure(store, derivation, fail, names).erase(["ann"])

    assert len(interaction_ids(store)) == 4


def test_export_files_that_held_the_user_go_and_are_named(erasure, exports, store):
    held = exports.make(ExportRequest("interactions", "ndjson"))
    beside = exports.make(
        ExportRequest("interactions", "ndjson", start=datetime(2026, 9, 25, tzinfo=UTC))
    )

    receipt = erasure.erase(["ann"])

    assert receipt.exports == [held.manifest.export_id]
    assert (held.path.exists(), beside.path.exists()) == (False, True)
    assert len(exports.read_manifest(held.manifest.export_id).erased_at) == 1
    assert exports.read_manifest(beside.manifest.export_id).erased_at == []


def test_one_interaction_is_deleted_once(erasure, store):
    assert erasure.delete_interaction("i1")
    assert not erasure.delete_interaction("i1")
    assert interaction_ids(store) == {"i2", "i3", "i4"}


@pytest.mark.parametrize("user_ids", [[], [""], ["u"] * 1_001])
def test_nobody_an_empty_id_and_too_many_are_refused(user_ids):
    with pytest.raises(InputError) as caught:
        check_user_ids(user_ids)

    assert caught.value.where.startswith("/user_ids")
