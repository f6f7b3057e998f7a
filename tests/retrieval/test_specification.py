"""Pipelines are read with every mistake named, and written so that reading gives the same."""

import json

import pytest

from rankloop.errors import PipelineError
from rankloop.retrieval.pipeline import STAGES, list_stages
from rankloop.retrieval.specification import read_pipeline


def faults(config):
    with pytest.raises(PipelineError) as caught:
        read_pipeline(config)
    return [(fault.pointer, fault.code) for fault in caught.value.faults]


def test_a_pipeline_survives_the_way_through_json():
    spec = read_pipeline(
        {
            "stages": [{"type": "hybrid_search", "fusion": "rrf", "timeout_ms": 80}],
            "signal_weights": {"purchase": 5},
            "timeout_ms": 200,
        }
    )
    again = read_pipeline(json.loads(json.dumps(spec.to_config())))
    assert again == spec
    assert again.content_hash == spec.content_hash


def test_writing_a_default_out_changes_no_name():
    short = read_pipeline({"stages": [{"type": "text_search"}]})
    long = read_pipeline({"stages": [{"type": "text_search", "top_k": 100, "weight": 1}]})
    other = read_pipeline({"stages": [{"type": "text_search", "top_k": 99}]})
    assert short.content_hash == long.content_hash != other.content_hash


def test_every_mistake_is_named_with_its_place():
    assert faults(
        {
            "stages": [
                {"type": "vector_serach"},
                {"top_k": 3},
                "text_search",
                {"type": "text_search", "top_k": 0, "waight": 1},
                {"type": "hybrid_search", "weights": {"text": 0, "vector": 0}, "fusion": "sum"},
                {"type": "hybrid_search", "weights": {"text": "much"}},
                {"type": "filter"},
                {"type": "filter", "filters": {"price": {"$near": 3}}},
                {"type": "text_search", "timeout_ms": -1},
            ],
            "signal_weights": {"two words": 1, "click": "high"},
            "embedder": {"kind": "openai", "base_url": "file:///etc"},
            "tiemout_ms": 5,
        }
    ) == [
        ("/tiemout_ms", "unknown_field"),
        ("/stages/0/type", "unknown_stage"),
        ("/stages/1/type", "missing_field"),
        ("/stages/2", "wrong_type"),
        ("/stages/3/top_k", "out_of_range"),
        ("/stages/3/waight", "unknown_field"),
        ("/stages/4/fusion", "wrong_type"),
        ("/stages/4/weights/text", "invalid_value"),
        ("/stages/5/weights/text", "wrong_type"),
        ("/stages/6/filters", "missing_field"),
        ("/stages/7/filters/price/$near", "invalid_value"),
        ("/stages/8/timeout_ms", "out_of_range"),
        ("/embedder/model", "invalid_value"),
        ("/signal_weights/two words", "invalid_value"),
        ("/signal_weights/click", "wrong_type"),
    ]


@pytest.mark.parametrize(
    ("config", "pointer"),
    [
        ([], ""),
        ({"stages": {}}, "/stages"),
        ({"stages": [{"type": "text_search"}] * 33}, "/stages"),
        ({"signal_weights": 3}, "/signal_weights"),
        ({"embedder": "local"}, "/embedder"),
        ({"timeout_ms": True}, "/timeout_ms"),
    ],
    ids=["list", "stages", "many", "weights", "embedder", "timeout"],
)
def test_a_part_of_another_shape_is_refused(config, pointer):
    assert faults(config)[0][0] == pointer


def test_the_nearest_name_is_offered():
    with pytest.raises(PipelineError, match="did you mean 'text_search'"):
        read_pipeline({"stages": [{"type": "txt_search"}]})


def test_a_stage_cannot_order_more_than_was_found():
    stages = [{"type": "text_search", "top_k": 20}, {"type": "diversify", "top_k": 30}]
    assert faults({"stages": stages}) == [("/stages/1/top_k", "contradictory_top_k")]


def test_a_top_k_that_nobody_wrote_contradicts_nothing():
    stages = [{"type": "text_search", "top_k": 20}, {"type": "diversify"}]
    assert len(read_pipeline({"stages": stages}).stages) == 2


def test_what_several_stages_find_adds_up():
    stages = [
        {"type": "text_search", "top_k": 20},
        {"type": "vector_search", "top_k": 20},
        {"type": "diversify", "top_k": 40},
    ]
    assert len(read_pipeline({"stages": stages}).stages) == 3


def test_nothing_is_ordered_before_it_is_found():
    stages = [{"type": "diversify"}, {"type": "text_search"}]
    assert faults({"stages": stages}) == [("/stages/0", "nothing_found_yet")]


def test_a_rule_may_stand_anywhere():
    stages = [{"type": "pin", "document_ids": ["d1"]}, {"type": "text_search"}]
    assert len(read_pipeline({"stages": stages}).stages) == 2


def test_a_pipeline_may_only_order():
    assert len(read_pipeline({"stages": [{"type": "diversify", "top_k": 500}]}).stages) == 1


@pytest.mark.parametrize("name", sorted(STAGES))
def test_every_kind_of_stage_names_an_unknown_field(name):
    found = faults({"stages": [{"type": name, "no_such_field": 1}]})
    assert ("/stages/0/no_such_field", "unknown_field") in found


def test_other_packages_offer_stages_under_new_names(tmp_path, monkeypatch):
    (tmp_path / "offered_stages.py").write_text(
        "import msgspec\n"
        "from rankloop.retrieval.parts import StageKind\n"
        "class Config(msgspec.Struct, frozen=True):\n"
        "    share: float = 0.5\n"
        "kind = StageKind(Config, lambda config, parts: None)\n"
    )
    info = tmp_path / "offered_stages-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: offered-stages\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[rankloop.stages]\n"
        "shake = offered_stages:kind\n"
        "text_search = offered_stages:kind\n"
        "broken = offered_stages:absent\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    list_stages.cache_clear()
    known = list_stages()
    list_stages.cache_clear()
    assert set(known) - set(STAGES) == {"shake"}
    assert known["text_search"] is STAGES["text_search"]
