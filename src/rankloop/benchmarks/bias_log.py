"""The log of the bias benchmark: simulated, written to Parquet, and folded into cells by DuckDB.

It is asked the way a store asks: one pass over the impressions, memory bounded, texts as keys. A
hundred thousand queries of Zipf's law repeat themselves as a search box's do; how much that
compresses is said beside each time, with a log in which nothing repeats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import duckdb
import numpy as np
import pyarrow.parquet as pq

from rankloop.bias.cells import Cells
from rankloop.bias.lists import Circumstances, Lists
from rankloop.bias.simulation import Simulation, SimulationConfig
from rankloop.bias.simulation_rankers import RankerConfig
from rankloop.bias.simulation_rows import to_impressions
from rankloop.bias.simulation_truth import TruthConfig, draw_truth
from rankloop.bias.simulation_users import BrowsingUsers, PositionUsers, Views

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

N_SHARDS: Final = 64
MEMORY_LIMIT: Final = "2GB"
"""What DuckDB may hold; beyond it spills to the folder of the log."""

_TRUTH: Final = TruthConfig(n_queries=100_000, zipf=1.0)

# A search's clicks as bits: all below a place, and the highest of them is the click above it.
_CELLS: Final = """
WITH
masks AS (
    SELECT search, bit_or(1::BIGINT << position) AS mask
    FROM read_parquet($log)
    WHERE clicked
    GROUP BY search
),
impressions AS (
    SELECT
        i.query_key,
        i.document_id,
        i.position,
        i.clicked,
        i."user",
        (epoch_us(i."at") // 86400000000 - 4) // 7 AS week,
        coalesce(m.mask, 0) & ((1::BIGINT << i.position) - 1) AS above
    FROM read_parquet($log) i
    LEFT JOIN masks m ON m.search = i.search
)
SELECT
    query_key,
    document_id,
    position,
    CASE WHEN above = 0 THEN -1 ELSE floor(log2(above))::INTEGER END AS previous_click,
    week,
    CASE WHEN clicked THEN ("user" % $n_shards)::INTEGER ELSE 0 END AS shard,
    count(*) AS n,
    count(*) FILTER (clicked) AS clicks
FROM impressions
GROUP BY ALL
"""


def build_simulation(n_searches: int) -> Simulation:
    """Build a log of people who mind where they clicked last, before a ranker that varies."""
    config = SimulationConfig(n_searches=n_searches, n_weeks=4, n_people=200_000)
    truth = draw_truth(np.random.default_rng(1), _TRUTH)
    return Simulation(truth, BrowsingUsers(), RankerConfig(noise_sd=0.05), config)


def write_log(simulation: Simulation, path: Path, say: Callable[[str], None]) -> None:
    """Write a log to Parquet, a row per impression, a part at a time."""
    writer: pq.ParquetWriter | None = None
    for log in simulation.iter_logs():
        table = to_impressions(log, simulation.config)
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
        say(f"wrote {log.first + len(log.lists):,} of {simulation.config.n_searches:,} searches")
    if writer is not None:
        writer.close()


def fold_parquet(path: Path) -> Cells:
    """Fold a log in Parquet into cells, clicks by group of people.

    Args:
        path: What `write_log` wrote; its folder takes what does not fit in memory.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": str(path.parent / "spill"),
    }
    with duckdb.connect(config=config) as connection:
        connection.execute("SET preserve_insertion_order = false")
        values = {"log": str(path), "n_shards": N_SHARDS}
        table = connection.sql(_CELLS, params=values).to_arrow_table()
    return Cells.from_table(table, n_shards=N_SHARDS)


def fold_lists(simulation: Simulation) -> tuple[Lists, Circumstances]:
    """Simulate a log in memory; return its lists and what is known of each."""
    log = simulation.run()
    shard = log.person % N_SHARDS
    return log.lists, Circumstances(log.week, shard, N_SHARDS, is_clicked_only=True)


def build_unique(n_searches: int, n_positions: int = 10) -> Lists:
    """Build a log in which no query comes twice: every impression is a cell of its own."""
    config = TruthConfig(n_queries=n_searches, n_documents=n_positions, zipf=0.0)
    truth = draw_truth(np.random.default_rng(2), config)
    shape = (n_searches, n_positions)
    pairs = np.arange(n_searches * n_positions).reshape(shape)
    patience = np.zeros(n_searches)
    views = Views(truth.attraction[pairs], truth.satisfaction[pairs], patience)
    clicks = PositionUsers().click(views, np.random.default_rng(3))
    return Lists(pairs, clicks, truth.pairs)
