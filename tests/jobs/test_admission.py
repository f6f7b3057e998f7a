"""Models on trial over a real installation: the better one serves, others stay out and hear why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import lightgbm
import msgspec
import numpy as np
import pytest

from rankloop.catalog.models import Decision
from rankloop.errors import NotEnoughDataError
from rankloop.events.queries import to_query_key
from rankloop.events.rows import InteractionRow, ResultRow, SearchRow
from rankloop.events.types import to_mask
from rankloop.experiments.gate import GateConfig
from rankloop.jobs.admission import Admission, AdmissionConfig
from rankloop.jobs.context import JobContext, MemoryRecorder
from rankloop.jobs.evaluating import EvaluateJob, EvaluateParameters
from rankloop.jobs.trial import TrialParts
from rankloop.models.feature_spec import FeatureSpec
from rankloop.models.manifest import DataWindow, Manifest
from rankloop.models.ranker import Ranker
from rankloop.tables.judgments import ImportedJudgment
from rankloop.tables.windows import InsightsWindow
from rankloop.testing.trained import keep_adapter
from rankloop.wiring import open_engine

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
N_DAYS = 20
END = BEGIN + timedelta(days=N_DAYS)
N_QUERIES, N_DOCUMENTS, N_SEARCHES = 30, 12, 4_000
SPEC = FeatureSpec(numbers=("quality", "luck"))
WINDOW = InsightsWindow()
# The machine that runs this is shared, and how long a search takes is not what is asked here.
PATIENT = AdmissionConfig(gate=GateConfig(max_p95_ms=5_000.0), max_shadow=110)


def name_document(query, number):
    return f"d{query:02d}-{number:02d}"


def draw_qualities():
    rng = np.random.default_rng(1)
    shape = (N_QUERIES, N_DOCUMENTS)
    return rng.uniform(0, 1, shape), rng.uniform(0, 1, shape)


def list_documents():
    """Documents of a query all have its word; how good they are, only a field says."""
    quality, luck = draw_qualities()
    return [
        msgspec.json.encode(
            {
                "document_id": name_document(query, number),
                "text": f"thing{query}",
                "payload": {
                    "quality": round(float(quality[query, number]), 4),
                    "luck": round(float(luck[query, number]), 4),
                },
            }
        )
        for query in range(N_QUERIES)
        for number in range(N_DOCUMENTS)
    ]


def write_log(store, n_searches=N_SEARCHES, n_people=400, n_queries=N_QUERIES, quiet_day=None):
    """People look by position and click what is good; production has no idea of it."""
    rng = np.random.default_rng(2)
    quality, _ = draw_qualities()
    searches, interactions = [], []
    for number in range(n_searches):
        if N_DAYS * number // n_searches == quiet_day:
            continue
        query = int(rng.integers(n_queries))
        order = np.argsort(np.arange(N_DOCUMENTS) + 2.0 * rng.standard_normal(N_DOCUMENTS))[:10]
        at = int((BEGIN + timedelta(days=N_DAYS * number / n_searches)).timestamp() * 1e6)
        user, text = f"u{rng.integers(n_people)}", f"thing{query}"
        names = [name_document(query, int(one)) for one in order]
        clicked = rng.random(10) < (0.1 + 0.8 * quality[query, order] ** 2) / np.arange(1, 11)
        searches.append(
            SearchRow(
                search_id=f"s{number}",
                at=at,
                received_at=at,
                retriever_id="products",
                query=text,
                query_key=to_query_key(text),
                user=user,
                n_results=10,
                results=[
                    ResultRow(name, score=1.0 / (1 + place)) for place, name in enumerate(names)
                ],
            )
        )
        interactions += [
            InteractionRow(
                interaction_id=f"i{number}-{place}",
                at=at + 2_000_000,
                received_at=at + 2_000_000,
                types=["click"],
                type_mask=to_mask(("click",)),
                search_id=f"s{number}",
                document_id=names[place],
                user=user,
            )
            for place in np.flatnonzero(clicked).tolist()
        ]
    lines = [
        b"\n".join(msgspec.json.encode(row) for row in rows) for rows in (searches, interactions)
    ]
    store.append_lines(*lines)


def grow_ranker(field, sign):
    """Grow trees that rank by one field, upwards or downwards."""
    rng = np.random.default_rng(3)
    features = rng.uniform(0, 1, (2_000, len(SPEC.names)))
    column = SPEC.names.index(field if field in SPEC.names else f"number.{field}")
    target = np.exp(sign * 2 * features[:, column])
    fit = {"objective": "poisson", "num_threads": 1, "verbose": -1, "deterministic": True}
    return Ranker(lightgbm.train(fit, lightgbm.Dataset(features, target), 40), list(SPEC.names))


class Site:
    """An installation with a log, and models that were put on record."""

    def __init__(self, folder):
        self.folder = folder
        self.engine = open_engine(folder / "data")
        self.recorder = None

    def fill(self, *, with_documents=True, **log):
        configuration = {"stages": [{"type": "text_search"}, {"type": "model"}]}
        self.engine.retrievers.put("products", configuration)
        if with_documents:
            self.engine.documents.upsert("products", list_documents())
        write_log(self.engine.store, **log)

    def keep(self, model_id, field="quality", sign=1, spec=SPEC, **manifest):
        source = self.folder / f"{model_id}-source"
        source.mkdir()
        grow_ranker(field, sign).save(source)
        spec.save(source)
        known = {
            "window": DataWindow(start=BEGIN, end=BEGIN + timedelta(days=10)),
            "shards": list(range(64)),
        }
        self.engine.models.keep(
            Manifest(
                model_id=model_id,
                kind="ranker",
                retriever_id="products",
                base="products@1",
                created_at=END,
                code_version="test",
                **{**known, **manifest},
            ),
            source,
        )
        return model_id

    def admission(self, config=PATIENT):
        engine = self.engine
        parts = TrialParts(
            engine.store,
            engine.estimation,
            engine.learning.judging,
            engine.documents,
            engine.models,
            engine.serving,
            lambda: END,
        )
        return Admission(parts, config)

    def context(self):
        self.recorder = MemoryRecorder()
        folder = self.folder / "job"
        folder.mkdir(exist_ok=True)
        return JobContext("job", folder, self.recorder)

    def judge(self, model_id, config=PATIENT, window=WINDOW):
        return self.admission(config).judge(self.context(), model_id, window)

    def state(self, model_id):
        return self.engine.models.catalog.find(model_id).state

    def serving(self):
        record = self.engine.models.catalog.serving("products", "ranker")
        return None if record is None else record.model_id


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    made = Site(tmp_path_factory.mktemp("site"))
    made.fill()
    yield made
    made.engine.close()


@pytest.fixture
def empty_site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.engine.close()


def test_a_better_model_is_promoted_and_every_step_is_on_record(site):
    model_id = site.keep("better")
    verdict = site.judge(model_id)
    steps = site.engine.models.catalog.history(model_id)
    evidence = verdict.evidence

    assert verdict.outcome == "promoted"
    assert site.serving() == model_id
    assert [step.state_after for step in steps] == ["trained", "shadow", "promoted"]
    assert all(step.decision.decided_by == "gate" for step in steps[1:])
    assert "it is shown to be better: +" in steps[1].decision.why
    assert evidence["gain"]["low"] > 0
    assert evidence["gain"]["support"] > 0.9
    assert evidence["clicks"]["measure"] == "clicks per search"
    assert evidence["judged_on"]["by"] == "days"
    assert evidence["learned_from"]["end"].startswith("2026-03-12")
    assert evidence["asked_share"] == 1.0
    assert evidence["shadow"]["n_searches"] == 110
    assert {part["part"] for part in evidence["parts"]} >= {"all", "seen"}
    assert evidence["sensitivity"]["etas"] == [0.0, 0.5, 1.0, 1.5, 2.0]
    site.engine.promotion.roll_back(model_id, "the next test wants it out")


def test_a_worse_model_stays_out_and_says_why(site):
    verdict = site.judge(site.keep("worse", sign=-1))

    assert verdict.outcome == "rejected"
    assert "it is not shown to be better: -" in verdict.why
    assert site.state("worse") == "rejected"
    assert site.serving() is None


def test_a_model_that_ranks_by_luck_stays_out(site):
    verdict = site.judge(site.keep("lucky", field="luck"))

    assert verdict.outcome == "rejected"
    assert "not shown to be better" in verdict.why


def test_a_model_that_was_rejected_may_be_judged_again(site):
    model_id = site.keep("again", sign=-1)
    site.judge(model_id)

    assert site.judge(model_id).outcome == "rejected"
    assert site.state(model_id) == "rejected"


def test_a_model_that_ranked_too_little_does_not_leave_shadow(site):
    model_id = site.keep("hasty")
    gate = replace(PATIENT.gate, min_shadow_searches=1_000)
    verdict = site.judge(model_id, replace(PATIENT, gate=gate))
    steps = site.engine.models.catalog.history(model_id)

    assert verdict.outcome == "rejected"
    assert "it ranked 110 searches in shadow, 1000 are needed" in verdict.why
    assert [step.state_after for step in steps] == ["trained", "shadow", "rejected"]
    assert site.serving() is None


def test_a_model_that_learned_from_all_days_cannot_be_judged(site):
    model_id = site.keep("greedy", window=DataWindow(start=BEGIN, end=END))
    verdict = site.judge(model_id)

    assert verdict.outcome == "rejected"
    assert "learned from all of the days" in verdict.why
    assert "Train it on days that end before" in verdict.why


def test_people_that_a_model_did_not_learn_from_may_judge_it(site):
    learned = DataWindow(start=BEGIN, end=END)
    model_id = site.keep("sparing", window=learned, shards=list(range(40)))
    verdict = site.judge(model_id)

    assert verdict.evidence["judged_on"]["by"] == "people"
    assert verdict.evidence["gain"]["n_groups"] <= 24
    assert verdict.evidence["gain"]["value"] > 0
    if verdict.outcome == "promoted":
        site.engine.promotion.roll_back(model_id, "the next test wants it out")


def test_a_model_does_not_know_the_clicks_that_it_is_judged_by(empty_site):
    # It goes by the day before, on which nobody came: it can only leave everything as it is.
    empty_site.fill(n_searches=2_000, quiet_day=15)
    spec = msgspec.structs.replace(SPEC, history_days=1)
    found = empty_site.judge(empty_site.keep("prophet", field="pair_rate", spec=spec)).evidence

    assert found["judged_on"]["window"]["start"] == found["ranked_as_of"]
    assert found["ranked_as_of"] == (BEGIN + timedelta(days=16)).strftime("%Y-%m-%dT00:00:00Z")
    assert found["gain"]["value"] == 0


def test_candidates_are_compared_on_days_to_choose_by(site):
    gains = site.admission().compare(
        site.context(), [site.keep("good"), site.keep("bad", sign=-1)], WINDOW
    )

    assert gains["good"] > 0 > gains["bad"]


def test_a_model_that_cannot_rank_does_not_keep_others_from_being_compared(site):
    keep_adapter(site.engine.models, "misfit")
    gains = site.admission().compare(site.context(), ["misfit", site.keep("fitting")], WINDOW)

    assert np.isnan(gains["misfit"])
    assert gains["fitting"] > 0
    assert "misfit cannot be compared" in site.recorder.lines[0]


def test_what_serves_already_is_not_judged_again(site):
    model_id = site.keep("serving")
    site.engine.promotion.promote(model_id, Decision("operator", "for this test"))

    assert site.judge(model_id).why == "it serves already"
    site.engine.promotion.roll_back(model_id, "the next test wants it out")


def test_a_fall_on_what_was_judged_keeps_a_gain_out(site):
    quality, _ = draw_qualities()
    rows = [
        ImportedJudgment(
            query=f"thing{query}",
            document_id=name_document(query, number),
            rating=float(1 - quality[query, number]),
        )
        for query in range(N_QUERIES)
        for number in range(N_DOCUMENTS)
    ]
    site.engine.learning.judgments.put("contrarian", rows)
    verdict = site.judge(site.keep("disliked"))
    site.engine.learning.judgments.remove("contrarian")

    assert verdict.outcome == "rejected"
    assert "on the fixed queries" in verdict.why
    assert verdict.evidence["sanity"]["n_queries"] == N_QUERIES


def test_finished_steps_are_not_done_again(site):
    model_id = site.keep("twice", sign=-1)
    context = site.context()
    first = site.admission().judge(context, model_id, WINDOW)
    again = JobContext("job", site.folder / "job", site.recorder)
    second = site.admission().judge(again, model_id, WINDOW)

    assert second.why == first.why
    assert len(site.engine.models.catalog.history(model_id)) == 2


def test_logged_candidates_are_ranked_anew_where_there_are_no_documents(empty_site):
    empty_site.fill(with_documents=False, n_searches=1_500)
    verdict = empty_site.judge(empty_site.keep("blind"))

    # Fields of documents are not known, so the ranker changes next to nothing.
    assert verdict.outcome == "rejected"
    assert verdict.evidence["is_reranking"]
    assert not verdict.evidence["knows_documents"]


def test_a_log_of_few_days_is_told_how_many_more(empty_site):
    empty_site.fill(n_searches=1)
    verdict = empty_site.judge(empty_site.keep("early"))

    assert verdict.outcome == "rejected"
    assert "the log spans 1 day" in verdict.why
    assert "Collect 4 days more" in verdict.why


def test_an_empty_log_is_told_so(empty_site):
    empty_site.fill(n_searches=0)

    assert "nobody was shown a list" in empty_site.judge(empty_site.keep("first")).why


def test_few_people_tell_nothing(empty_site):
    empty_site.fill(n_searches=1_200, n_people=3)
    verdict = empty_site.judge(empty_site.keep("few"))

    assert "groups of people, 8 are needed" in verdict.why


def test_few_clicks_leave_too_much_to_the_guess(empty_site):
    empty_site.fill(n_searches=400)
    verdict = empty_site.judge(empty_site.keep("sparse"))

    assert "clicks on the days to judge on: " in verdict.why
    assert ", 200 are needed. Collect " in verdict.why


def test_one_query_tells_nothing_of_others(empty_site):
    empty_site.fill(n_searches=1_200, n_queries=1)
    verdict = empty_site.judge(empty_site.keep("narrow"))

    assert "different queries on the days to judge on: 1, 20 are needed" in verdict.why
    assert "Collect searches of 19 more queries" in verdict.why


def test_a_measurement_refuses_what_a_verdict_explains(site):
    model_id = site.keep("unmeasured", window=DataWindow())

    with pytest.raises(NotEnoughDataError, match="does not say from which days"):
        site.admission().measure(site.context(), model_id, WINDOW)
    assert site.state(model_id) == "trained"


def test_an_evaluation_says_what_the_gate_would_and_changes_nothing(site):
    model_id = site.keep("evaluated")
    job = EvaluateJob(site.admission(), lambda: END)
    found = job.run(site.context(), EvaluateParameters(model_id=model_id, days=N_DAYS))

    assert (found["model_id"], found["outcome"]) == (model_id, "shadow")
    assert found["evidence"]["n_queries"] == N_QUERIES
    assert site.state(model_id) == "trained"


def test_an_evaluation_that_may_admit_lets_a_better_model_serve(site):
    model_id = site.keep("admitted")
    job = EvaluateJob(site.admission(), lambda: END)
    found = job.run(site.context(), EvaluateParameters(model_id=model_id, admit=True))

    assert found["outcome"] == "promoted"
    assert site.serving() == model_id
    site.engine.promotion.roll_back(model_id, "the next test wants it out")
