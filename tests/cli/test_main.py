"""The commands as a person types them: help, exit status, no tracebacks."""

import json
import subprocess
import sys
import time

import pytest

from rankloop.cli.main import app, main
from rankloop.version import __version__

COMMANDS = sorted(name for name in app if not name.startswith("-"))
GROUPS = {"jobs", "judgments", "keys", "models", "retrievers", "train"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(name, capsys):
    assert main([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"Usage: rankloop {name}" in text
    assert "Examples:" in text
    assert f"rankloop {name}" in text.partition("Examples:")[2]


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in GROUPS])
def test_every_command_takes_a_folder_an_address_and_json(name, capsys):
    main([name, "--help"])
    text = capsys.readouterr().out
    assert all(option in text for option in ("--data", "--url", "--json"))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_mistyped_option_is_wrong_usage(name, capsys):
    assert main([name, "--no-such-option", "1"]) == 2
    assert capsys.readouterr().err.startswith("rankloop: ")


def test_a_mistyped_command_is_named_and_the_right_one_offered(capsys):
    assert main(["sevre"]) == 2
    assert '"serve"' in capsys.readouterr().err


def test_wrong_usage_is_a_problem_document_for_a_program(capsysbinary):
    assert main(["serve", "--port", "x", "--json"]) == 2
    problem = json.loads(capsysbinary.readouterr().out)
    assert problem["code"] == "invalid_input"
    assert "--port" in problem["detail"]


def test_the_version_is_printed(rankloop):
    done = rankloop.spawn("--version")
    assert (done.returncode, done.stdout.strip()) == (0, __version__)


def test_help_is_quick_and_loads_no_engine():
    program = (
        "import sys; from rankloop.cli.main import main; main(['--help']);"
        "print(*{'duckdb', 'numpy', 'litestar', 'pyarrow', 'httpx2'} & set(sys.modules),"
        " file=sys.stderr)"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr.split() == []
    assert time.monotonic() - began < 5


def test_nothing_is_left_behind_by_help(rankloop):
    assert rankloop("serve", "--help").returncode == 0
    assert list(rankloop.cwd.iterdir()) == []
