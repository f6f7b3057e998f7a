"""A server that is killed in the middle of a job, again and again: what every kind must survive.

job = survive(Server(folder, port), {"kind": "estimate"}, kill_at=[0.1])
assert job["state"] == "done"
"""

import os
import signal
import subprocess
import sys
import time

import httpx2

STARTED_BY = """
import runpy, sys
for path in sys.argv[3:]:
    runpy.run_path(path)
from rankloop.cli.main import main
sys.exit(main(["serve", "--data", sys.argv[1], "--port", sys.argv[2]]))
"""


class Server:
    """`rankloop serve` on a data folder, killed and started at will.

    Args:
        folder: The data folder.
        port: Where it listens.
        preload: Python files that are run before it starts, such as one that adds a kind of job.
    """

    def __init__(self, folder, port, *preload):
        self.folder = folder
        self._url = f"http://127.0.0.1:{port}"
        self._http = None
        self.log = folder.with_suffix(".log")
        self.process = None
        self._words = [str(folder), str(port), *map(str, preload)]

    def start(self):
        # One for all calls: making one costs as much as a hundred of them.
        self._http = httpx2.Client(base_url=self._url, timeout=60)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", STARTED_BY, *self._words],
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        give_up_at = time.monotonic() + 120
        while time.monotonic() < give_up_at:
            try:
                self._http.get("/health/live", timeout=5)
            except httpx2.TransportError:
                assert self.process.poll() is None, self.read_log()
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"the server did not start: {self.read_log()}")

    def kill(self):
        self._http.close()
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self._http is not None:
            self._http.close()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=60)

    def read_log(self):
        return self.log.read_text()[-4_000:]

    def post(self, path, body=None):
        answer = self._http.post(path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def get(self, path):
        answer = self._http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait_for(self, job_id, condition, timeout_s=240.0):
        """Look at a job until something is so, and return it."""
        give_up_at = time.monotonic() + timeout_s
        while True:
            job = self.get(f"/v1/jobs/{job_id}")
            if condition(job):
                return job
            assert time.monotonic() < give_up_at, (job, self.read_log())
            time.sleep(0.01)


def has_ended(job):
    return job["state"] in ("done", "failed", "cancelled")


def survive(server, body, kill_at, timeout_s=240.0):
    """Start a job, kill the server each time the job has come so far, and return how it ended.

    Args:
        server: Started here; not stopped.
        body: What is asked for.
        kill_at: Shares of the whole, in (0, 1], ascending; one kill each.
        timeout_s: How long each part may take, in seconds.

    Returns:
        The job, as it ended.
    """
    server.start()
    job_id = server.post("/v1/jobs", body)["job_id"]
    for share in kill_at:
        job = server.wait_for(
            job_id,
            lambda job, share=share: job["progress"]["share"] >= share or has_ended(job),
            timeout_s,
        )
        assert not has_ended(job), f"it ended before it was at {share}: {job}"
        server.kill()
        server.start()
    return server.wait_for(job_id, has_ended, timeout_s)
