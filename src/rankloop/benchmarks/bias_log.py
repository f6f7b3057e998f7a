"""The log of the bias benchmark: simulated, written to Parquet, and folded into cells by DuckDB.

Texts are keys in the file, as in a store; DuckDB numbers the pairs, then counts, in bounded memory.
A hundred thousand queries of Zipf's law repeat themselves as a search box's do; how much that
compresses is said beside each time, with a log in which nothing repeats.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import duckdb
import numpy as np
import pyarrow.parquet as pq

from rankloop.bias.cells import Cells, Pairs
from rankloop.bias.folding import encode_texts
from rankloop.bias.lists import Circumstances, Lists
from rankloop.bias.simulation import Simulation, SimulationConfig
from rankloop.bias.simulation_rankers import RankerConfig
from rankloop.bias.simulation_rows import to_impressions
from rankloop.bias.simulation_truth import TruthConfig, draw_truth
from rankloop.bias.simulation_users import BrowsingUsers, PositionUsers, Views

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

N_SHARDS: Final = 64
MEMORY_LIMIT: Final = "2GB"
"""What DuckDB may hold; beyond it spills to the folder of the log."""

_TRUTH: Final = TruthConfig(n_queries=100_000, zipf=1.0)

_PAIRS: Final = """
CREATE TEMP TABLE pairs AS
SELECT
    query_key,
    document_id,
    row_number() OVER (ORDER BY query_key, document_id) - 1 AS pair
FROM (SELECT DISTINCT query_key, document_id FROM read_parquet($log))
"""

# A search's clicks as bits: all below a place, and the highest of them is the click above it. A
# cell as one number: texts as keys would take three times the memory.
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
        p.pair,
        (epoch_us(i."at") // 86400000000 - 4) // 7 AS week,
        i.position,
        coalesce(m.mask, 0) & ((1::BIGINT << i.position) - 1) AS above,
        i.clicked,
        CASE WHEN i.clicked THEN i."user" % $n_shards ELSE 0 END AS shard
    FROM read_parquet($log) i
    JOIN pairs p USING (query_key, document_id)
    LEFT JOIN masks m USING (search)
),
keys AS (
    SELECT
        clicked,
        CASE WHEN above = 0 THEN 0 ELSE floor(log2(above))::BIGINT + 1 END AS reset,
        (((pair * 4096 + week) * 64 + position) * 64 + reset) * 64 + shard AS cell
    FROM impressions
)
SELECT cell, count(*) AS n, count(*) FILTER (clicked) AS clicks
FROM keys
GROUP BY cell
ORDER BY cell
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
        connection.execute(_PAIRS, {"log": str(path)})
        values = {"log": str(path), "n_shards": N_SHARDS}
        counted = connection.sql(_CELLS, params=values).fetchnumpy()
        texts = connection.sql("SELECT query_key, document_id FROM pairs ORDER BY pair")
        return _to_cells(counted, texts.to_arrow_table())


def _to_cells(counted: dict[str, Any], texts: pa.Table) -> Cells:
    """Take the numbers of cells apart again."""
    rest, shard = np.divmod(counted["cell"], 64)
    rest, reset = np.divmod(rest, 64)
    rest, position = np.divmod(rest, 64)
    pair, week = np.divmod(rest, 4096)
    first_week = int(week.min())
    query, query_keys = encode_texts(texts.column("query_key"))
    return Cells(
        pair=pair,
        position=position.astype(np.int32),
        previous_click=(reset - 1).astype(np.int32),
        week=(week - first_week).astype(np.int16),
        context=np.zeros(pair.size, dtype=np.int16),
        shard=shard.astype(np.int16),
        n=counted["n"],
        clicks=counted["clicks"],
        pairs=Pairs(
            query,
            np.array(query_keys, dtype=object),
            np.array(texts.column("document_id").to_pylist(), dtype=object),
        ),
        n_shards=N_SHARDS,
        first_week=date(1970, 1, 5) + timedelta(weeks=first_week),
    )


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
