"""Figures say who is better, whatever their unit."""

from rankloop.benchmarks.figures import Outcome, compare, describe_machine, to_table


def test_a_ratio_over_one_means_that_we_are_better_in_any_unit():
    assert compare("rows", 200.0, "1/s", "peer", 100.0).ratio == 2.0
    assert compare("time", 2.0, "s", "peer", 1.0).ratio == 0.5
    assert compare("memory", 100.0, "MiB", "peer", 300.0).ratio == 3.0


def test_without_a_peer_there_is_no_ratio():
    figure = compare("rows", 200.0, "1/s")
    assert (figure.peer, figure.peer_value, figure.ratio) == (None, None, None)


def test_a_table_has_a_row_per_figure():
    outcome = Outcome([compare("a", 1.0, "s"), compare("b", 2.0, "s")], describe_machine())
    assert to_table(outcome).row_count == 2
    assert "Python 3" in outcome.machine
