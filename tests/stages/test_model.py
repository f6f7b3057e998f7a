"""The stage `model` goes by its ranker within what is proven, and says what it saw."""

from datetime import date

import lightgbm
import numpy as np
import pytest

from rankloop.attribution.derivation import Derivation
from rankloop.counters.day_histories import DayHistories
from rankloop.counters.day_history import WantedHistory
from rankloop.indexing.base import Document
from rankloop.models.feature_spec import FeatureSpec
from rankloop.models.ranker import Ranker
from rankloop.stages.base import Candidates
from rankloop.stages.document_facts import FactShelf
from rankloop.stages.model import ModelStage
from rankloop.store.duckdb import DuckDBStore
from rankloop.testing.builders import NOON_US, build_interaction, build_search, to_lines
from rankloop.testing.memory_index import MemoryIndex
from rankloop.testing.stage_contract import StageContract, build_candidates, build_query

SPEC = FeatureSpec(texts=("color",), numbers=("price",))
QUERY = build_query(text="blue kettle")
EARLIER_US = NOON_US - 86_400_000_000


def build_index():
    index = MemoryIndex(dimension=2)
    index.upsert(
        [
            Document(f"d{n}", f"kettle {n}", None, {"color": "blue" if n % 2 else "red"})
            for n in range(6)
        ]
    )
    return index


def train(name, values, wants):
    """Train trees that know one feature only."""
    column = SPEC.names.index(name)
    x = np.full((len(values), len(SPEC.names)), np.nan)
    x[:, column] = values
    settings = {"objective": "poisson", "min_data_in_leaf": 1, "verbose": -1}
    trees = lightgbm.train(settings, lightgbm.Dataset(x, np.array(wants, float)), 5)
    return Ranker(trees, list(SPEC.names))


@pytest.fixture(scope="module")
def likes_blue():
    """Return a ranker that likes documents whose color the query names."""
    return train("match.color", np.repeat([0.0, 1.0], 20), np.repeat([1.0, 5.0], 20))


@pytest.fixture(scope="module")
def histories():
    """Return a past in which `d0` to `d4` were shown and clicked often, and `d5` never."""
    store = DuckDBStore()
    shown = [f"d{n}" for n in range(5)]
    searches = [
        build_search(f"s{n}", shown, at=EARLIER_US, query=QUERY.text, user=f"u~{n}")
        for n in range(60)
    ]
    clicks = [
        build_interaction(f"i{n}", "d3", at=EARLIER_US + 1, search_id=f"s{n}") for n in range(30)
    ]
    store.append_lines(to_lines(searches), to_lines(clicks))
    histories = DayHistories(store, Derivation(store).refresh, wait_s=60.0)
    histories.find(WantedHistory.of(SPEC, "products", date(2026, 1, 1)))
    yield histories
    histories.close()
    store.close()


def order(stage, candidates, query=QUERY):
    return stage(query, candidates).document_ids


class TestModelStage(StageContract):
    @pytest.fixture(autouse=True)
    def _give_ranker(self, likes_blue):
        self.ranker = likes_blue

    def stage(self):
        return ModelStage(build_index(), None, self.ranker, SPEC)

    def query(self):
        return QUERY


class TestModelStageWithoutARanker(StageContract):
    def stage(self):
        return ModelStage(build_index())


def test_what_people_have_looked_at_goes_where_the_ranker_wants_it(likes_blue, histories):
    stage = ModelStage(build_index(), histories, likes_blue, SPEC)
    assert order(stage, build_candidates(5)) == ("d1", "d3", "d0", "d2", "d4")


def test_what_nobody_has_looked_at_climbs_one_rank(likes_blue, histories):
    stage = ModelStage(build_index(), histories, likes_blue, SPEC)
    assert order(stage, build_candidates(6)) == ("d1", "d3", "d0", "d2", "d5", "d4")


def test_without_a_history_nothing_climbs_far(likes_blue):
    stage = ModelStage(build_index(), None, likes_blue, SPEC)
    assert order(stage, build_candidates(6)) == ("d1", "d0", "d3", "d2", "d5", "d4")


def test_pinned_documents_stay(likes_blue, histories):
    stage = ModelStage(build_index(), histories, likes_blue, SPEC)
    after = stage(QUERY, build_candidates(5, pinned=1))
    assert after.document_ids == ("d0", "d1", "d3", "d2", "d4")
    assert after.pinned == 1


