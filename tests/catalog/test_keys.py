"""Keys: shown once, hashed at rest, ended at once."""

import sqlite3

import pytest

from rankloop.catalog.keys import SCOPES, KeyRing
from rankloop.errors import InputError, NotFoundError


@pytest.fixture
def ring(tmp_path):
    ring = KeyRing(tmp_path / "catalog.db")
    yield ring
    ring.close()


def test_a_new_ring_is_empty(ring):
    assert ring.is_empty()
    assert not ring.has_active()
    assert ring.list() == []


def test_a_key_allows_what_it_was_made_for(ring):
    key = ring.create("shop front", ["capture"])

    assert ring.scopes_of(key.token) == {"capture"}
    assert not ring.is_empty()


def test_admin_allows_everything(ring):
    assert ring.scopes_of(ring.create("operator", ["admin"]).token) == set(SCOPES)


def test_tokens_have_256_random_bits_and_a_prefix(ring):
    tokens = {ring.create("many", ["read"]).token for _ in range(5)}

    assert len(tokens) == 5
    assert all(token.startswith("rk_") and len(token) == 3 + 43 for token in tokens)


@pytest.mark.parametrize("token", ["", "rk_", "rk_unknown", "é\x00", "x" * 100_000])
def test_an_unknown_token_allows_nothing(ring, token):
    ring.create("shop front", ["capture"])

    assert ring.scopes_of(token) is None


def test_a_revoked_key_allows_nothing_and_stays_listed(ring):
    key = ring.create("shop front", ["capture"])

    ring.revoke(key.key_id)
    ring.revoke(key.key_id)

    assert ring.scopes_of(key.token) is None
    assert [(row.key_id, row.revoked_at is not None) for row in ring.list()] == [(key.key_id, True)]


def test_revoking_the_last_key_does_not_take_the_door_out(ring):
    ring.revoke(ring.create("shop front", ["capture"]).key_id)

    assert not ring.is_empty()
    assert not ring.has_active()


def test_revoking_an_unknown_key_names_it(ring):
    with pytest.raises(NotFoundError, match="key_nope"):
        ring.revoke("key_nope")


@pytest.mark.parametrize("scopes", [[], ["write"], ["capture", "everything"]])
def test_unknown_scopes_are_refused(ring, scopes):
    with pytest.raises(InputError) as caught:
        ring.create("shop front", scopes)

    assert caught.value.where == "/scopes"
    assert ring.is_empty()


@pytest.mark.parametrize("name", ["", "   ", "x" * 101])
def test_a_key_needs_a_name_of_reasonable_length(ring, name):
    with pytest.raises(InputError):
        ring.create(name, ["read"])


def test_keys_survive_a_restart(tmp_path):
    first = KeyRing(tmp_path / "catalog.db")
    key = first.create("shop front", ["capture", "read"])
    first.close()

    second = KeyRing(tmp_path / "catalog.db")

    assert second.scopes_of(key.token) == {"capture", "read"}
    second.close()


def test_the_token_is_nowhere_in_the_file(tmp_path):
    ring = KeyRing(tmp_path / "catalog.db")
    token = ring.create("shop front", ["capture"]).token
    ring.close()

    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert token.encode() not in content
    assert token.removeprefix("rk_").encode() not in content


def test_the_file_is_for_its_owner_only(tmp_path):
    KeyRing(tmp_path / "catalog.db").close()

    assert (tmp_path / "catalog.db").stat().st_mode & 0o077 == 0


def test_every_column_at_rest_is_known(tmp_path):
    KeyRing(tmp_path / "catalog.db").close()

    with sqlite3.connect(tmp_path / "catalog.db") as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(keys)")]
    connection.close()

    assert columns == ["key_id", "name", "token_sha256", "scopes", "created_at", "revoked_at"]
