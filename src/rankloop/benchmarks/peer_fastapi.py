"""The peer of the capture benchmark: what a home-made script does, with FastAPI.

One endpoint, one validated model, one INSERT per request into SQLite (durable, WAL) or DuckDB.
Run as `python -m rankloop.benchmarks.peer_fastapi PORT FILE sqlite|duckdb`.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
import uuid
from datetime import UTC, datetime
from typing import Any, Protocol

import duckdb
import msgspec
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, Field

_COLUMNS = (
    "interaction_id TEXT PRIMARY KEY, at TEXT, document_id TEXT, types TEXT, position INTEGER,"
    " metadata TEXT, user_id TEXT, session_id TEXT"
)


class Interaction(BaseModel):
    """The same body that ours takes."""

    feature_id: str
    interaction_type: list[str]
    position: int | None = Field(default=None, ge=0)
    metadata: dict[str, Any] = {}
    user_id: str | None = None
    session_id: str | None = None
    interaction_id: str | None = None


class Inserts(Protocol):
    """A connection that inserts a row."""

    def execute(self, statement: str, values: list[Any], /) -> object:
        """Run one statement."""
        ...


def open_database(path: str, kind: str) -> Inserts:
    """Open the table, durably."""
    if kind == "duckdb":
        engine = duckdb.connect(path)
        engine.execute(f"CREATE TABLE interactions ({_COLUMNS})")
        return engine
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"CREATE TABLE interactions ({_COLUMNS})")
    return connection


def build_peer(path: str, kind: str) -> FastAPI:
    """Build the application around one table."""
    application = FastAPI()
    database = open_database(path, kind)
    lock = threading.Lock()

    @application.post("/v1/retrievers/interactions", status_code=201)
    def take(interaction: Interaction) -> dict[str, str]:
        name = interaction.interaction_id or str(uuid.uuid4())
        values = [
            name,
            datetime.now(UTC).isoformat(),
            interaction.feature_id,
            ",".join(interaction.interaction_type),
            interaction.position,
            msgspec.json.encode(interaction.metadata).decode(),
            interaction.user_id,
            interaction.session_id,
        ]
        with lock:
            database.execute("INSERT INTO interactions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        return {"interaction_id": name, "status": "accepted"}

    return application


if __name__ == "__main__":
    uvicorn.run(
        build_peer(sys.argv[2], sys.argv[3]),
        port=int(sys.argv[1]),
        log_level="warning",
        access_log=False,
        loop="uvloop",
        http="httptools",
    )
