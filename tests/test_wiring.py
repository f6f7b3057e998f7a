"""Every part built once, from settings."""

import pytest

from rankloop.errors import FolderInUseError, PipelineError, SettingsError
from rankloop.settings import load_settings
from rankloop.wiring import open_engine


def load(**overrides):
    named = {name.replace("__", "."): value for name, value in overrides.items()}
    return load_settings(environment={}, overrides=named)


def test_a_folder_made_without_pseudonyms_opens_without_saying_so_again(tmp_path):
    open_engine(tmp_path / "data", load(privacy__pseudonymize_users=False)).close()

    engine = open_engine(tmp_path / "data", load())
    assert engine.pseudonyms.to_stored("user_123") == "user_123"
    engine.close()


def test_a_setting_that_contradicts_the_folder_is_refused_and_the_folder_is_free_again(tmp_path):
    open_engine(tmp_path / "data", load()).close()

    with pytest.raises(SettingsError, match="pseudonymize_users"):
        open_engine(tmp_path / "data", load(privacy__pseudonymize_users=False))
    open_engine(tmp_path / "data", load()).close()


def test_an_unknown_store_names_the_known_ones(tmp_path):
    with pytest.raises(SettingsError) as refused:
        open_engine(tmp_path / "data", load(store__kind="paper"))

    assert refused.value.where == "store.kind"
    assert "duckdb" in refused.value.hint


def test_a_folder_has_one_owner(tmp_path, monkeypatch):
    monkeypatch.setattr("rankloop.store.folder.WAIT_S", 0.1)
    engine = open_engine(tmp_path / "data", load())
    with pytest.raises(FolderInUseError):
        open_engine(tmp_path / "data", load())
    engine.close()


def test_headers_of_an_engine_go_to_its_own_address_only(tmp_path):
    settings = load(
        engines__shop__base_url="http://search:8108", engines__shop__headers={"X-KEY": "k"}
    )
    stage = {"type": "external", "url": "http://search:8108/find", "engine": "shop"}
    engine = open_engine(tmp_path / "data", settings)
    refused = []
    try:
        assert engine.serving.configure("shop", {"stages": [stage]}).version == 1
        for change in ({"url": "http://search.example:8108/find"}, {"engine": "news"}):
            with pytest.raises(PipelineError) as caught:
                engine.serving.configure("shop", {"stages": [{**stage, **change}]})
            refused += [fault.pointer for fault in caught.value.faults]
    finally:
        engine.close()

    assert refused == ["/stages/0/url", "/stages/0/engine"]
