"""`rankloop keys`, `settings` and `bench`."""

import json

import pytest


def test_a_key_is_made_offline_listed_without_its_token_and_revoked(rankloop):
    made = rankloop.read("keys", "create", "--scope", "capture", "--name", "shop", "--data", "d")
    assert made["token"].startswith("rk_")
    listed = rankloop.read("keys", "list", "--data", "d")["keys"]
    assert [(key["name"], key["revoked_at"]) for key in listed] == [("shop", None)]
    assert made["token"] not in json.dumps(listed)
    rankloop.read("keys", "revoke", made["key_id"], "--data", "d")
    assert rankloop.read("keys", "list", "--data", "d")["keys"][0]["revoked_at"]


def test_the_token_alone_stands_on_standard_output(rankloop):
    done = rankloop("keys", "create", "--scope", "admin", "--data", "d")
    assert done.stdout.strip().startswith("rk_")
    assert len(done.stdout.split()) == 1


def test_a_key_without_a_scope_is_wrong_usage(rankloop):
    assert rankloop("keys", "create", "--data", "d").returncode == 2
    assert rankloop("keys", "create", "--scope", "everything", "--data", "d").returncode == 2


def test_a_key_that_is_not_there_cannot_be_revoked(rankloop):
    done = rankloop("keys", "revoke", "key_0", "--data", "d", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["code"] == "not_found"


def test_settings_say_where_each_value_came_from(rankloop):
    (rankloop.cwd / "rankloop.toml").write_text("[server]\nport = 9000\n")
    environment = {"RANKLOOP_PRIVACY__SECRET": "hush", "RANKLOOP_STORE__THREADS": "1"}
    done = rankloop("settings", "--json", env=environment)
    rows = {row["name"]: row for row in json.loads(done.stdout)["settings"]}
    assert (rows["server.port"]["value"], rows["server.port"]["source"]) == ("9000", "file")
    assert rows["store.threads"]["source"] == "environment"
    assert rows["privacy.secret"]["value"] == "***"
    assert "hush" not in done.stdout
    assert list(rankloop.cwd.iterdir()) == [rankloop.cwd / "rankloop.toml"]


@pytest.mark.parametrize("text", ["[server]\nprot = 1\n", "[server]\nport = 'x'\n", "not toml"])
def test_a_wrong_setting_is_named(rankloop, text):
    (rankloop.cwd / "rankloop.toml").write_text(text)
    done = rankloop("settings")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_an_unknown_benchmark_is_wrong_usage_and_the_known_are_named(rankloop):
    done = rankloop("bench", "teapot")
    assert done.returncode == 2
    assert "capture" in done.stderr
