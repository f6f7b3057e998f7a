"""Training a ranker: a log in, a ranker on record that puts first what people like."""

from contextlib import closing
from datetime import UTC, date, datetime

import numpy as np
import pytest
from tests.jobs.crash import Server, survive
from tests.jobs.kiosk import open_kiosk

from rankloop.catalog.models import Decision
from rankloop.counters.day_history import WantedHistory
from rankloop.errors import InputError, NotEnoughDataError
from rankloop.events.queries import to_query_key
from rankloop.jobs.context import JobContext, MemoryRecorder
from rankloop.jobs.feature_rows import FeatureReader
from rankloop.jobs.ranker_task import MODEL_FOLDER
from rankloop.jobs.training_ranker import RankerParameters, RankerTraining
from rankloop.models.feature_spec import FEATURES_FILE, FeatureSpec
from rankloop.models.ranker import FORM_FILE, TREES_FILE
from rankloop.retrieval.serving import Page, RankingRequest
from rankloop.stages.base import Query
from rankloop.wiring import open_engine

N_QUERIES = 60


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    kiosk, engine = open_kiosk(tmp_path_factory.mktemp("kiosk"), 6_000)
    with closing(engine):
        yield kiosk, engine


def run(engine, folder, recorder=None, **told):
    features = FeatureReader(engine.store, engine.documents, engine.serving, engine.models)
    moment = datetime(2027, 1, 1, tzinfo=UTC)
    training = RankerTraining(engine.learning.reader, features, engine.models, lambda: moment)
    folder.mkdir(exist_ok=True)
    context = JobContext("job-1", folder, recorder or MemoryRecorder())
    return training.run(context, RankerParameters(**told))


@pytest.fixture(scope="module")
def trained(shop, tmp_path_factory):
    recorder = MemoryRecorder()
    return run(shop[1], tmp_path_factory.mktemp("job"), recorder), recorder


def test_a_ranker_is_put_on_record_with_what_it_was_made_of(shop, trained):
    result, recorder = trained
    engine = shop[1]
    assert result["decision"] == "trained"
    manifest = engine.models.load(result["model_id"]).manifest
    assert (manifest.kind, manifest.retriever_id) == ("ranker", "kiosk")
    assert manifest.window.n_searches == 6_000
    assert manifest.seeds == [1]
    assert set(manifest.exports) == {"rows"}
    assert set(manifest.files) == {TREES_FILE, FORM_FILE, FEATURES_FILE}
    assert manifest.parameters["n_queries"] == N_QUERIES
    assert recorder.reports[-1][0] <= 1.0
    assert engine.models.catalog.find(result["model_id"]).state == "trained"


def test_later_days_say_what_it_would_have_earned(trained):
    result, _ = trained
    every = next(row for row in result["metrics"] if row["part"] == "all")
    assert every["low"] > 0
    assert every["value"] > every["baseline"] * 1.2
    assert "clicks per search" in result["why"]


def test_it_puts_first_what_people_like_not_what_was_shown_first(shop, trained):
    engine = shop[1]
    loaded = engine.models.load(trained[0]["model_id"])
    spec = FeatureSpec.load(loaded.folder)
    features = np.full((5, len(spec.names)), np.nan)
    features[:, spec.names.index("number.stars")] = [1, 2, 3, 4, 5]
    scores = loaded.part.score(features)
    assert scores[4] > scores[2] > scores[0]


def rank_stars(kiosk, engine):
    """Return the stars of what is shown, `[n_queries, 10]`, on the day after the log."""
    stars = dict(zip(kiosk.ids, kiosk.stars.tolist(), strict=True))
    shown = []
    for text in kiosk.texts:
        query = Query("kiosk", text, to_query_key(text), datetime(2026, 2, 2, 12, tzinfo=UTC))
        ranked = engine.serving.rank(RankingRequest(query, Page(10, 0)))
        shown.append([stars[one.document_id] for one in ranked.outcome.results])
    return np.array([row for row in shown if len(row) == 10])


def test_once_promoted_it_re_orders_what_is_found_for_people(shop, trained):
    kiosk, engine = shop
    model_id = trained[0]["model_id"]
    engine.serving.configure("kiosk", {"stages": [{"type": "text_search", "top_k": 12}]})
    before = rank_stars(kiosk, engine)
    spec = FeatureSpec.load(engine.models.load(model_id).folder)
    wanted = WantedHistory.of(spec, "kiosk", date(2026, 2, 2))
    while engine.histories.find(wanted) is None:
        pass
    engine.promotion.promote(model_id, Decision("operator", "to see what it does"))
    after = rank_stars(kiosk, engine)
    assert before[:, :3].mean() < 3.5
    assert after[:, :3].mean() > 4.0


def test_few_queries_are_named_as_few_and_trained_on_all_the_same(trained):
    result, recorder = trained
    assert any("60 queries are few: 200 should be there" in text for text in result["warnings"])
    assert set(result["warnings"]) <= set(recorder.lines)


def test_the_same_log_gives_the_same_ranker_bit_for_bit(shop, trained, tmp_path):
    engine = shop[1]
    # Whatever became of it since, a ranker that is there already is not put on record again.
    assert {**run(engine, tmp_path / "again"), "decision": "trained"} == trained[0]
    first = engine.models.load(trained[0]["model_id"]).folder
    second = tmp_path / "again" / "work" / MODEL_FOLDER
    for name in (TREES_FILE, FORM_FILE, FEATURES_FILE):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_a_job_that_goes_on_trains_nothing_twice(shop, tmp_path):
    engine = shop[1]
    recorder = MemoryRecorder()
    first = run(engine, tmp_path / "job", recorder, seed=5)
    n_reports = len(recorder.reports)
    assert run(engine, tmp_path / "job", recorder, seed=5) == first
    assert len(recorder.reports) - n_reports < 5


@pytest.mark.slow
def test_a_server_killed_in_the_middle_goes_on_and_keeps_one_ranker(tmp_path, free_port):
    _, engine = open_kiosk(tmp_path, 3_000)
    engine.close()
    server = Server(tmp_path / "data", free_port)
    try:
        job = survive(server, {"kind": "train_ranker"}, kill_at=[0.02, 0.5])
    finally:
        server.stop()
    assert (job["state"], job["attempts"]) == ("done", 3)
    with closing(open_engine(tmp_path / "data")) as engine:
        records = engine.models.catalog.list("kiosk", "ranker")
        assert [one.model_id for one in records] == [job["result"]["model_id"]]
        assert engine.models.load(records[0].model_id).part.feature_names


def test_a_log_that_always_shows_the_same_order_teaches_nothing(tmp_path):
    _, engine = open_kiosk(tmp_path, 2_000, noise_sd=0.0)
    with closing(engine), pytest.raises(NotEnoughDataError, match="cannot tell position"):
        run(engine, tmp_path / "job")


def test_an_empty_log_says_so(tmp_path):
    with closing(open_engine(tmp_path / "data")) as engine:
        with pytest.raises(InputError, match="nothing is on record"):
            run(engine, tmp_path / "job")
        with pytest.raises(NotEnoughDataError, match="nothing was clicked"):
            run(engine, tmp_path / "other", retriever_id="kiosk")
