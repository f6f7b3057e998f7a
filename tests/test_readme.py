"""The README shows what is true: its shape, its commands, its call over HTTP.

Its quickstart runs as a doctest of the page itself.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest


@pytest.fixture(scope="module")
def readme(repository) -> str:
    return (repository / "README.md").read_text(encoding="utf-8")


def blocks(readme: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", readme, flags=re.DOTALL | re.MULTILINE)


def test_code_with_results_comes_before_line_25(readme):
    head = readme.splitlines()[:25]
    assert any(line.startswith(">>> ") for line in head)
    assert blocks(readme, "python")[0].count("\n>>> ") >= 5


def test_the_first_forty_lines_hold_the_picture_and_the_table(readme):
    head = "\n".join(readme.splitlines()[:40])
    assert "══▶ store" in head
    assert "| I want to … | page |" in head


@pytest.fixture
def server(free_port, data_folder):
    """Start the program as the page says, on a free port, and stop it afterwards."""
    command = [sys.executable, "-m", "rankloop.cli.main", "serve"]
    options = ["--data", str(data_folder), "--port", str(free_port)]
    process = subprocess.Popen(
        command + options, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{free_port}"
    try:
        wait_until_ready(f"{address}/health/ready", process)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_until_ready(url: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server stopped by itself"
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.1)
    pytest.fail("the server was not ready within a minute")


def test_the_call_over_http_records_what_someone_did(readme, server):
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    call = next(block for block in blocks(readme, "sh") if block.startswith("curl"))
    call = call.replace("http://127.0.0.1:8400", server)
    done = subprocess.run(["bash", "-c", call], capture_output=True, text=True, timeout=60)
    answer = json.loads(done.stdout)
    assert answer["status"] == "accepted"
    assert answer["feature_id"] == "doc_xyz789"
    assert answer["interaction_type"] == ["click", "long_view"]
    assert answer["user_id"].startswith("u~")
