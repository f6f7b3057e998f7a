"""How fast events are taken in: single requests, bulk requests, files, and the memory it takes.

The load comes from another process on the same cores, while delivery runs. The peer gets the same
load in the same run.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec

from rankloop.benchmarks.figures import Figure, Outcome, compare, describe_machine, to_table
from rankloop.benchmarks.load import LoadResult, LoadSpec, make_item
from rankloop.benchmarks.servers import (
    ServerProcess,
    find_free_port,
    run_load_process,
    run_server,
    serve_rankloop,
)
from rankloop.errors import InputError
from rankloop.wiring import open_engine

__all__ = ["measure", "to_table"]

PEERS: Final = {"fastapi": "sqlite", "fastapi-duckdb": "duckdb"}
"""What can run beside us, and the table it inserts into."""

N_CONNECTIONS: Final = 128
N_RUNS: Final = 3
SECONDS: Final = 6.0
BULK_ITEMS: Final = 5_000
N_FILE_INTERACTIONS: Final = 1_000_000
N_FILE_SEARCHES: Final = 150_000
RESULTS_PER_SEARCH: Final = 10

Say = Callable[[str], None]


def measure(*, against: str | None = None, say: Say) -> Outcome:
    """Measure capture, with a peer beside it where one is named.

    Args:
        against: `fastapi` (SQLite behind) or `fastapi-duckdb`; none when left out.
        say: Told what is being done.

    Raises:
        InputError: There is no such peer.
    """
    if against is not None and against not in PEERS:
        raise InputError(f"there is no peer {against!r}", hint=f"Known: {', '.join(PEERS)}.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours, theirs = _measure_single(folder, against, say)
        figures = [
            compare(
                "capture_single_per_s",
                _rate(ours),
                "1/s",
                against,
                _rate(theirs) if theirs else None,
            ),
            compare(
                "capture_single_p99_ms",
                statistics.median(result.p99_ms for result in ours),
                "ms",
                against,
                statistics.median(result.p99_ms for result in theirs) if theirs else None,
            ),
        ]
        figures += _measure_bulk(folder / "bulk", say)
        figures += _measure_files(folder, say)
    return Outcome(figures, describe_machine())


def _measure_single(
    folder: Path, against: str | None, say: Say
) -> tuple[list[LoadResult], list[LoadResult]]:
    """Send single interactions to us and to the peer in turn, several times."""
    ours: list[LoadResult] = []
    theirs: list[LoadResult] = []
    for run in range(N_RUNS):
        with serve_rankloop(folder / f"single-{run}") as server:
            say(f"single requests, run {run + 1} of {N_RUNS}")
            ours.append(_load(server, n_items=1, n_requests=250_000, seed=f"single{run}"))
        if against is not None:
            port = find_free_port()
            arguments = [
                "-m",
                "rankloop.benchmarks.peer_fastapi",
                str(port),
                str(folder / f"peer-{run}.db"),
                PEERS[against],
            ]
            with run_server(arguments, port) as server:
                say(f"the same against {against}")
                theirs.append(_load(server, n_items=1, n_requests=60_000, seed=f"peer{run}"))
    return ours, theirs


def _measure_bulk(folder: Path, say: Say) -> list[Figure]:
    """Send batches of 5,000 and watch the server's memory."""
    results = []
    peaks = []
    with serve_rankloop(folder) as server:
        for run in range(N_RUNS):
            say(f"bulk requests, run {run + 1} of {N_RUNS}")
            results.append(
                _load(server, n_items=BULK_ITEMS, n_requests=250, seed=f"bulk{run}", connections=4)
            )
            peaks.append(server.read_rss_mib())
    return [
        compare("capture_bulk_per_s", _rate(results), "1/s"),
        compare("server_rss_mib", max(peaks), "MiB"),
    ]


def _measure_files(folder: Path, say: Say) -> list[Figure]:
    """Import a file of interactions and one of searches; impressions count as rows."""
    say("writing files")
    interactions = folder / "interactions.ndjson"
    searches = folder / "searches.ndjson"
    _write_lines(
        interactions,
        (make_item(number, LoadSpec(port=0)) for number in range(N_FILE_INTERACTIONS)),
    )
    _write_lines(searches, (_make_search(number) for number in range(N_FILE_SEARCHES)))
    engine = open_engine(folder / "files")
    try:
        importer = engine.importer
        say("importing interactions")
        began = time.perf_counter()
        importer.run([interactions], "native")
        interaction_s = time.perf_counter() - began
        say("importing searches")
        began = time.perf_counter()
        importer.run([searches], "native")
        search_s = time.perf_counter() - began
    finally:
        engine.close()
    n_impressions = N_FILE_SEARCHES * RESULTS_PER_SEARCH
    total = N_FILE_INTERACTIONS + N_FILE_SEARCHES + n_impressions
    return [
        compare("import_rows_per_s", total / (interaction_s + search_s), "1/s"),
        compare("import_interactions_per_s", N_FILE_INTERACTIONS / interaction_s, "1/s"),
        compare("import_impressions_per_s", n_impressions / search_s, "1/s"),
    ]


def _load(
    server: ServerProcess,
    *,
    n_items: int,
    n_requests: int,
    seed: str,
    connections: int = N_CONNECTIONS,
) -> LoadResult:
    """Send a load to a server."""
    spec = LoadSpec(
        port=server.port,
        n_connections=connections,
        seconds=SECONDS,
        n_items=n_items,
        seed=seed,
    )
    return run_load_process(spec, n_requests)


def _rate(results: list[LoadResult]) -> float:
    """Return the median of items answered per second."""
    return statistics.median(result.n_ok * result.n_items / result.seconds for result in results)


def _write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Write NDJSON."""
    with path.open("wb") as file:
        file.writelines(line + b"\n" for line in lines)


def _make_search(number: int) -> bytes:
    """Write one search of ten results."""
    return msgspec.json.encode(
        {
            "search_id": f"search-{number}",
            "retriever_id": "shop",
            "query": f"wireless earbuds {number % 997}",
            "user_id": f"user_{number % 4999}",
            "session_id": f"sess_{number % 19997}",
            "timestamp": "2026-11-02T10:00:04.900Z",
            "results": [
                {"document_id": f"doc_{(number * 7 + place) % 9973}"}
                for place in range(RESULTS_PER_SEARCH)
            ],
        }
    )
