"""Features are worked out by hand, and unknown where a fact is missing."""

import numpy as np
import pytest

from rankloop.errors import ConflictError
from rankloop.models.evidence import Evidence
from rankloop.models.feature_facts import MAX_WORDS, QueryFacts, read_document, to_words
from rankloop.models.feature_learning import learn_features
from rankloop.models.feature_spec import FEATURES_FILE, CategoryField, FeatureSpec
from rankloop.models.features import compute_features

SPEC = FeatureSpec(
    texts=("color", "tags"),
    numbers=("price",),
    categories=(CategoryField("brand", ("acme", "bolt")),),
    prior_looks=10.0,
)
KETTLE = read_document(
    SPEC,
    "Blue kettle, blue lid",
    {"color": "dark blue", "tags": ["kitchen", "tea"], "price": 20, "brand": "bolt"},
    np.array([1.0, 0.0], np.float32),
)
UNKNOWN = read_document(SPEC, "", {})


def compute(text, documents, scores=(2.0, 1.0), vector=None, evidence=None):
    vector = None if vector is None else np.array(vector, np.float32)
    found = compute_features(
        SPEC, QueryFacts.of(text, vector), documents, np.array(scores, float), evidence
    )
    return [dict(zip(SPEC.names, row, strict=True)) for row in found.tolist()]


def test_words_of_the_query_are_found_in_text_and_fields():
    first, _ = compute("blue kettle tea", [KETTLE, UNKNOWN])
    assert first["query_words"] == 3
    assert first["words_found"] == pytest.approx(2 / 3)
    assert first["found.color"] == pytest.approx(1 / 3)
    assert first["match.color"] == 0.5
    assert first["found.tags"] == pytest.approx(1 / 3)
    assert first["match.tags"] == 0.5


def test_a_field_that_the_query_says_whole_matches_fully():
    first, _ = compute("Dark-Blue kettle", [KETTLE, UNKNOWN])
    assert first["match.color"] == 1.0


def test_scores_are_compared_with_the_best_of_the_list():
    first, second = compute("tea", [KETTLE, UNKNOWN], (4.0, 1.0))
    assert (first["score"], first["score_gap"], first["score_ratio"]) == (4.0, 0.0, 1.0)
    assert (second["score"], second["score_gap"], second["score_ratio"]) == (1.0, 3.0, 0.25)


def test_scores_below_zero_have_no_ratio():
    first, _ = compute("tea", [KETTLE, UNKNOWN], (-1.0, -2.0))
    assert np.isnan(first["score_ratio"])
    assert first["score_gap"] == 0.0


def test_numbers_and_codes_come_from_the_payload():
    first, second = compute("tea", [KETTLE, UNKNOWN])
    assert (first["number.price"], first["category.brand"]) == (20.0, 1.0)
    assert np.isnan([second["number.price"], second["category.brand"]]).all()


def test_the_cosine_is_of_unit_vectors_and_unknown_without_one():
    first, second = compute("tea", [KETTLE, UNKNOWN], vector=(3.0, 4.0))
    assert first["cosine"] == pytest.approx(0.6)
    assert np.isnan(second["cosine"])
    assert np.isnan(compute("tea", [KETTLE, UNKNOWN], vector=(1, 0, 0))[0]["cosine"])


def test_rates_are_drawn_towards_the_document_and_the_mean():
    evidence = Evidence(
        document_clicks=np.array([8.0, 0.0]),
        document_looks=np.array([10.0, 0.0]),
        pair_clicks=np.array([1.0, 0.0]),
        pair_looks=np.array([2.0, 0.0]),
        mean_rate=0.2,
    )
    first, second = compute("tea", [KETTLE, UNKNOWN], evidence=evidence)
    assert first["document_rate"] == pytest.approx((8 + 10 * 0.2) / 20)
    assert first["pair_rate"] == pytest.approx((1 + 10 * 0.5) / 12)
    assert first["pair_looks"] == pytest.approx(np.log(3))
    assert np.isnan([second["document_rate"], second["pair_rate"]]).all()
    assert (second["document_looks"], second["pair_looks"]) == (0.0, 0.0)


def test_without_a_history_all_of_it_is_unknown():
    first, _ = compute("tea", [KETTLE, UNKNOWN])
    assert np.isnan([first[name] for name in ("document_rate", "document_looks")]).all()


def test_what_nobody_knows_is_unknown_but_its_score():
    _, second = compute("tea", [KETTLE, UNKNOWN])
    known = {name for name, value in second.items() if not np.isnan(value)}
    assert known == {"score", "score_gap", "score_ratio", "query_words"}


def test_a_query_of_no_words_finds_none():
    first, _ = compute("", [KETTLE, UNKNOWN])
    assert first["query_words"] == 0
    assert np.isnan(first["words_found"])
    assert first["match.color"] == 0.0


def test_no_candidates_have_no_features():
    assert compute_features(SPEC, QueryFacts.of("x"), [], np.empty(0)).shape == (0, len(SPEC.names))


def test_a_candidate_alone_has_the_features_it_has_beside_others():
    together = compute("blue tea", [KETTLE, UNKNOWN])[0]
    assert compute("blue tea", [KETTLE], (2.0,))[0] == pytest.approx(together, nan_ok=True)


def test_a_text_longer_than_can_be_kept_is_cut():
    assert to_words(" ".join(f"w{n}" for n in range(2 * MAX_WORDS))).size == MAX_WORDS


@pytest.mark.parametrize("price", [float("inf"), 10**400, "20", None, [20]], ids="ihsna")
def test_a_number_that_no_feature_can_hold_is_unknown(price):
    assert np.isnan(read_document(SPEC, "", {"price": price}).values[0])


def test_the_fields_of_documents_say_what_they_are():
    shop = [
        {
            "color": "blue" if n % 2 else "red",
            "name": f"kettle {n}",
            "story": "very long " * 30,
            "price": n,
            "new": n % 2 == 0,
            "rare": "x",
            "mixed": n if n % 2 else "a",
        }
        for n in range(10)
    ]
    for one in shop[1:]:
        del one["rare"]
    spec = learn_features([*shop, *[{} for _ in range(30)]])
    assert spec.texts == ("color", "name")
    assert spec.numbers == ("new", "price")
    assert [one.field for one in spec.categories] == ["color"]
    assert learn_features([*shop[::-1], *[{} for _ in range(30)]]) == spec


def test_a_specification_survives_its_folder(tmp_path):
    SPEC.save(tmp_path)
    assert FeatureSpec.load(tmp_path) == SPEC
    assert [SPEC.names[column] for column in SPEC.categorical] == ["category.brand"]


@pytest.mark.parametrize(
    "text",
    [b"{", b"[]", b'{"form": 2}', b'{"history_days": 0}', b"\xff", None],
    ids=["broken", "list", "newer", "range", "bytes", "absent"],
)
def test_a_specification_that_cannot_be_read_is_refused(tmp_path, text):
    if text is not None:
        (tmp_path / FEATURES_FILE).write_bytes(text)
    with pytest.raises(ConflictError):
        FeatureSpec.load(tmp_path)
