"""The bias benchmark folds what it wrote, and compares what is comparable."""

import numpy as np
import pytest

from rankloop.benchmarks import bias
from rankloop.benchmarks.bias_log import build_simulation, build_unique, fold_parquet, write_log
from rankloop.bias.lists import Circumstances
from rankloop.cli.main import main
from rankloop.errors import InputError

NAMES = ["cells_s", "propensities_s", "pbm_s", "ubm_s", "impressions_per_cell"]


def quiet(_text):
    pass


def test_cells_of_a_file_are_the_cells_of_its_lists(tmp_path):
    simulation = build_simulation(4_000)
    write_log(simulation, tmp_path / "log.parquet", quiet)
    found = fold_parquet(tmp_path / "log.parquet")
    log = simulation.run()
    known = Circumstances(log.week, log.person % 64, 64, is_clicked_only=True)
    columns, expected = found.to_columns(), log.lists.to_cells(known).to_columns()
    # The file has dates, the lists have weeks from 0.
    columns["week"] = found.week
    assert all(np.array_equal(columns[name], expected[name]) for name in expected)


def test_nothing_repeats_in_a_unique_log():
    cells = build_unique(500).to_cells()
    assert len(cells) == cells.n_impressions == 5_000


@pytest.fixture
def small(monkeypatch):
    for name in ("N_SEARCHES", "N_SEARCHES_LARGE", "N_SEARCHES_PEER", "N_SEARCHES_UNIQUE"):
        monkeypatch.setattr(bias, name, 2_000)
    monkeypatch.setattr(bias, "N_ROUNDS_PEER", 3)


@pytest.mark.parametrize("large", [False, True], ids=["in memory", "from a file"])
def test_every_promised_figure_is_there(small, large):
    outcome = bias.measure(large=large, say=quiet)
    names = [figure.name for figure in outcome.figures]
    assert names[0 if large else 1 :][:5] == NAMES
    assert ("simulated_per_s" in names) is not large
    assert names[-1] == "peak_memory_mib"
    assert all(figure.value > 0 for figure in outcome.figures)


def test_beside_the_peer_parameters_are_the_same(small):
    figures = {
        figure.name: figure for figure in bias.measure(against="pyclick-like", say=quiet).figures
    }
    assert figures["largest_parameter_difference"].value < 1e-10
    assert figures["pbm_10k_s"].peer == "pyclick-like"
    assert figures["ubm_10k_s"].ratio > 1


def test_an_unknown_peer_is_refused():
    with pytest.raises(InputError, match="there is no peer 'clax'"):
        bias.measure(against="clax", say=quiet)


def test_only_what_has_a_large_size_runs_large(capsys):
    assert main(["bench", "capture", "--large"]) == 2
    assert "has one size" in capsys.readouterr().err
