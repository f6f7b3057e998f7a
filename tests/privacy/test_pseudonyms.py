"""Pseudonyms: stable, keyed, settled when a folder is made."""

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankloop.errors import SettingsError
from rankloop.privacy.pseudonyms import Pseudonyms, open_pseudonyms

SECRET = "a secret of the operator"


def test_a_pseudonym_is_the_first_half_of_the_keyed_hash():
    digest = hmac.new(SECRET.encode(), b"user_123", hashlib.sha256).hexdigest()

    assert Pseudonyms(SECRET.encode()).to_stored("user_123") == f"u~{digest[:32]}"


@given(st.text(min_size=1))
def test_look_ups_take_the_plain_id_and_the_pseudonym(user_id):
    names = Pseudonyms(b"secret")
    stored = names.to_stored(user_id)

    assert names.to_lookup(user_id) == stored or user_id == stored
    assert names.to_lookup(stored) == stored


def test_only_whole_pseudonyms_pass_through_look_ups():
    names = Pseudonyms(b"secret")

    assert names.to_lookup("u~short") == names.to_stored("u~short")


def test_two_secrets_give_two_pseudonyms():
    assert Pseudonyms(b"one").to_stored("u") != Pseudonyms(b"two").to_stored("u")


def test_without_a_secret_ids_stay_plain():
    names = Pseudonyms(None)

    assert (names.to_stored("u"), names.to_lookup("u"), names.is_on) == ("u", "u", False)


def test_a_new_folder_makes_its_own_secret_for_its_owner_only(tmp_path):
    names = open_pseudonyms(tmp_path)

    assert names.is_on
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert len((tmp_path / "secret").read_text()) == 64


def test_a_folder_gives_the_same_pseudonyms_again(tmp_path):
    before = open_pseudonyms(tmp_path).to_stored("user_123")

    assert open_pseudonyms(tmp_path).to_stored("user_123") == before


def test_two_folders_give_different_pseudonyms(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()

    first, second = (open_pseudonyms(tmp_path / name).to_stored("u") for name in ("a", "b"))

    assert first != second


def test_the_secret_of_the_environment_is_not_written_down(tmp_path):
    open_pseudonyms(tmp_path, secret=SECRET)

    assert not (tmp_path / "secret").exists()
    assert SECRET not in (tmp_path / "folder.json").read_text()


@pytest.mark.parametrize(("made", "later"), [(True, False), (False, True)])
def test_a_contradicting_setting_is_refused(tmp_path, made, later):
    open_pseudonyms(tmp_path, enabled=made)

    with pytest.raises(SettingsError) as caught:
        open_pseudonyms(tmp_path, enabled=later)

    assert caught.value.where == "privacy.pseudonymize_users"


def test_a_folder_made_without_pseudonyms_stays_so_where_nothing_is_said(tmp_path):
    open_pseudonyms(tmp_path, enabled=False)

    assert not open_pseudonyms(tmp_path).is_on
    assert not (tmp_path / "secret").exists()


def test_a_lost_secret_is_not_silently_replaced(tmp_path):
    open_pseudonyms(tmp_path)
    (tmp_path / "secret").unlink()

    with pytest.raises(SettingsError, match="secret"):
        open_pseudonyms(tmp_path)


def test_another_secret_is_refused(tmp_path):
    open_pseudonyms(tmp_path, secret=SECRET)

    with pytest.raises(SettingsError, match="not the one"):
        open_pseudonyms(tmp_path, secret="another secret altogether")


def test_a_short_secret_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="16 characters"):
        open_pseudonyms(tmp_path, secret="short")


@pytest.mark.parametrize("content", ["not json", "[]", "\x00"])
def test_a_damaged_folder_file_is_named(tmp_path, content):
    (tmp_path / "folder.json").write_text(content)

    with pytest.raises(SettingsError, match=r"folder\.json"):
        open_pseudonyms(tmp_path)


def test_what_others_settled_in_the_folder_file_is_kept(tmp_path):
    (tmp_path / "folder.json").write_text(json.dumps({"other": 1}))

    open_pseudonyms(tmp_path)

    assert json.loads((tmp_path / "folder.json").read_text())["other"] == 1
