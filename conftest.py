"""What every test and every example in the repository gets."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write golden files and generated reference pages instead of comparing with them",
    )


@pytest.fixture(autouse=True)
def _start_examples_in_an_empty_folder(
    request: pytest.FixtureRequest, tmp_path_factory, monkeypatch
):
    # An example may write `./rankloop-data`; a reader's folder is empty and so is this one.
    if isinstance(request.node, pytest.DoctestItem):
        monkeypatch.chdir(tmp_path_factory.mktemp("example"))
