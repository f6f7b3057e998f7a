"""Small real servers that answer as a test tells them, and a client over each way of connecting."""

import json
import socket
import threading
import time

import pytest
import uvicorn

import rankloop
from rankloop.client.calling import RetryConfig
from rankloop.client.client import ClientConfig
from rankloop.client.sender import SenderConfig
from rankloop.client.waiting import WaitingConfig

QUICK = ClientConfig(
    retry=RetryConfig(first_pause_s=0.01, max_pause_s=0.05, timeout_s=5.0),
    sender=SenderConfig(
        waiting=WaitingConfig(every_s=0.02),
        retry=RetryConfig(first_pause_s=0.01, max_pause_s=0.05),
        close_timeout_s=2.0,
    ),
)


class Fickle:
    """An ASGI server that takes batches, except while it is told to answer otherwise.

    Attributes:
        answers: Statuses of the next answers; None breaks the connection after taking the rows.
        taken: Identifiers in the order they were taken, each once.
        requests: Method and path of every request.
    """

    def __init__(self):
        self.answers = []
        self.always = None
        self.taken = {}
        self.seen_duplicates = 0
        self.requests = []
        self.most_items = 10_000
        self.url = ""

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body")
        self.requests.append((scope["method"], scope["path"]))
        status = self.always or (self.answers.pop(0) if self.answers else 202)
        lines = [json.loads(line) for line in body.splitlines()]
        if status == 202 and len(lines) > self.most_items:
            status = 413
        if status is None or status == 202:
            verdict = self.take(lines)
        if status is None:
            # The answer begins and breaks off, as when a server is killed.
            headers = [(b"content-length", b"100")]
            await send({"type": "http.response.start", "status": 202, "headers": headers})
            raise ConnectionAbortedError
        if status == 202:
            await answer(send, 202, verdict)
        else:
            code = {503: "unavailable", 401: "unauthenticated", 413: "too_large"}.get(status, "x")
            problem = {"code": code, "status": status, "detail": "told to", "request_id": "req_9"}
            await answer(send, status, problem)

    def take(self, lines):
        n_duplicates = 0
        for line in lines:
            identifier = line.get("interaction_id") or line["search_id"]
            n_duplicates += identifier in self.taken
            self.taken.setdefault(identifier, line)
        self.seen_duplicates += n_duplicates
        accepted = len(lines) - n_duplicates
        return {"accepted": accepted, "duplicate": n_duplicates, "rejected": []}


async def answer(send, status, value):
    body = json.dumps(value).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Running:
    """A server in a thread that can be stopped and started again on its port."""

    def __init__(self, application):
        self.application = application
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        listener = socket.create_server(("127.0.0.1", self.port))
        config = uvicorn.Config(self.application, log_config=None, lifespan="off")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [listener]})
        self.thread.start()
        while not self.server.started:
            time.sleep(0.005)

    def stop(self):
        self.server.should_exit = True
        self.server.force_exit = True
        self.thread.join()


@pytest.fixture
def fickle():
    """Return a server that answers as it is told."""
    application = Fickle()
    running = Running(application)
    application.url = running.url
    application.running = running
    yield application
    running.stop()


@pytest.fixture(params=["server", "folder"])
def loop(request, serve, data_folder):
    """Return a client: once over a socket, once with the folder in this process."""
    target = serve(data_folder).url if request.param == "server" else data_folder
    with rankloop.connect(target, config=QUICK) as loop:
        yield loop


@pytest.fixture(params=["server", "folder"])
def target(request, serve, data_folder):
    """Return where to connect to: an address, or a folder."""
    return serve(data_folder).url if request.param == "server" else data_folder


@pytest.fixture
def quick():
    """Return a config whose pauses are short."""
    return QUICK
