"""Stages that find: by words, by meaning, by both, and beside what was found before."""

import numpy as np
import pytest

from rankloop.indexing.filters import Condition
from rankloop.stages.base import Candidates
from rankloop.stages.fusion import add_found, fuse_ranks, fuse_scores
from rankloop.stages.hybrid_search import HybridSearch, HybridSearchConfig, HybridWeights
from rankloop.stages.text_search import TextSearch, TextSearchConfig
from rankloop.stages.vector_search import VectorSearch, VectorSearchConfig
from rankloop.testing.stage_contract import StageContract, build_candidates, build_query

EAST = np.array([1.0, 0.0], np.float32)
NORTH = np.array([0.0, 1.0], np.float32)
ALL = {"d0", "d1", "d2", "d3", "d4", "d5"}


def ranking(**scores):
    return Candidates(tuple(scores), np.array(list(scores.values())))


class Finding(StageContract):
    finds_documents = True

    def query(self):
        return build_query(text="blue shoes", vector=EAST)

    def known(self):
        return ALL


class TestTextSearch(Finding):
    def stage(self):
        return TextSearch(self.index)

    def test_finds_documents_with_the_words_best_first(self):
        found = self.stage()(build_query(text="blue shoes"), Candidates.empty())
        assert found.document_ids == ("d3", "d0", "d1", "d2")
        assert found.payloads["d3"] == {"color": "blue"}

    def test_finds_no_more_than_top_k(self):
        stage = TextSearch(self.index, TextSearchConfig(top_k=2))
        assert len(stage(build_query(text="shoes"), Candidates.empty())) == 2

    def test_finds_what_satisfies_the_filters_only(self):
        query = build_query(text="shoes", filters=Condition("color", "$eq", "blue"))
        assert self.stage()(query, Candidates.empty()).document_ids == ("d3",)


class TestVectorSearch(Finding):
    def stage(self):
        return VectorSearch(self.index, VectorSearchConfig(top_k=3))

    def test_finds_the_closest_first_and_ties_by_name(self):
        found = self.stage()(build_query(vector=EAST), Candidates.empty())
        assert found.document_ids == ("d0", "d1", "d2")

    def test_finds_by_words_where_there_is_no_vector(self):
        found = self.stage()(build_query(text="umbrella"), Candidates.empty())
        assert found.document_ids == ("d5",)


class TestHybridSearch(Finding):
    def stage(self):
        return HybridSearch(self.index)

    @pytest.mark.parametrize("fusion", ["weighted", "rrf"])
    def test_what_both_halves_find_stands_above_what_one_finds(self, fusion):
        stage = HybridSearch(self.index, HybridSearchConfig(fusion=fusion, top_k=3))
        found = stage(build_query(text="blue", vector=NORTH), Candidates.empty())
        assert found.document_ids[0] == "d3"
        assert len(found) <= 3

    def test_a_half_that_counts_nothing_changes_no_order(self):
        weights = HybridWeights(text=0.0, vector=1.0)
        stage = HybridSearch(self.index, HybridSearchConfig(weights=weights, top_k=3))
        found = stage(build_query(text="umbrella", vector=EAST), Candidates.empty())
        assert found.document_ids == ("d0", "d1", "d2")

    def test_notes_say_where_each_half_found_a_document(self):
        notes = self.stage().notes(build_query(text="umbrella", vector=NORTH), ["d3", "d5"])
        assert notes["d3"] == {"vector": {"position": 0, "score": 1.0}}
        assert (list(notes["d5"]), notes["d5"]["text"]["position"]) == (["text"], 0)

    def test_words_alone_find_where_there_is_no_vector(self):
        found = self.stage()(build_query(text="umbrella"), Candidates.empty())
        assert found.document_ids == ("d5",)


def test_reciprocal_ranks_add_up():
    fused = fuse_ranks([ranking(a=9.0, b=1.0), ranking(b=0.9, c=0.8)], [1.0, 2.0], 60.0)
    assert dict(zip(fused.document_ids, fused.scores.tolist(), strict=True)) == pytest.approx(
        {"b": 1 / 62 + 2 / 61, "c": 2 / 62, "a": 1 / 61}
    )


def test_scores_add_up_on_one_scale():
    fused = fuse_scores([ranking(a=30.0, b=20.0, c=10.0), ranking(b=0.9, c=0.4)], [0.5, 0.5])
    assert dict(zip(fused.document_ids, fused.scores.tolist(), strict=True)) == pytest.approx(
        {"b": 0.75, "a": 0.5, "c": 0.0}
    )


def test_adding_does_not_depend_on_the_unit_of_the_scores():
    first = ranking(a=30.0, b=20.0, c=10.0)
    small = add_found(first, ranking(b=0.9, d=0.4))
    large = add_found(first, ranking(b=900.0, d=400.0))
    assert small.document_ids == large.document_ids


def test_adding_leaves_a_pinned_head_where_it_stands():
    before = build_candidates(3, pinned=2)
    after = add_found(before, ranking(d2=5.0, d9=4.0), weight=10.0)
    assert after.document_ids[:2] == ("d0", "d1")
    assert set(after.document_ids) == {"d0", "d1", "d2", "d9"}
    assert after.pinned == 2
