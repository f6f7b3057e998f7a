"""The tables of the cards of click models and of the simulator are what simulation shows."""

from pathlib import Path

import numpy as np
import pytest

from rankloop.bias.click_models import CELL_MODELS, TAIL_MODELS
from rankloop.bias.dbn import DynamicBayesianNetwork
from rankloop.bias.expectation import EMConfig
from rankloop.bias.pbm import PositionBasedModel
from rankloop.bias.perplexity import measure_cell_perplexity, measure_perplexity
from rankloop.bias.simplified_dbn import SimplifiedDBN
from rankloop.bias.simulation_truth import TruthConfig
from rankloop.bias.simulation_users import (
    BrowsingUsers,
    CascadeUsers,
    PositionUsers,
    SatisfiableUsers,
    TrustingUsers,
)
from rankloop.bias.tails import fold_tails

METHODS = Path(__file__).resolve().parents[2] / "docs/methods"
PEOPLE = {
    "by position": PositionUsers(),
    "by position, trusting": TrustingUsers(),
    "by the last click": BrowsingUsers(),
    "until the first click": CascadeUsers(),
    "until satisfied or tired": SatisfiableUsers(0.8),
}
NAMES = ("click-through", "pbm", "ubm", "cascade", "dcm", "simplified_dbn", "dbn")
TRUTH = TruthConfig(n_queries=60, attraction=(1.0, 3.0))


def fit_all(lists):
    cells, tails = lists.to_cells(), fold_tails(lists)
    return {name: model.fit(cells) for name, model in CELL_MODELS.items()} | {
        name: model.fit(tails) for name, model in TAIL_MODELS.items()
    }


def count(lists):
    n = np.bincount(lists.pairs.ravel(), minlength=len(lists.numbering))
    return n, np.bincount(lists.pairs[lists.clicks], minlength=n.size)


def scaled_error(truth, found):
    scale = (truth @ found) / (found @ found)
    return float(np.abs(truth - scale * found).mean())


def measure_pairings(simulate):
    """Let every model read people of every kind."""
    errors, perplexities = [], []
    for kind, users in PEOPLE.items():
        simulation = simulate(users, n_searches=40_000, truth=TRUTH, noise_sd=0.2)
        seen, unseen = simulation.run(0, 30_000).lists, simulation.run(30_000).lists
        models = fit_all(seen)
        n, clicks = count(seen)
        often = n > 200
        truth = simulation.truth.attraction[often]
        found = [clicks[often] / n[often], *(models[name].attraction[often] for name in NAMES[1:])]
        errors.append((kind, [scaled_error(truth, each) for each in found]))
        naive = (clicks + 0.2) / (n + 1.2)
        predicted = [naive[unseen.pairs]]
        predicted += [models[name].predict_next_clicks(unseen) for name in NAMES[1:]]
        perplexities.append((kind, [measure_perplexity(each, unseen).mean for each in predicted]))
    return errors, perplexities


def measure_curves(simulate):
    """Fit the curve under two priors; return curves by rank and perplexities."""
    simulation = simulate(n_searches=100_000)
    seen, unseen = simulation.run(0, 50_000), simulation.run(50_000)
    cells, held_out = seen.to_cells(), unseen.to_cells()
    ours = PositionBasedModel.fit(cells)
    textbook = PositionBasedModel.fit(cells, EMConfig(prior_clicks=1.0, prior_skips=1.0))
    clicks = seen.lists.clicks.mean(axis=0)
    curves = {
        "true": 1 / np.arange(1, 11),
        "click-through": clicks / clicks[0],
        "fitted, this prior": ours.examination,
        "fitted, textbook's prior": textbook.examination,
    }
    perplexities = [
        measure_cell_perplexity(model.predict_cells(held_out), held_out).mean
        for model in (ours, textbook)
    ]
    return curves, perplexities


