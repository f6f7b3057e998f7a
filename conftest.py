"""What every test and every example in the repository gets."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write golden files and generated reference pages instead of comparing with them",
    )
    parser.addoption(
        "--nightly", action="store_true", help="run what takes minutes, too: the mark `nightly`"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--nightly"):
        return
    for item in items:
        if item.get_closest_marker("nightly"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: give --nightly"))


@pytest.fixture(autouse=True)
def _start_examples_in_an_empty_folder(
    request: pytest.FixtureRequest, tmp_path_factory, monkeypatch
):
    # An example may write `./rankloop-data`; a reader's folder is empty and so is this one.
    if isinstance(request.node, pytest.DoctestItem):
        monkeypatch.chdir(tmp_path_factory.mktemp("example"))