def test_without_a_ranker_candidates_pass_and_are_seen():
    before = build_candidates(3)
    after = ModelStage(build_index())(QUERY, before)
    assert (after.document_ids, after.scores.tolist()) == (before.document_ids, [3, 2, 1])
    seen = dict(zip(after.seen.names, after.seen.of(["d1"]).values[0].tolist(), strict=True))
    assert (seen["score"], seen["match.color"], seen["found.color"]) == (2.0, 1.0, 0.5)


def test_it_learns_the_fields_of_documents_that_came_later():
    index = MemoryIndex()
    stage = ModelStage(index)
    assert "match.color" not in stage(QUERY, build_candidates(2)).seen.names
    index.upsert([Document(f"d{n}", "kettle", None, {"color": "blue"}) for n in range(300)])
    assert "match.color" in stage(QUERY, build_candidates(2)).seen.names


def test_what_was_done_before_the_day_is_a_feature(likes_blue, histories):
    seen = ModelStage(build_index(), histories, likes_blue, SPEC)(QUERY, build_candidates(6)).seen
    column = seen.names.index("document_looks")
    assert seen.of(["d1", "d5"]).values[:, column] == pytest.approx([np.log1p(30), 0.0])


def test_it_can_be_given_time_to_read_what_was_done_before_the_day(likes_blue, histories):
    stage = ModelStage(build_index(), histories, likes_blue, SPEC)

    assert stage.prepare("products", QUERY.now, 60.0)
    assert ModelStage(build_index()).prepare("products", QUERY.now, 0.0)


def test_it_says_when_what_was_done_before_the_day_cannot_be_read(likes_blue):
    closed = DayHistories(DuckDBStore(), lambda: None)
    closed.close()

    assert not ModelStage(build_index(), closed, likes_blue, SPEC).prepare(
        "products", QUERY.now, 0.0
    )


def test_it_says_what_each_feature_added(likes_blue, histories):
    stage = ModelStage(build_index(), histories, likes_blue, SPEC)
    before = build_candidates(5)
    notes = stage.notes_on(QUERY, before, ["d1", "d0"])
    after = stage(QUERY, before)
    scores = dict(zip(after.document_ids, after.scores.tolist(), strict=True))
    for name in ("d1", "d0"):
        assert list(notes[name]["contributions"]) == ["match.color"]
        total = notes[name]["base"] + sum(notes[name]["contributions"].values())
        assert total == pytest.approx(scores[name], abs=1e-3)
    assert notes["d1"]["features"]["match.color"] == 1.0


def test_without_a_ranker_it_says_what_it_saw():
    notes = ModelStage(build_index()).notes_on(QUERY, build_candidates(2), ["d0", "elsewhere"])
    assert list(notes) == ["d0"]
    assert "contributions" not in notes["d0"]


def test_documents_of_another_engine_are_read_from_what_came_with_them(likes_blue):
    before = Candidates(("x", "y"), np.array([2.0, 1.0]), {"y": {"color": "blue"}})
    assert order(ModelStage(MemoryIndex(), None, likes_blue, SPEC), before) == ("y", "x")


def test_a_document_that_changed_is_read_anew():
    index = build_index()
    shelf = FactShelf(index, SPEC)
    assert np.isnan(shelf.find(["d0"], {})[0].values[0])
    index.upsert([Document("d0", "kettle", None, {"price": 7})])
    assert shelf.find(["d0"], {})[0].values[0] == 7
    index.delete(["d0"])
    assert np.isnan(shelf.find(["d0"], {})[0].values[0])


def test_facts_that_stay_the_same_are_read_once():
    index = build_index()
    shelf = FactShelf(index, SPEC)
    first = shelf.find(["d0", "d1"], {})
    index.upsert([Document("d1", "kettle", None, {})])
    second = shelf.find(["d0", "d1"], {})
    assert second[0] is first[0]
    assert second[1] is not first[1]


def test_the_least_recently_needed_facts_go_first():
    index = build_index()
    shelf = FactShelf(index, SPEC, max_bytes=1_600)
    first = shelf.find(["d0"], {})[0]
    shelf.find(["d1"], {})
    assert shelf.find(["d0"], {})[0] is first
    shelf.find(["d2"], {})
    assert shelf.find(["d0"], {})[0] is first


def test_the_seen_features_survive_later_stages():
    after = ModelStage(build_index())(QUERY, build_candidates(3))
    kept = after.kept([True, False, True]).rescored(np.array([1.0, 2.0]))
    assert kept.seen is after.seen
