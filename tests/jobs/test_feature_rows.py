"""Training computes what serving saw, and no feature holds the click that it is to predict."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from rankloop.api.ranked import to_row
from rankloop.bias.propensities import Propensities
from rankloop.counters.day_history import WantedHistory
from rankloop.errors import NotEnoughDataError
from rankloop.events.queries import to_query_key
from rankloop.jobs.feature_rows import FeatureReader, to_examination
from rankloop.models.feature_log import read_features
from rankloop.models.feature_spec import EXAMINATION
from rankloop.retrieval.serving import Page, RankingRequest
from rankloop.stages.base import Query
from rankloop.tables.windows import InsightsWindow
from rankloop.testing.builders import build_interaction, build_search, to_lines
from rankloop.wiring import open_engine

FIRST = datetime(2026, 3, 2, 9, tzinfo=UTC)
COLORS = ("red", "blue", "green")


@dataclass
class Said:
    """What a request says about itself."""

    search_id: str
    surface: str | None = None
    device: str | None = None
    actor: str = "human"
    filters: dict | None = None


class Traffic:
    """Searches of a running engine on days of our choice."""

    def __init__(self, engine):
        self.engine = engine
        self.rows = {}

    def search(self, name, text, *, days=0, clicked=(), offset=0):
        """Rank, record, and click some of it a minute later."""
        now = FIRST + timedelta(days=days)
        query = Query("products", text, to_query_key(text), now, user_key=f"u~{name}")
        request = RankingRequest(query, Page(3, offset))
        row = to_row(request, self.engine.serving.rank(request), Said(name))
        self.rows[name] = row
        shown = [result.document_id for result in row.results]
        clicks = [
            build_interaction(
                f"{name}-{place}",
                shown[place],
                at=row.at + 60_000_000,
                search_id=name,
                retriever_id="products",
            )
            for place in clicked
        ]
        self.engine.store.append_lines(to_lines([row]), to_lines(clicks))
        return shown

    def wait_for(self, day):
        """Wait until serving has read what features of a day know of the past."""
        self.engine.histories.refresh()
        wanted = WantedHistory("products", day, 90, EXAMINATION)
        assert self.engine.histories.wait(wanted, 60.0) is not None

    def read(self, **window):
        engine = self.engine
        log = engine.learning.reader.read("products", InsightsWindow(**window))
        return FeatureReader(engine.store, engine.documents, engine.serving, engine.models).read(
            log
        )


@pytest.fixture
def traffic(tmp_path):
    engine = open_engine(tmp_path / "data")
    engine.documents.upsert(
        "products",
        [
            f'{{"document_id": "d{n}", "text": "kettle number {n} {"steel " * n}",'
            f' "payload": {{"color": "{COLORS[n % 3]}", "price": {n}}}}}'.encode()
            for n in range(6)
        ],
    )
    engine.serving.configure("products", {"stages": [{"type": "text_search"}, {"type": "model"}]})
    yield Traffic(engine)
    engine.close()


def to_dict(spec, row):
    return dict(zip(spec.names, row.tolist(), strict=True))


def find_row(rows, text, document_id, block):
    pairs = rows.cells.pairs
    is_row = (rows.rows_of_need == to_query_key(text)) & (pairs.document_ids == document_id)
    is_row &= rows.blocks[pairs.query] == block
    assert is_row.sum() == 1
    return to_dict(rows.spec, rows.features[np.flatnonzero(is_row)[0]])


def test_training_computes_what_serving_saw(traffic):
    for n in range(4):
        traffic.search(f"a{n}", "blue kettle", clicked=[0, 1])
        traffic.search(f"b{n}", "steel", clicked=[1])
    traffic.wait_for(date(2026, 3, 3))
    shown = traffic.search("c", "blue kettle", days=1, clicked=[2])
    rows = traffic.read()
    assert rows.days == (date(2026, 3, 2), date(2026, 3, 3))
    assert rows.spec.examination == EXAMINATION
    seen = read_features(traffic.rows["c"].features)
    assert set(seen.names) == set(rows.spec.names)
    matrix = seen.to_matrix(rows.spec.names)
    for place, name in enumerate(shown):
        trained = find_row(rows, "blue kettle", name, 1)
        assert trained == pytest.approx(to_dict(rows.spec, matrix[place]), rel=1e-5, nan_ok=True)
    assert to_dict(rows.spec, matrix[0])["pair_looks"] == pytest.approx(np.log1p(4), rel=1e-5)


def test_no_feature_holds_a_click_of_its_own_day(traffic):
    shown = traffic.search("a", "blue kettle", clicked=[0])
    quiet = traffic.read()
    traffic.search("b", "blue kettle", clicked=[0, 1, 2])
    traffic.search("c", "kettle", clicked=[0])
    clicked = traffic.read()
    for name in shown:
        before = find_row(quiet, "blue kettle", name, 0)
        assert find_row(clicked, "blue kettle", name, 0) == pytest.approx(before, nan_ok=True)
        assert before["pair_looks"] == 0
        assert np.isnan(before["pair_rate"])


def test_the_labels_of_a_block_are_the_clicks_of_its_lists(traffic):
    traffic.search("a", "kettle", clicked=[0])
    traffic.search("b", "kettle", days=1, clicked=[0, 1])
    cells = traffic.read().cells
    clicks = np.bincount(cells.pairs.query[cells.pair], cells.clicks)
    assert dict(zip(cells.pairs.query_keys, clicks.tolist(), strict=True)) == {
        f"{to_query_key('kettle')}@0": 1,
        f"{to_query_key('kettle')}@1": 2,
    }


def test_a_long_window_has_no_more_blocks_than_it_may(traffic):
    for day in range(20):
        traffic.search(f"s{day}", "kettle", days=day)
    rows = traffic.read()
    assert len(rows.days) == 7
    assert {(b - a).days for a, b in zip(rows.days, rows.days[1:], strict=False)} == {3}


def test_lists_of_another_engine_have_features_of_what_was_sent(traffic):
    scored = build_search("x", ["d1", "away"], at=int(FIRST.timestamp() * 1e6), query="red kettle")
    scored.results[0].score, scored.results[1].score = 8.0, 2.0
    bare = build_search("y", ["away", "d2"], at=int(FIRST.timestamp() * 1e6), query="tea")
    traffic.engine.store.append_lines(to_lines([scored, bare]), b"")
    rows = traffic.read()
    away = find_row(rows, "red kettle", "away", 0)
    assert (away["score"], away["score_gap"], away["score_ratio"]) == (2.0, 6.0, 0.25)
    assert np.isnan(away["words_found"])
    assert find_row(rows, "red kettle", "d1", 0)["number.price"] == 1
    assert find_row(rows, "tea", "d2", 0)["score"] == pytest.approx(1 / np.log2(3))


def test_the_score_that_a_ranker_was_handed_counts_not_its_own(traffic):
    shown = traffic.search("a", "steel kettle")
    row = traffic.rows["a"]
    handed = read_features(row.features).to_matrix(["score"])[:, 0]
    again = build_search("b", shown, at=row.at, query="steel kettle", features=row.features)
    for result in again.results:
        result.score = -100.0
    traffic.engine.store.append_lines(to_lines([again]), b"")
    rows = traffic.read()
    scores = [find_row(rows, "steel kettle", name, 0)["score"] for name in shown]
    assert scores == pytest.approx(handed.tolist(), rel=1e-5)


def test_a_window_without_lists_says_so(traffic):
    traffic.search("a", "kettle")
    with pytest.raises(NotEnoughDataError):
        traffic.read(start=FIRST + timedelta(days=5))


def test_a_curve_that_is_not_identified_is_one_over_rank():
    curve = np.array([1.0, 0.9])
    found = Propensities(curve, np.zeros(2), "not_identifiable", "none")
    assert to_examination(found) == EXAMINATION
