"""Which installation a command speaks to."""

from pathlib import Path

import pytest

from rankloop.cli.target import HERE, Target
from rankloop.errors import InputError


def test_the_usual_folder_is_taken_when_none_is_named():
    assert HERE.folder == Path("rankloop-data")


def test_a_folder_and_a_server_cannot_both_be_named():
    with pytest.raises(InputError, match="cannot be given together"):
        Target(data=Path("x"), url="http://127.0.0.1:1")


def test_what_needs_a_folder_refuses_a_server():
    with pytest.raises(InputError, match="not through --url"):
        Target(url="http://127.0.0.1:1").need_folder("serve")
