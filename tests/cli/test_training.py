"""`rankloop train`: what came of a training, on a screen, as a document and as an exit status."""

import pytest

from rankloop.cli.target import Target
from rankloop.cli.training import train_model
from rankloop.jobs.kinds import KINDS, JobKind
from rankloop.jobs.training_adapter import AdapterParameters


@pytest.fixture
def decide(monkeypatch):
    """Return what makes the next trainings end with a decision."""

    def decide(decision, low=0.02):
        metric = {"measure": "nDCG@10", "part": "unseen", "value": 0.8, "baseline": 0.7, "n": 90}
        result = {
            "model_id": "adapter-1",
            "decision": decision,
            "why": "because",
            "metrics": [{**metric, "low": low, "high": 0.15}],
            "warnings": ["few pairs"],
        }
        kind = JobKind(AdapterParameters, lambda parts: lambda context, told: result)
        monkeypatch.setitem(KINDS, "train_adapter", kind)

    return decide


def test_a_model_is_shown_with_what_it_does(decide, data_folder, capsys):
    decide("trained")
    status = train_model(Target(data=data_folder), "train_adapter", {"seed": 1})

    shown = capsys.readouterr().out
    assert status == 0
    assert "few pairs" in shown
    assert "trained  adapter-1: because" in shown
    assert "0.700" in shown
    assert "+0.100 (+0.020 to +0.150)" in shown


def test_a_model_that_is_no_better_is_a_no(decide, data_folder, capsys):
    decide("rejected", low=None)
    assert train_model(Target(data=data_folder), "train_adapter", {}) == 1
    assert "+0.100" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["adapter", "encoder", "ranker"])
def test_nothing_to_learn_from_is_said_with_what_to_send(rankloop, kind):
    done = rankloop("train", kind, "--data", "d")
    assert done.returncode == 2
    assert "nothing is on record" in done.stderr
