"""The how-to pages are run as they stand, each in an empty folder."""

import doctest
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[2] / "docs" / "how-to"


@pytest.mark.parametrize(
    "name",
    [
        "use-the-python-client.md",
        "protect-privacy.md",
        "serve-rankings.md",
        "export-training-data.md",
        "run-jobs.md",
    ],
)
def test_what_the_page_shows_is_true(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    failed, tried = doctest.testfile(
        str(PAGES / name), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE
    )

    assert (failed, tried > 5) == (0, True)
