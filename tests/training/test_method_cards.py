"""The tables of the method cards are what simulation shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.stats import kendalltau

from rankloop.training.evidence import collect_evidence
from rankloop.training.knowledge import Knowledge
from rankloop.training.labels import fit_labels
from rankloop.training.pairs import mine_pairs

METHODS = Path(__file__).resolve().parents[2] / "docs/methods"
GRADES = range(5)
TOP = 3


def write_table(head, rows):
    """Write a table as a page does."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def replace_table(text, name, table):
    """Put a table between its two marks."""
    before, begin, rest = text.partition(f"<!-- begin: {name} -->\n")
    _, end, after = rest.partition(f"<!-- end: {name} -->")
    assert begin
    assert end
    return f"{before}{begin}{table}\n{end}{after}"


def raw_rates(cells):
    """Return clicks by impressions."""
    evidence = collect_evidence(cells, np.ones(cells.n_positions))
    return evidence.clicks / evidence.impressions


def agree(cells, values, grades):
    """Return the mean over queries of Kendall's tau between values and grades."""
    mine = [cells.pairs.query == query for query in range(cells.pairs.query_keys.size)]
    return float(np.mean([kendalltau(values[m], grades[m]).statistic for m in mine]))


def measure_recovery(make_collection, simulate):
    """Return attraction, label and raw rate by grade."""
    log = simulate(make_collection(np.random.default_rng(1)), 60_000, np.random.default_rng(2))
    cells = log.to_cells()
    labels = fit_labels(cells, log.examination)
    grades = log.true_of(cells, log.collection.grades)
    seen = labels.evidence.examinations > 50
    places = [seen & (grades == grade) for grade in GRADES]
    true = log.true_of(cells, log.collection.attraction)
    return [
        [float(x[here].mean()) for x in (true, labels.value, raw_rates(cells))] for here in places
    ]


def measure_agreement(make_collection, simulate, n_searches):
    """Return tau of raw rates and of labels."""
    collection = make_collection(np.random.default_rng(1))
    log = simulate(collection, n_searches, np.random.default_rng(10))
    cells = log.to_cells()
    grades = log.true_of(cells, collection.grades)
    labels = fit_labels(cells, log.examination)
    return [agree(cells, values, grades) for values in (raw_rates(cells), labels.value)]


def count_negatives(collection, simulate, seed):
    """Return relevant and all negatives by four rules."""
    log = simulate(collection, 20_000, np.random.default_rng(seed), noise=0.3)
    cells = log.to_cells()
    labels = fit_labels(cells, log.examination)
    mined = mine_pairs(cells, log.examination, labels, Knowledge(labels.evidence.clicks))
    query_of = dict(zip(cells.pairs.document_ids, cells.pairs.query, strict=True))
    hard = {
        int(name[1:])
        for place, names in zip(mined.positive, mined.hard, strict=True)
        for name in names
        if query_of[name] == cells.pairs.query[place]
    }
    is_list_end = np.append(log.position[1:] == 0, True)
    lists = np.cumsum(np.append(False, is_list_end[:-1]))
    last = np.full(lists[-1] + 1, -1)
    np.maximum.at(last, lists[log.clicked], log.position[log.clicked])
    chosen = (
        np.unique(log.document),
        log.document[(log.position < TOP) & ~log.clicked],
        log.document[(log.position < last[lists]) & ~log.clicked],
        np.array(sorted(hard)),
    )
    return [(int((collection.grades[each] >= 2).sum()), each.size) for each in chosen]


def test_the_card_of_labels_shows_what_simulation_shows(make_collection, simulate, golden):
    recovery = measure_recovery(make_collection, simulate)
    sizes = (5_000, 20_000, 80_000)
    agreement = [measure_agreement(make_collection, simulate, size) for size in sizes]
    page = METHODS / "labels.md"
    text = replace_table(
        page.read_text(encoding="utf-8"),
        "recovery",
        write_table(
            ("grade", "true attraction", "label", "clicks by impressions"),
            [
                (str(grade), *(f"{value:.2f}" for value in row))
                for grade, row in zip(GRADES, recovery, strict=True)
            ],
        ),
    )
    head = ("searches", "clicks by impressions", "labels")
    rows = [
        (f"{size:,}", *(f"{tau:.2f}" for tau in taus))
        for size, taus in zip(sizes, agreement, strict=True)
    ]
    golden(page, replace_table(text, "agreement", write_table(head, rows)))
    assert all(abs(label - true) < 0.05 for true, label, _ in recovery)
    assert all(true - raw > 0.05 for true, _, raw in recovery)
    assert all(corrected > raw for raw, corrected in agreement[1:])


def test_the_card_of_pairs_shows_what_simulation_shows(make_collection, simulate, golden):
    collection = make_collection(np.random.default_rng(1), n_queries=60)
    counts = np.sum([count_negatives(collection, simulate, seed) for seed in range(3)], axis=0)
    names = (
        "any document that was shown",
        "ranked in the top three and not clicked",
        "above the last click and not clicked",
        "this rule",
    )
    page = METHODS / "pairs.md"
    table = write_table(
        ("negatives", "relevant after all"),
        [
            (name, f"{relevant / all_:.1%}")
            for name, (relevant, all_) in zip(names, counts, strict=True)
        ],
    )
    golden(page, replace_table(page.read_text(encoding="utf-8"), "negatives", table))
    shares = counts[:, 0] / counts[:, 1]
    assert shares[3] <= 0.10
    assert shares[1] > 0.40
