"""Simulated logs are written as capture takes them."""

import msgspec
import pyarrow.parquet as pq

from rankloop.bias.simulation_rows import (
    RowConfig,
    iter_interaction_lines,
    iter_search_lines,
    to_impressions,
)
from rankloop.capture.checks import Checker
from rankloop.capture.custom_types import TypeLedger

NOW = 1_795_000_000_000_000


def test_every_line_is_valid_at_the_door(simulate):
    simulation = simulate(n_searches=300, n_people=20)
    log = simulation.run()
    checker = Checker(lambda user: user, TypeLedger())
    searches = list(iter_search_lines(log, simulation.config))
    clicks = list(iter_interaction_lines(log, simulation.config))
    taken = checker.check_searches(searches, NOW)
    assert taken.rejected == []
    assert len({row.search_id for row in taken.rows}) == 300
    checked = checker.check_interactions(clicks, NOW)
    assert checked.rejected == []
    assert len({row.interaction_id for row in checked.rows}) == log.lists.clicks.sum()


def test_a_click_names_its_list_place_and_document(simulate):
    simulation = simulate(n_searches=300)
    log = simulation.run()
    config = RowConfig(prefix="x")
    shown = {}
    for line in iter_search_lines(log, simulation.config, config):
        row = msgspec.json.decode(line)
        shown[row["search_id"]] = [result["document_id"] for result in row["results"]]
    for line in iter_interaction_lines(log, simulation.config, config):
        row = msgspec.json.decode(line)
        assert shown[row["search_id"]][row["position"]] == row["feature_id"]


def test_lines_of_parts_are_the_lines_of_the_whole(simulate):
    simulation = simulate(n_searches=50)
    whole = list(iter_search_lines(simulation.run(), simulation.config))
    parts = [
        line
        for log in simulation.iter_logs(20)
        for line in iter_search_lines(log, simulation.config)
    ]
    assert parts == whole


def test_the_table_has_a_row_per_impression(simulate, tmp_path):
    simulation = simulate(n_searches=200, n_weeks=2)
    log = simulation.run(50, 150)
    pq.write_table(to_impressions(log, simulation.config), tmp_path / "log.parquet")
    table = pq.read_table(tmp_path / "log.parquet")
    assert table.num_rows == 1_000
    assert table.column("clicked").to_numpy().sum() == log.lists.clicks.sum()
    assert table.column("search").to_pylist()[:11] == [50] * 10 + [51]
    row = table.slice(0, 1).to_pylist()[0]
    pair = log.lists.pairs[0, 0]
    assert row["document_id"] == log.lists.numbering.document_ids[pair]
    assert row["query_key"] == log.lists.numbering.query_keys[log.query[0]]
    assert (row["at"].month, row["at"].day) == (1, 8)
