"""How fast events are taken in: single requests, bulk requests, files, and the memory it takes.

The load comes from another process on the same cores, while delivery runs. The peer gets the same
load in the same run.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec

from rankloop.benchmarks.figures import Figure, Outcome, compare, describe_machine, to_table
from rankloop.benchmarks.importing import run_import_process
from rankloop.benchmarks.load import LoadResult, LoadSpec, make_item
from rankloop.benchmarks.servers import (
    ServerProcess,
    find_free_port,
    run_load_process,
    run_server,
    serve_rankloop,
)
from rankloop.benchmarks.traffic import write_known
from rankloop.errors import InputError
from rankloop.wiring import open_engine

__all__ = ["measure", "to_table"]

PEERS: Final = {"fastapi": "sqlite", "fastapi-duckdb": "duckdb"}
"""What can run beside us, and the table it inserts into."""

N_CONNECTIONS: Final = 128
N_RUNS: Final = 3
SECONDS: Final = 6.0
BULK_ITEMS: Final = 5_000
N_BULK_CONNECTIONS: Final = 4
N_NAMED_REQUESTS: Final = 250
N_KNOWN: Final = 20_000_000
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
        ours, theirs, single_mib = _measure_single(folder, against, say)
        bulk, bulk_mib = _measure_bulk(folder / "bulk", say, is_named=False)
        _fill(folder / "known", say)
        known, known_mib = _measure_bulk(folder / "known", say, is_named=True)
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
            compare("capture_bulk_per_s", _rate(bulk), "1/s"),
            compare("capture_bulk_known_per_s", _rate(known), "1/s"),
            compare("server_rss_mib", max(single_mib, bulk_mib, known_mib), "MiB"),
            *_measure_files(folder, say),
        ]
    return Outcome(figures, describe_machine())


def _measure_single(
    folder: Path, against: str | None, say: Say
) -> tuple[list[LoadResult], list[LoadResult], float]:
    """Send single interactions to us and to the peer in turn, several times."""
    peak_mib = 0.0
    ours: list[LoadResult] = []
    theirs: list[LoadResult] = []
    for run in range(N_RUNS):
        with serve_rankloop(folder / f"single-{run}") as server:
            say(f"single requests, run {run + 1} of {N_RUNS}")
            ours.append(_load(server, n_items=1, n_requests=250_000, seed=f"single{run}"))
            peak_mib = max(peak_mib, server.read_peak_mib())
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
    return ours, theirs, peak_mib


def _measure_bulk(folder: Path, say: Say, *, is_named: bool) -> tuple[list[LoadResult], float]:
    """Send batches of 5,000, with ids made by the client or without; give the peak of memory."""
    results = []
    with serve_rankloop(folder) as server:
        for run in range(N_RUNS):
            say(f"bulk requests, {'with' if is_named else 'without'} ids, {run + 1} of {N_RUNS}")
            n_requests = N_NAMED_REQUESTS if is_named else N_BULK_CONNECTIONS
            results.append(
                _load(
                    server,
                    n_items=BULK_ITEMS,
                    n_requests=n_requests,
                    seed=f"bulk{run}",
                    connections=N_BULK_CONNECTIONS,
                    is_named=is_named,
                )
            )
        return results, server.read_peak_mib()


def _fill(folder: Path, say: Say) -> None:
    """Make a data folder that knows many interactions."""
    engine = open_engine(folder)
    try:
        write_known(engine.store, N_KNOWN, say)
    finally:
        engine.close()


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
    say("importing both")
    done = run_import_process(folder / "files", [interactions, searches])
    n_impressions = N_FILE_SEARCHES * RESULTS_PER_SEARCH
    total = N_FILE_INTERACTIONS + N_FILE_SEARCHES + n_impressions
    interaction_s, search_s = done.seconds
    return [
        compare("import_rows_per_s", total / (interaction_s + search_s), "1/s"),
        compare("import_interactions_per_s", N_FILE_INTERACTIONS / interaction_s, "1/s"),
        compare("import_impressions_per_s", n_impressions / search_s, "1/s"),
        compare("import_rss_mib", done.peak_mib, "MiB"),
    ]


def _load(
    server: ServerProcess,
    *,
    n_items: int,
    n_requests: int,
    seed: str,
    connections: int = N_CONNECTIONS,
    is_named: bool = True,
) -> LoadResult:
    """Send a load to a server."""
    spec = LoadSpec(
        port=server.port,
        n_connections=connections,
        seconds=SECONDS,
        n_items=n_items,
        seed=seed,
        is_named=is_named,
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
