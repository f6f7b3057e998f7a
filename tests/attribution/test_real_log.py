"""A real click log: 31,564 lists of ten, and clicks that name their session only."""

from __future__ import annotations

import gzip
from collections import Counter

import msgspec

from rankloop.events.rows import InteractionRow, ResultRow, SearchRow
from rankloop.events.types import CLICK_MASK

START = 978_307_200_000_000  # 2001-01-01T00:00:00Z, where every session starts
BATCH = 10_000


def read_rows(path):
    """Read the log's lines as rows; equal lines stay two."""
    first_ms, places = {}, Counter()
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            session, time, kind, *rest = line.rstrip("\n").split("\t")
            at = START + (int(time) - first_ms.setdefault(session, int(time))) * 1_000
            identity = f"{line.strip()}#{places[line]}"
            places[line] += 1
            shared = {"at": at, "received_at": at, "retriever_id": "clara2", "session_id": session}
            if kind == "Q":
                documents = [ResultRow(document) for document in rest[2:] if document]
                yield SearchRow(
                    search_id=identity,
                    query=rest[0],
                    query_key=rest[0],
                    results=documents,
                    n_results=len(documents),
                    **shared,
                )
            else:
                yield InteractionRow(
                    interaction_id=identity,
                    types=["click"],
                    type_mask=CLICK_MASK,
                    document_id=rest[0],
                    **shared,
                )


def test_a_real_log_comes_out_as_counted_by_hand(shared_data, log):
    rows = list(read_rows(shared_data / "clara2" / "search_log.tsv.gz"))
    encode = msgspec.json.Encoder().encode
    for kind in (InteractionRow, SearchRow):
        lines = [encode(row) + b"\n" for row in rows if isinstance(row, kind)]
        for place in range(0, len(lines), BATCH):
            batch = b"".join(lines[place : place + BATCH])
            searches, interactions = (batch, b"") if kind is SearchRow else (b"", batch)
            log.store.append_lines(searches, interactions)
    log.refresh()

    (sums,) = log.read(
        "SELECT count(*) AS searches, sum(n_results) AS impressions, sum(n_clicked) AS clicked,"
        " sum(n_duplicate_clicks) AS duplicates, sum(n_interactions) AS credited,"
        " count(*) FILTER (WHERE is_counted) AS counted FROM search_log"
    )
    assert (sums["searches"], sums["impressions"], sums["counted"]) == (31_564, 315_640, 31_564)
    assert (sums["clicked"], sums["duplicates"]) == (9_328, 1_565)
    rules = log.read("SELECT rule, count(*) AS n FROM credits GROUP BY rule ORDER BY rule")
    assert {row["rule"]: row["n"] for row in rules} == {0: 720, 2: 11_613 - 720}
    assert sums["credited"] == 11_613 - 720
    by_position = log.read(
        "SELECT sum(clicked) AS n FROM click_log GROUP BY position ORDER BY position"
    )
    assert [int(row["n"]) for row in by_position] == [
        4_762, 1_963, 966, 531, 405, 216, 170, 123, 86, 106,
    ]  # fmt: skip
