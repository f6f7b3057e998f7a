"""`rankloop bias` over a folder, on a real log, and as people see it."""

import io
from dataclasses import dataclass, field

import pytest
from rich.console import Console

from rankloop.bias.cells import Cells
from rankloop.bias.estimates import estimate_propensities
from rankloop.cli.estimating import show_bias
from rankloop.jobs.estimation import to_bias
from rankloop.tables.windows import InsightsWindow


@dataclass
class Page:
    """What people read, eighty characters wide."""

    people: Console = field(default_factory=lambda: Console(file=io.StringIO(), width=80))

    def say(self, what=""):
        self.people.print(what)

    @property
    def text(self):
        return self.people.file.getvalue()


def read_page(**columns):
    """Show the estimate of a few cells."""
    cells = Cells.from_columns({"query_key": ["q"] * 4, **columns})
    page = Page()
    show_bias(page, to_bias(estimate_propensities(cells), None, InsightsWindow()))
    return page.text


def test_people_see_both_curves_on_one_line():
    text = read_page(
        document_id=["a", "b", "b", "a"],
        position=[0, 1, 0, 1],
        n=[9_000] * 4,
        clicks=[3_600, 900, 1_800, 1_800],
    )

    assert "Identified" in text
    (second,) = [line for line in text.splitlines() if line.strip().startswith("2 ")]
    assert "0.500" in second
    assert "○" in second
    assert "green" in second
    assert max(map(len, text.splitlines())) <= 80


def test_people_see_what_a_frozen_ranking_lacks():
    text = read_page(
        document_id=list("abcd"), position=[0, 1, 2, 3], n=[9] * 4, clicks=[4, 3, 2, 1]
    )

    assert "Not identifiable" in text
    assert "Exchange neighbors" in text
    assert "another best" in text


def test_the_exit_status_is_0_whatever_the_answer(filled):
    done = filled("bias", "--data", "d")

    assert done.returncode == 0
    assert "Not identifiable" in done.stdout


def test_programs_read_one_document(filled):
    bias = filled.read("bias", "--retriever", "shop", "--data", "d")

    assert {
        "status",
        "method",
        "positions",
        "components",
        "harvest_share",
        "window",
        "advice",
    } <= bias.keys()


@pytest.mark.slow
def test_a_real_log_is_corrected(shared_data, rankloop):
    log = shared_data / "clara2" / "search_log.tsv.gz"
    rankloop.read("import", log, "--format", "yandex", "--retriever", "clara2", "--data", "d")

    bias = rankloop.read("bias", "--retriever", "clara2", "--data", "d")

    rows = bias["positions"][1:4]
    assert [row["naive"] for row in rows] == pytest.approx([0.41, 0.20, 0.11], abs=0.01)
    assert [row["propensity"] for row in rows] == pytest.approx([0.73, 0.41, 0.26], abs=0.06)
    assert all(row["low"] < row["propensity"] < row["high"] for row in rows)
    assert bias["components"] == [list(range(10))]
    assert bias["status"] in {"identified", "weak"}
