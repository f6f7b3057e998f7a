"""The tables of the method cards are what simulation shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rankloop.analytics.intervals import ClusterSums, estimate_rate
from rankloop.analytics.multiplicity import (
    Bunches,
    ShortfallConfig,
    confirm_shortfalls,
    screen_shortfalls,
)

PAGE = Path(__file__).resolve().parents[2] / "docs/methods/signals.md"


def draw_tastes(rng, rate, alike, shape):
    """Draw a click rate for each person; two searches of one person correlate by `alike`."""
    if alike == 0:
        return np.full(shape, rate)
    strength = (1 - alike) / alike
    return rng.beta(rate * strength, (1 - rate) * strength, shape)


def measure_coverage(alike, n_logs=600, rate=0.25):
    """Say how often the clustered and the naive interval hold the truth."""
    rng = np.random.default_rng(41)
    covered = np.zeros(2)
    for _ in range(n_logs):
        n = 1 + rng.poisson(14, 200)
        c = rng.binomial(n, draw_tastes(rng, rate, alike, 200))
        total, clicks = int(n.sum()), int(c.sum())
        for place, sums in enumerate(
            (
                ClusterSums(200, total, clicks, int(n @ n), int(c @ n), int(c @ c)),
                ClusterSums(total, total, clicks, total, clicks, clicks),
            )
        ):
            found = estimate_rate(sums)
            covered[place] += found.low <= rate <= found.high
    return covered / n_logs


def measure_false_findings(alike, n_logs=300, n_people=60, n_searches=20):
    """Say how often anything is found among forty documents that are all alike."""
    rng = np.random.default_rng(42)
    config = ShortfallConfig(max_ratio=0.75)
    each = np.full(n_people, n_searches * 0.2)
    found = np.zeros(2)
    for _ in range(n_logs):
        clicks = rng.binomial(n_searches, draw_tastes(rng, 0.2, alike, (40, n_people)))
        screening = screen_shortfalls(clicks.sum(axis=1), np.full(40, each.sum()), config)
        bunches = {
            place: Bunches(
                n_people,
                n_people * n_searches,
                float(clicks[place] @ clicks[place]),
                float(clicks[place] @ each),
                float(each @ each),
            )
            for place in screening.suspects
        }
        found += bool(bunches), bool(confirm_shortfalls(screening, bunches, config))
    return found / n_logs


def write_table(head, rows):
    """Write a table of shares as a page does."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {alike} | {' | '.join(f'{x:.0%}' for x in shares)} |" for alike, shares in rows]
    return "\n".join(lines)


def replace_table(text, name, table):
    """Put a table between its two marks."""
    before, begin, rest = text.partition(f"<!-- begin: {name} -->\n")
    _, end, after = rest.partition(f"<!-- end: {name} -->")
    assert begin
    assert end
    return f"{before}{begin}{table}\n{end}{after}"


def test_the_cards_show_what_simulation_shows(golden):
    coverage = [(alike, measure_coverage(alike)) for alike in (0, 0.1, 0.3, 0.6)]
    findings = [(alike, measure_false_findings(alike)) for alike in (0, 0.1, 0.2, 0.5)]
    text = PAGE.read_text(encoding="utf-8")
    head = ("correlation of one person's searches", "this interval", "Wilson's on plain n")
    text = replace_table(text, "coverage", write_table(head, coverage))
    head = ("correlation of one person's searches", "plain Poisson test", "this test")
    text = replace_table(text, "false findings", write_table(head, findings))
    golden(PAGE, text)
    assert all(0.93 <= ours <= 0.97 for _, (ours, _) in coverage)
    assert all(naive < 0.85 for alike, (_, naive) in coverage if alike)
    assert all(ours <= 0.2 for _, (_, ours) in findings)
