"""Going round the loop once: each step's finding, one choice, one judgment."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from rankloop.attribution.derivation import Derivation
from rankloop.catalog.judgments import JudgmentShelf
from rankloop.errors import InputError, NotEnoughDataError, UnavailableError
from rankloop.experiments.gate import Verdict
from rankloop.jobs.context import JobContext, JobInterruptedError, MemoryRecorder
from rankloop.jobs.estimation import Estimation
from rankloop.jobs.held_out import find_split
from rankloop.jobs.judging import Judging
from rankloop.jobs.learning import Lack, Learning, Trained
from rankloop.jobs.learning_log import LogReader
from rankloop.jobs.pairing import Pairing
from rankloop.models.manifest import Manifest, Measured
from rankloop.tables.pairs import Need
from rankloop.tables.windows import InsightsWindow

FIRST = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOW = datetime(2026, 3, 12, tzinfo=UTC)
EVERYTHING = InsightsWindow()


class Course:
    """Trains a model that is nothing but its manifest, or fails as told."""

    def __init__(self, kind, *, lack=None, failure=None, is_rejected=False):
        self.kind, self.lack, self.failure = kind, lack, failure
        self.is_rejected = is_rejected
        self.n_trained = 0
        self.windows = []

    def find_lack(self, retriever_id, figures):
        assert figures["searches"] > 0
        return self.lack

    def train(self, context, retriever_id, window):
        if self.failure is not None:
            raise self.failure
        self.n_trained += 1
        context.report(0.5, "half")
        metrics = [
            Measured(measure="nDCG@10", part=part, value=0.8, baseline=0.7, n=9)
            for part in ("seen", "unseen")
        ]
        self.windows.append(window)
        manifest = Manifest(
            model_id=f"{self.kind}-1",
            kind=self.kind,
            retriever_id=retriever_id,
            base="products@1",
            created_at=NOW,
            code_version="1",
            metrics=metrics,
        )
        return Trained(manifest, "trained on three documents", self.is_rejected)


class Court:
    """Knows what each model earns, and judges by it."""

    def __init__(self, gains, outcome="promoted"):
        self.gains, self.outcome = gains, outcome
        self.store, self.judged = None, []

    def split(self, retriever_id, window):
        return find_split(self.store, retriever_id, window)

    def compare(self, context, model_ids, window):
        return {name: self.gains[name] for name in model_ids}

    def judge(self, context, model_id, window):
        self.judged.append(model_id)
        return Verdict(self.outcome, "the log says so", {"gain": {"value": 0.1}})


@pytest.fixture
def begin(log, tmp_path):
    """Return what builds learning over the log."""

    def build(courses, court):
        log.write()
        court.store = log.store
        reader = LogReader(log.store, Estimation(log.store, Derivation(log.store)))
        shelf = JudgmentShelf(tmp_path / "judgments")
        opinions = Judging(reader, shelf).find_opinions
        pairing = Pairing(reader, lambda _retriever, _names: {}, opinions)
        return Learning(reader, pairing, {one.kind: one for one in courses}, court, lambda: NOW)

    return build


@pytest.fixture
def make_context(tmp_path):
    """Return what makes a job's context; all share what is kept of steps."""
    recorder = MemoryRecorder()

    def make(check=lambda: None):
        folder = tmp_path / "job"
        folder.mkdir(exist_ok=True)
        context = JobContext("job-1", folder, recorder, check)
        context.recorder = recorder
        return context

    return make


def fill(log, n_searches=400):
    """Show three documents in mixed order, on ten days, to people who look by position."""
    rng = np.random.default_rng(5)
    tastes = {"liked": 0.8, "so_so": 0.4, "bad": 0.02}
    for k in range(n_searches):
        shown = [list(tastes)[i] for i in rng.permutation(3)]
        chances = [tastes[name] / (1 + place) for place, name in enumerate(shown)]
        clicked = [n for n, c in zip(shown, chances, strict=True) if rng.random() < c]
        log.search("shoes", shown, clicked, user=f"u{k % 150}", at=FIRST + timedelta(days=k % 10))


def steps_of(report):
    return {step.name: step.status for step in report.steps}


def test_the_better_of_two_is_judged_and_the_other_is_told_why_not(log, begin, make_context):
    fill(log)
    court = Court({"ranker-1": 0.02, "adapter-1": 0.05})
    learning = begin([Course("adapter"), Course("ranker")], court)
    report = learning.learn(make_context(), None, EVERYTHING)
    assert court.judged == ["adapter-1"]
    assert report.promoted == "adapter-1"
    adapter, ranker = report.candidates
    assert (adapter.decision, adapter.why) == ("promoted", "the log says so")
    assert adapter.evidence == {"gain": {"value": 0.1}}
    assert ranker.decision == "not_chosen"
    assert "adapter-1 earns most" in ranker.why
    assert set(adapter.metrics) == {"seen", "unseen"}
    assert set(steps_of(report).values()) == {"done"}


