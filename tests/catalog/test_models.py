"""Models on record: one serves at a time, every step has its reason, and steps can be undone."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from rankloop.catalog.models import Decision, ModelCatalog
from rankloop.errors import ConflictError, NotFoundError

BETTER = Decision("gate", "better by .02", {"low": 0.01, "high": 0.03})
SLOW = Decision("operator", "too slow")


@pytest.fixture
def catalog(tmp_path):
    moments = iter(range(1, 1_000))
    catalog = ModelCatalog(tmp_path / "catalog.db", lambda: next(moments))
    for name in ("m1", "m2", "m3"):
        catalog.add(name, "ranker", "products")
    yield catalog
    catalog.close()


def states(catalog):
    return {model.model_id: model.state for model in catalog.list()}


def test_a_new_model_serves_nobody(catalog):
    assert states(catalog) == {"m1": "trained", "m2": "trained", "m3": "trained"}
    assert catalog.serving("products", "ranker") is None


def test_a_promoted_model_serves_and_retires_the_one_before(catalog):
    catalog.promote("m1", BETTER)
    catalog.promote("m2", BETTER)

    assert states(catalog) == {"m1": "retired", "m2": "promoted", "m3": "trained"}
    assert catalog.serving("products", "ranker").model_id == "m2"


def test_models_of_another_kind_or_retriever_serve_beside_it(catalog):
    catalog.add("a1", "adapter", "products")
    catalog.add("x1", "ranker", "articles")
    for name in ("m1", "a1", "x1"):
        catalog.promote(name, BETTER)

    assert catalog.serving("products", "ranker").model_id == "m1"
    assert catalog.serving("products", "adapter").model_id == "a1"
    assert catalog.serving("articles", "ranker").model_id == "x1"


def test_rolling_back_brings_the_one_before_back(catalog):
    for name in ("m1", "m2", "m3"):
        catalog.promote(name, BETTER)

    assert catalog.roll_back("m3", SLOW).model_id == "m2"
    assert catalog.serving("products", "ranker").model_id == "m2"


def test_rolling_back_the_first_leaves_none(catalog):
    catalog.promote("m1", BETTER)

    assert catalog.roll_back("m1", SLOW) is None
    assert catalog.serving("products", "ranker") is None


def test_what_was_rolled_back_does_not_come_back_by_another_rollback(catalog):
    for name in ("m1", "m2", "m3"):
        catalog.promote(name, BETTER)
    catalog.roll_back("m3", SLOW)

    assert catalog.roll_back("m2", SLOW).model_id == "m1"
    assert catalog.roll_back("m1", SLOW) is None
    assert states(catalog) == {"m1": "retired", "m2": "retired", "m3": "retired"}


def test_a_model_promoted_again_gives_way_to_the_one_it_took_the_place_of(catalog):
    for name in ("m1", "m2", "m1"):
        catalog.promote(name, BETTER)

    assert catalog.roll_back("m1", SLOW).model_id == "m2"
    assert catalog.roll_back("m2", SLOW).model_id == "m1"
    assert catalog.roll_back("m1", SLOW) is None


def test_a_rollback_says_on_record_what_it_took_back(catalog):
    catalog.promote("m1", BETTER)
    catalog.promote("m2", BETTER)
    catalog.roll_back("m2", SLOW)

    assert catalog.history("m1")[-1].decision.evidence == {"rolled_back": "m2"}
    assert catalog.history("m2")[-1].decision.why == "too slow"


def test_no_model_serves_a_retriever_that_was_removed(catalog):
    catalog.add("x1", "ranker", "articles")
    for name in ("m1", "m2", "x1"):
        catalog.promote(name, BETTER)
    catalog.retire_all("products", "it was removed")

    assert catalog.serving("products", "ranker") is None
    assert catalog.serving("articles", "ranker").model_id == "x1"
    catalog.promote("m3", BETTER)
    assert catalog.roll_back("m3", SLOW) is None


def test_a_mark_is_on_record_and_changes_no_state(catalog):
    catalog.promote("m1", BETTER)
    catalog.mark(["m1"], Decision("erasure", "somebody it learned from was erased"))

    last = catalog.history("m1")[-1]
    assert (last.state_before, last.state_after) == ("promoted", "promoted")
    assert catalog.serving("products", "ranker").model_id == "m1"
    assert catalog.roll_back("m1", SLOW) is None


def test_of_promotions_at_once_one_serves_in_the_end(catalog):
    with ThreadPoolExecutor(3) as workers:
        done = [workers.submit(catalog.promote, name, BETTER) for name in ("m1", "m2", "m3")]
    assert [one.result().state for one in done] == ["promoted"] * 3

    serving = catalog.serving("products", "ranker").model_id
    assert sorted(states(catalog).values()) == ["promoted", "retired", "retired"]
    assert states(catalog)[serving] == "promoted"


def test_what_does_not_serve_cannot_be_rolled_back(catalog):
    with pytest.raises(ConflictError, match="does not serve"):
        catalog.roll_back("m1", SLOW)


def test_promoting_twice_is_promoting_once(catalog):
    catalog.promote("m1", BETTER)
    catalog.promote("m1", BETTER)

    assert [step.state_after for step in catalog.history("m1")] == ["trained", "promoted"]


def test_every_step_is_on_record_with_its_evidence(catalog):
    catalog.move("m1", "shadow", BETTER)
    catalog.promote("m1", BETTER)

    steps = catalog.history("m1")
    assert [(step.state_before, step.state_after) for step in steps] == [
        (None, "trained"),
        ("trained", "shadow"),
        ("shadow", "promoted"),
    ]
    assert steps[-1].decision == BETTER


@pytest.mark.parametrize("state", ["promoted", "retired", "trained"])
def test_serving_changes_by_promotion_alone(catalog, state):
    with pytest.raises(ConflictError):
        catalog.move("m1", state, BETTER)


def test_a_name_is_given_once(catalog):
    with pytest.raises(ConflictError):
        catalog.add("m1", "ranker", "products")


def test_an_unknown_model_is_named(catalog):
    with pytest.raises(NotFoundError, match="'m9'"):
        catalog.promote("m9", BETTER)


def test_what_serves_survives_a_restart(catalog, tmp_path):
    catalog.promote("m2", BETTER)
    again = ModelCatalog(tmp_path / "catalog.db", lambda: 0)

    assert again.serving("products", "ranker").model_id == "m2"
    again.close()
