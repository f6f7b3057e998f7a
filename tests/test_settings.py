"""Settings: one reading, four layers, nothing unknown."""

import pytest

from rankloop.errors import SettingsError
from rankloop.settings import iter_settings, load_settings


def test_the_command_line_wins_over_the_environment_over_the_file_over_the_default(tmp_path):
    file = tmp_path / "rankloop.toml"
    file.write_text("[server]\nport = 1\n[store]\nthreads = 3\n[capture]\ndeliver_every_s = 0.5\n")
    loaded = load_settings(
        file,
        {"RANKLOOP_SERVER__PORT": "2", "RANKLOOP_STORE__THREADS": "4"},
        {"server.port": 5},
    )

    assert loaded.settings.server.port == 5
    assert loaded.settings.store.threads == 4
    assert loaded.settings.capture.deliver_every_s == 0.5
    assert loaded.sources["server.port"] == "command line"
    assert loaded.sources["store.threads"] == "environment"
    assert loaded.sources["capture.deliver_every_s"] == "file"
    assert loaded.sources["server.host"] == "default"


@pytest.mark.parametrize(
    ("environment", "where"),
    [
        ({"RANKLOOP_SERVER__PROT": "1"}, "server.prot"),
        ({"RANKLOOP_SERVER__PORT": "many"}, "server.port"),
        ({"RANKLOOP_SERVER__PORT": "99999"}, "server.port"),
        ({"RANKLOOP_SERVER__CORS_ORIGINS": '["https://a.example"]'}, "server.cors_origins"),
        ({"RANKLOOP_SERVER__CORS_ORIGINS": "https://a.example/shop"}, "server.cors_origins"),
    ],
)
def test_what_is_unknown_or_cannot_be_is_named(environment, where):
    with pytest.raises(SettingsError) as refused:
        load_settings(environment=environment)
    assert refused.value.where == where


def test_an_unknown_section_of_the_file_is_refused(tmp_path):
    file = tmp_path / "rankloop.toml"
    file.write_text("[sever]\nport = 1\n")
    with pytest.raises(SettingsError, match="sever"):
        load_settings(file, {})


def test_a_file_that_is_not_toml_says_so(tmp_path):
    file = tmp_path / "rankloop.toml"
    file.write_text("port: 1\n")
    with pytest.raises(SettingsError, match="not TOML"):
        load_settings(file, {})


def test_origins_are_a_list_in_the_environment():
    loaded = load_settings(
        environment={"RANKLOOP_SERVER__CORS_ORIGINS": "https://a.example, https://b.example"}
    )
    assert loaded.settings.server.cors_origins == ("https://a.example", "https://b.example")


def test_secrets_are_not_shown():
    loaded = load_settings(environment={"RANKLOOP_PRIVACY__SECRET": "very secret indeed"})
    rows = {name: (value, source) for name, value, source in iter_settings(loaded)}

    assert rows["privacy.secret"] == ("***", "environment")
    assert rows["server.port"] == ("8400", "default")


def test_a_named_section_is_read_from_file_and_environment(tmp_path):
    file = tmp_path / "rankloop.toml"
    file.write_text('[embedders.ours]\nbase_url = "http://models.example/v1"\nbatch_size = 8\n')
    loaded = load_settings(file, {"RANKLOOP_EMBEDDERS__OURS__API_KEY": "sk-1"})
    ours = loaded.settings.embedders["ours"]
    assert (ours.base_url, ours.batch_size, ours.api_key) == ("http://models.example/v1", 8, "sk-1")
    rows = {name: (value, source) for name, value, source in iter_settings(loaded)}
    assert rows["embedders.ours.api_key"] == ("***", "environment")
    assert rows["embedders.ours.batch_size"] == ("8", "file")


@pytest.mark.parametrize(
    "text",
    ["[embedders]\nbase_url = 'x'\n", "[embedders.ours]\nkey = 'x'\n", "[embedders.a.b]\nc = 1\n"],
    ids=["no name", "unknown key", "too deep"],
)
def test_a_named_section_knows_its_keys(tmp_path, text):
    file = tmp_path / "rankloop.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match="no setting") as caught:
        load_settings(file, {})
    assert "Known under embedders.NAME: base_url, api_key" in caught.value.hint


NEWS = {
    "RANKLOOP_ENGINES__NEWS__BASE_URL": "https://news.example",
    "RANKLOOP_ENGINES__NEWS__HEADERS": '{"X-KEY": "k2"}',
}


def test_headers_of_an_engine_are_read_and_not_shown(tmp_path):
    file = tmp_path / "rankloop.toml"
    file.write_text('[engines.shop]\nbase_url = "http://search:8108"\nheaders = {X-KEY = "k1"}\n')
    loaded = load_settings(file, NEWS)
    rows = {name: value for name, value, _ in iter_settings(loaded)}

    assert loaded.settings.engines["shop"].headers == {"X-KEY": "k1"}
    assert loaded.settings.engines["news"].headers == {"X-KEY": "k2"}
    assert (rows["engines.shop.headers"], rows["engines.news.headers"]) == ("***", "***")
    assert rows["engines.shop.base_url"] == "http://search:8108"


def test_headers_that_are_no_json_are_refused_without_being_shown():
    with pytest.raises(SettingsError) as caught:
        load_settings(None, {"RANKLOOP_ENGINES__SHOP__HEADERS": "X-KEY: secret"})
    assert caught.value.where == "engines.shop.headers"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "search:8108", "http://search:999999", "http://a b/"])
def test_an_engine_has_an_address(url):
    with pytest.raises(SettingsError, match="no address"):
        load_settings(None, {"RANKLOOP_ENGINES__SHOP__BASE_URL": url})