def test_models_learn_from_the_earlier_days_only(log, begin, make_context):
    fill(log)
    adapter = Course("adapter")
    begin([adapter], Court({})).learn(make_context(), None, EVERYTHING)
    (learned,) = adapter.windows
    assert learned.start is None
    assert learned.end == datetime(2026, 3, 7, tzinfo=UTC)


def test_a_log_of_three_days_trains_nothing_and_says_how_many_more(log, begin, make_context):
    for day in range(3):
        log.search("shoes", ["a", "b"], ["a"], at=FIRST + timedelta(days=day))
    ranker = Course("ranker")
    report = begin([ranker], Court({})).learn(make_context(), None, EVERYTHING)
    assert (ranker.n_trained, report.promoted) == (0, None)
    assert report.candidates[0].decision == "not_trained"
    assert "the log spans 3 days" in report.candidates[0].why


def test_what_training_itself_rejects_is_not_judged(log, begin, make_context):
    fill(log)
    court = Court({"ranker-1": 0.1})
    courses = [Course("adapter", is_rejected=True), Course("ranker")]
    report = begin(courses, court).learn(make_context(), None, EVERYTHING)
    assert court.judged == ["ranker-1"]
    assert (report.candidates[0].decision, report.candidates[0].why) == (
        "rejected",
        "trained on three documents",
    )


def test_a_gain_that_is_not_known_is_never_chosen_over_one_that_is(log, begin, make_context):
    fill(log)
    court = Court({"ranker-1": -0.5, "adapter-1": math.nan})
    learning = begin([Course("adapter"), Course("ranker")], court)
    learning.learn(make_context(), "products", EVERYTHING)
    assert court.judged == ["ranker-1"]


def test_what_the_gate_rejects_is_not_promoted(log, begin, make_context):
    fill(log)
    learning = begin([Course("ranker")], Court({"ranker-1": 0.1}, "rejected"))
    report = learning.learn(make_context(), None, EVERYTHING)
    assert report.promoted is None
    assert report.candidates[0].decision == "rejected"


def test_a_kind_that_fails_or_lacks_data_does_not_keep_others_from_training(
    log, begin, make_context
):
    fill(log)
    lack = Lack("there are too few pairs", [Need("queries", 1, 1_000)])
    courses = [
        Course("encoder", lack=lack),
        Course("adapter", failure=UnavailableError("the endpoint does not answer")),
        Course("ranker"),
    ]
    report = begin(courses, Court({"ranker-1": 0.1})).learn(make_context(), None, EVERYTHING)
    encoder, adapter, ranker = report.candidates
    assert (encoder.decision, encoder.needs) == ("not_trained", list(lack.needs))
    assert (adapter.decision, adapter.why) == ("failed", "the endpoint does not answer")
    assert ranker.decision == "promoted"
    steps = steps_of(report)
    assert (steps["train encoder"], steps["train adapter"]) == ("skipped", "failed")


def test_without_clicks_nothing_is_labeled_and_the_report_says_what_lacks(log, begin, make_context):
    for day in range(6):
        log.search("shoes", ["a", "b"], at=FIRST + timedelta(days=day))
    lack = Lack("there are no clicks")
    learning = begin([Course("ranker", lack=lack)], Court({}))
    report = learning.learn(make_context(), None, EVERYTHING)
    steps = steps_of(report)
    assert (steps["label"], steps["choose"]) == ("skipped", "skipped")
    assert report.promoted is None


def test_a_run_that_was_interrupted_goes_on_where_it_was(log, begin, make_context):
    fill(log)
    ranker, court = Course("ranker"), Court({"ranker-1": 0.1})
    learning = begin([ranker], court)
    context = make_context()

    def stop_after_training():
        if any(name.startswith("train") for name in context.recorder.steps):
            raise JobInterruptedError

    with pytest.raises(JobInterruptedError):
        learning.learn(make_context(stop_after_training), None, EVERYTHING)
    assert (ranker.n_trained, court.judged) == (1, [])
    report = learning.learn(make_context(), None, EVERYTHING)
    assert ranker.n_trained == 1
    assert report.promoted == "ranker-1"


def test_progress_only_ever_rises_to_its_end(log, begin, make_context):
    fill(log)
    context = make_context()
    learning = begin([Course("adapter"), Course("ranker")], Court({"adapter-1": 1, "ranker-1": 0}))
    learning.learn(context, None, EVERYTHING)
    shares = [share for share, _ in context.recorder.reports]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_several_retrievers_need_a_name(log, begin, make_context):
    fill(log, 5)
    log.search("shoes", ["a"], retriever_id="other")
    with pytest.raises(InputError, match="one must be named"):
        begin([], Court({})).learn(make_context(), None, EVERYTHING)


def test_a_court_that_cannot_tell_leaves_everything_as_it_is(log, begin, make_context):
    fill(log)

    class Silent(Court):
        def compare(self, context, model_ids, window):
            raise NotEnoughDataError("there are too few days")

    courses = [Course("adapter"), Course("ranker")]
    report = begin(courses, Silent({})).learn(make_context(), None, EVERYTHING)
    assert (report.promoted, report.candidates[0].decision) == (None, "not_chosen")
    assert report.candidates[0].why == "there are too few days"