def measure_networks(simulate):
    """Fit both networks to people who tire."""
    truth = TruthConfig(n_queries=100, attraction=(1, 3))
    simulation = simulate(SatisfiableUsers(0.8), n_searches=60_000, truth=truth, noise_sd=0.2)
    lists = simulation.run().lists
    tails = fold_tails(lists)
    n, clicks = count(lists)
    rows = {}
    for name, model in (
        ("simplified", SimplifiedDBN.fit(tails)),
        ("exact", DynamicBayesianNetwork.fit(tails)),
    ):
        attraction = np.abs(model.attraction - simulation.truth.attraction)[n >= 300].mean()
        satisfaction = np.abs(model.satisfaction - simulation.truth.satisfaction)[clicks >= 300]
        rows[name] = (getattr(model, "continuation", 1.0), attraction, satisfaction.mean())
    return rows


def measure_scenarios(simulate):
    """Show naive and fitted curves where people or rankers are not simple."""
    truth = TruthConfig(n_queries=100)
    scenarios = {
        "rankings vary": {},
        "rankings are frozen": {"noise_sd": 0.0},
        "people trust the top": {"users": TrustingUsers()},
        "people stop at a click": {"users": CascadeUsers()},
        "3% of the searches are robots'": {"robot_share": 0.03},
        "attractions drift, the ranker follows": {"n_weeks": 12, "drift_sd": 0.4},
        "the ranker knows each person": {"taste_sd": 1.0, "n_people": 500},
    }
    rows = []
    for name, hard in scenarios.items():
        simulation = simulate(n_searches=100_000, truth=truth, **hard)
        log = simulation.run()
        clicks = log.lists.clicks.mean(axis=0)
        model = PositionBasedModel.fit(log.lists.to_cells(), EMConfig(n_rounds=200))
        ranks = [1, 4, 9]
        rows.append((name, [*(clicks / clicks[0])[ranks], *model.examination[ranks]]))
    return rows


def write_table(head, rows, decimals=2, best=False):
    """Write numbers as a page does; the lowest of a row stands out where that is asked for."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for name, values in rows:
        texts = [f"{value:.{decimals}f}" for value in values]
        if best:
            texts = [f"**{text}**" if text == min(texts) else text for text in texts]
        lines.append(f"| {name} | {' | '.join(texts)} |")
    return "\n".join(lines)


def replace_table(text, name, table):
    """Put a table between its two marks."""
    before, begin, rest = text.partition(f"<!-- begin: {name} -->\n")
    _, end, after = rest.partition(f"<!-- end: {name} -->")
    assert begin
    assert end
    return f"{before}{begin}{table}\n{end}{after}"


@pytest.mark.slow
def test_the_cards_of_models_show_what_simulation_shows(golden, simulate):
    errors, perplexities = measure_pairings(simulate)
    curves, (ours, textbook) = measure_curves(simulate)
    networks = measure_networks(simulate)
    page = METHODS / "click-models.md"
    text = page.read_text(encoding="utf-8")
    head = ("people", *(name.replace("_", " ") for name in NAMES))
    text = replace_table(text, "attraction", write_table(head, errors, 3, best=True))
    text = replace_table(text, "perplexity", write_table(head, perplexities, 3, best=True))
    ranks = ("", *(str(rank) for rank in range(1, 11)))
    text = replace_table(text, "curve", write_table(ranks, curves.items()))
    head = ("network", "chance to read on", "error of attraction", "error of satisfaction")
    text = replace_table(text, "network", write_table(head, networks.items(), 3))
    golden(page, text)
    for (kind, error), own in zip(errors, ("pbm", None, "ubm", "cascade", "dbn"), strict=True):
        if own:
            assert error[NAMES.index(own)] < 0.6 * error[0], kind
    assert abs(ours - textbook) < 0.005
    assert networks["exact"][1] < networks["simplified"][1] / 2


@pytest.mark.slow
def test_the_card_of_the_simulator_shows_what_it_simulates(golden, simulate):
    rows = measure_scenarios(simulate)
    page = METHODS / "simulation.md"
    text = page.read_text(encoding="utf-8")
    head = ["scenario", *(f"click-through at {rank}" for rank in (2, 5, 10))]
    head += [f"fitted at {rank}" for rank in (2, 5, 10)]
    golden(page, replace_table(text, "scenarios", write_table(head, rows)))
    fitted = {name: values[-1] for name, values in rows}
    assert abs(fitted["rankings vary"] - 0.1) < 0.02
    assert fitted["attractions drift, the ranker follows"] < 0.07
    assert fitted["the ranker knows each person"] < 0.07
