"""A server killed again and again loses nothing that it acknowledged, and stores nothing twice."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import httpx2
import pytest

from rankloop.store.base import StoreConfig
from rankloop.store.duckdb import DuckDBStore

N_KILLS = 20
INTERACTIONS = "/v1/retrievers/interactions"


class Server:
    """`rankloop serve` on a data folder, killed and started at will."""

    def __init__(self, folder, port):
        self.folder = folder
        self.port = port
        self.log = folder.with_suffix(".log")
        self.process = None

    def start(self):
        arguments = ["serve", "--data", str(self.folder), "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "rankloop.cli.main", *arguments],
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        give_up_at = time.monotonic() + 60
        while time.monotonic() < give_up_at:
            try:
                httpx2.get(f"http://127.0.0.1:{self.port}/health/live", timeout=1)
            except httpx2.TransportError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"the server did not start: {self.log.read_text()[-2_000:]}")

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)


class Sender(threading.Thread):
    """Posts batches of interactions and searches, retries what was not answered."""

    def __init__(self, port, name):
        super().__init__(daemon=True)
        self.url = f"http://127.0.0.1:{port}"
        self.label = name
        self.acknowledged = set()
        self.sent = 0
        self.is_over = threading.Event()

    def run(self):
        rng = random.Random(self.label)
        client = httpx2.Client(timeout=5)
        number = 0
        while not self.is_over.is_set():
            names = [f"{self.label}-{number + place}" for place in range(rng.choice([1, 7, 200]))]
            number += len(names)
            lines = [
                json.dumps(
                    {"interaction_id": name, "feature_id": "d1", "interaction_type": "click"}
                )
                for name in names
            ]
            while not self.is_over.is_set():
                try:
                    answer = client.post(
                        self.url + INTERACTIONS,
                        content="\n".join(lines),
                        headers={"content-type": "application/x-ndjson"},
                    )
                except httpx2.TransportError:
                    time.sleep(0.02)
                    continue
                if answer.status_code == 202:
                    verdict = answer.json()
                    assert verdict["accepted"] + verdict["duplicate"] == len(names)
                    self.acknowledged.update(names)
                    self.sent += len(names)
                    break
                time.sleep(0.02)
        client.close()


@pytest.mark.slow
def test_twenty_kills_under_load_lose_nothing_and_double_nothing(data_folder, free_port):
    rng = random.Random(20)
    server = Server(data_folder, free_port)
    server.start()
    senders = [Sender(free_port, f"sender{number}") for number in range(4)]
    for sender in senders:
        sender.start()
    for _ in range(N_KILLS):
        time.sleep(rng.uniform(0.05, 0.6))
        server.kill()
        server.start()
    for sender in senders:
        sender.is_over.set()
        sender.join(timeout=30)
    server.stop()

    acknowledged = set().union(*(sender.acknowledged for sender in senders))
    store = DuckDBStore(StoreConfig(path=data_folder / "events.duckdb"))
    with store._cursor() as cursor:
        stored = Counter(
            row[0] for row in cursor.execute("SELECT interaction_id FROM interactions").fetchall()
        )
    store.close()
    assert len(acknowledged) > 1_000, "the load was too small to prove anything"
    assert acknowledged - stored.keys() == set(), "acknowledged and lost"
    assert [name for name, times in stored.items() if times > 1] == [], "stored twice"
