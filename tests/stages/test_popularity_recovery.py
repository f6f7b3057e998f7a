"""The corrected boost finds what people like; counting finds what stands on top."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from rankloop.stages.boosting import bound_ratio

PAGE = Path(__file__).resolve().parents[2] / "docs/methods/popularity.md"
N_LISTS = 2_000


def simulate(n_logs=200, n_documents=10):
    """Return rank correlations of boosts with attraction and with position, `[2, 2]`.

    Rows: corrected and raw; columns: with attraction, with being on top. Lists keep their order;
    people look at a position with chance 1 / rank.
    """
    rng = np.random.default_rng(85)
    examination = 1 / np.arange(1, n_documents + 1)
    found = np.zeros((2, 2))
    for _ in range(n_logs):
        attraction = rng.beta(2, 18, n_documents)
        clicks = rng.binomial(N_LISTS, examination * attraction).astype(float)
        shown = N_LISTS * examination
        corrected = bound_ratio(clicks, shown * clicks.sum() / shown.sum(), 2.0)
        for row, boost in enumerate((corrected, clicks)):
            found[row, 0] += spearmanr(boost, attraction).statistic
            found[row, 1] += spearmanr(boost, examination).statistic
    return found / n_logs


@pytest.fixture(scope="module")
def found():
    return simulate()


def test_the_corrected_boost_follows_attraction_and_not_position(found):
    assert found[0, 0] > 0.85
    assert abs(found[0, 1]) < 0.1


def test_the_raw_count_follows_position(found):
    assert found[1, 1] > 0.6
    assert found[1, 0] < 0.7


def test_the_page_says_what_was_found(found):
    names = ("this boost", "`raw` counts")
    rows = [
        f"| {name} | {numbers[0]:.2f} | {numbers[1]:.2f} |"
        for name, numbers in zip(names, found, strict=True)
    ]
    page = PAGE.read_text(encoding="utf-8")
    table = page.split("<!-- begin: recovery -->\n")[1].split("\n<!-- end: recovery -->")[0]
    assert table.splitlines()[2:] == rows
