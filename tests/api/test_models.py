"""Models over HTTP: promoted through the gate, rolled back, refused where they do not fit."""

import numpy as np
import pytest

from rankloop.catalog.models import Decision
from rankloop.errors import UnavailableError
from rankloop.models.folder import MANIFEST_FILE
from rankloop.tables.manifests import Measured
from rankloop.testing.trained import keep_adapter

PRODUCTS = "/v1/retrievers/products"
BY_VECTOR = {"stages": [{"type": "vector_search", "top_k": 10}]}
EAST, NORTH = [1.0, 0.0], [0.0, 1.0]
TURN = np.array([[0.0, -1.0], [1.0, 0.0]], np.float32)
PASSED = Decision("gate", "it is shown to be better", {"low": 0.01})
GAIN = Measured(measure="nDCG@10", part="seen", value=0.6, baseline=0.5, low=0.05, high=0.15, n=90)


@pytest.fixture
def shop(api):
    """Return the application over two documents with vectors that were sent."""
    api.call("PUT", PRODUCTS, BY_VECTOR)
    documents = [
        {"document_id": "east", "text": "east", "vector": EAST},
        {"document_id": "north", "text": "north", "vector": NORTH},
    ]
    assert api.call("POST", f"{PRODUCTS}/documents", documents).status == 202
    api.models = api.engine.models
    return api


def keep(shop, model_id, state="shadow", matrix=TURN, **changes):
    """Put an adapter on record that has come so far."""
    keep_adapter(shop.models, model_id, matrix, **changes)
    if state == "shadow":
        shop.models.catalog.move(model_id, "shadow", PASSED)


def promote(shop, model_id, **body):
    return shop.call("POST", f"/v1/models/{model_id}/promote", body)


def roll_back(shop, model_id, **body):
    return shop.call("POST", f"/v1/models/{model_id}/rollback", body)


def search(shop, vector=EAST):
    answer = shop.call("POST", f"{PRODUCTS}/execute", {"query": "", "vector": vector})
    assert answer.status == 200, answer.body
    return answer.json()


def first(shop):
    return search(shop)["results"][0]["document_id"]


def test_a_promoted_adapter_moves_queries_from_the_next_request_on(shop):
    keep(shop, "a1")
    before = search(shop)
    promoted = promote(shop, "a1").json()
    after = search(shop)

    assert (before["results"][0]["document_id"], before["pipeline"]) == ("east", "products@1")
    assert (promoted["state"], promoted["is_serving"]) == ("promoted", True)
    assert (after["results"][0]["document_id"], after["pipeline"]) == ("north", "products@1+a1")


def test_a_vector_need_not_be_of_unit_length(shop):
    keep(shop, "a1")
    promote(shop, "a1")

    assert search(shop, [250.0, 0.0])["results"][0]["document_id"] == "north"


def test_the_log_names_the_models_that_ranked(shop):
    keep(shop, "a1")
    promote(shop, "a1")
    body = {"query": "", "vector": EAST, "user_id": "ann"}
    shop.call("POST", f"{PRODUCTS}/execute", body)

    searches = shop.get("/v1/users/ann/export").json()["searches"]
    assert [row["pipeline_version"] for row in searches] == ["products@1+a1"]


def test_a_rollback_brings_the_model_before_back(shop):
    keep(shop, "a1")
    keep(shop, "a2", matrix=np.eye(2, dtype=np.float32))
    promote(shop, "a1")
    promote(shop, "a2")
    done = roll_back(shop, "a2", why="it is worse").json()

    assert (done["rolled_back"]["state"], done["serving"]["model_id"]) == ("retired", "a1")
    assert search(shop)["pipeline"] == "products@1+a1"
    assert roll_back(shop, "a1").json()["serving"] is None
    assert (first(shop), search(shop)["pipeline"]) == ("east", "products@1")


@pytest.mark.parametrize("state", ["trained", "rejected"])
def test_what_the_gate_did_not_let_pass_is_promoted_by_force_alone(shop, state):
    keep(shop, "a1", "trained")
    if state == "rejected":
        shop.models.catalog.move("a1", "rejected", Decision("gate", "it is worse"))
    refused = promote(shop, "a1")
    forced = promote(shop, "a1", force=True, why="checked by hand")

    assert (refused.status, refused.json()["code"]) == (409, "conflict")
    assert state in refused.json()["detail"]
    assert forced.json()["state"] == "promoted"
    last = shop.get("/v1/models/a1").json()["history"][-1]
    assert (last["decided_by"], last["why"]) == ("forced", "checked by hand")


def test_force_is_on_record_only_where_it_was_needed(shop):
    keep(shop, "a1")
    promote(shop, "a1", force=True)

    assert shop.get("/v1/models/a1").json()["history"][-1]["decided_by"] == "operator"


def test_what_served_before_may_serve_again(shop):
    keep(shop, "a1")
    promote(shop, "a1")
    roll_back(shop, "a1")

    assert promote(shop, "a1").json()["is_serving"] is True


def test_an_adapter_of_another_length_is_refused_and_both_are_named(shop):
    keep(shop, "a1")
    promote(shop, "a1")
    keep(shop, "wide", matrix=np.eye(3, dtype=np.float32))
    refused = promote(shop, "wide")

    assert (refused.status, refused.json()["code"]) == (409, "conflict")
    assert "vectors of 3" in refused.json()["detail"]
    assert "vectors of 2" in refused.json()["detail"]
    assert (first(shop), shop.get("/v1/models/wide").json()["state"]) == ("north", "shadow")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: (folder / "matrix.npy").write_bytes(b"other"), "matrix.npy was changed"),
        (lambda folder: (folder / "matrix.npy").unlink(), "matrix.npy was changed"),
        (lambda folder: (folder / MANIFEST_FILE).write_text("{"), "cannot be read"),
        (lambda folder: replace(folder, '"format": 1', '"format": 7'), "has form 7"),
        (lambda folder: replace(folder, '"a2"', '"a9"'), "was changed"),
    ],
    ids=["file", "missing-file", "manifest", "newer", "renamed"],
)
def test_a_model_that_is_not_what_was_trained_is_refused(shop, harm, said):
    keep(shop, "a1")
    promote(shop, "a1")
    keep(shop, "a2", matrix=np.eye(2, dtype=np.float32))
    harm(shop.models.folders.path_of("a2"))
    refused = promote(shop, "a2")

    assert (refused.status, refused.json()["code"]) == (409, "conflict")
    assert said in refused.json()["detail"]
    assert (first(shop), search(shop)["pipeline"]) == ("north", "products@1+a1")
    assert shop.get("/v1/models/a2").json()["state"] == "shadow"


def replace(folder, old, new):
    path = folder / MANIFEST_FILE
    path.write_text(path.read_text().replace(old, new))


def test_a_model_whose_folder_is_gone_is_refused(shop):
    keep(shop, "a1")
    shop.models.folders.remove("a1")

    assert promote(shop, "a1").status == 404
    shown = shop.get("/v1/models/a1").json()
    assert (shown["state"], shown["problem"]) == (
        "shadow",
        "the folder of the model 'a1' is not there",
    )


def test_a_model_that_was_changed_while_it_serves_goes_on(shop):
    keep(shop, "a1")
    promote(shop, "a1")
    (shop.models.folders.path_of("a1") / "matrix.npy").write_bytes(b"other")

    assert first(shop) == "north"


def test_a_model_of_a_retriever_that_is_gone_is_refused(shop):
    keep(shop, "a1")
    promote(shop, "a1")
    shop.call("DELETE", PRODUCTS)

    assert shop.get("/v1/models/a1").json()["state"] == "retired"
    refused = promote(shop, "a1")
    assert (refused.status, "products" in refused.json()["detail"]) == (404, True)


def test_a_retriever_made_again_begins_without_models(shop):
    keep(shop, "a1")
    promote(shop, "a1")
    shop.call("DELETE", PRODUCTS)
    shop.call("PUT", PRODUCTS, BY_VECTOR)
    documents = [{"document_id": "east", "text": "east", "vector": EAST}]
    shop.call("POST", f"{PRODUCTS}/documents", documents)

    assert "+" not in search(shop)["pipeline"]


def test_models_are_listed_newest_first_and_narrowed(shop):
    keep(shop, "a1", metrics=[GAIN])
    keep(shop, "a2", "trained")
    keep(shop, "x1", "trained", retriever_id="articles")
    promote(shop, "a1")

    def ids(**query):
        return [one["model_id"] for one in shop.get("/v1/models", **query).json()["results"]]

    assert ids() == ["x1", "a2", "a1"]
    assert ids(retriever_id="products") == ["a2", "a1"]
    assert ids(state="promoted") == ["a1"]
    assert ids(kind="ranker") == []
    shown = shop.get("/v1/models", state="promoted").json()["results"][0]
    assert (shown["is_serving"], shown["metrics"][0]["low"]) == (True, 0.05)


def test_a_model_is_shown_with_its_manifest_and_its_steps(shop):
    keep(shop, "a1", metrics=[GAIN], seeds=[7])
    promote(shop, "a1", why="it is better")
    shown = shop.get("/v1/models/a1").json()

    assert (shown["manifest"]["seeds"], shown["manifest"]["dimension"]) == ([7], 2)
    steps = [
        (one["state_before"], one["state_after"], one["decided_by"]) for one in shown["history"]
    ]
    assert steps == [
        (None, "trained", "training"),
        ("trained", "shadow", "gate"),
        ("shadow", "promoted", "operator"),
    ]
    assert shown["history"][1]["evidence"] == {"low": 0.01}


@pytest.mark.parametrize(
    ("step", "body", "pointer"),
    [
        ("promote", {"force": "yes"}, "/force"),
        ("promote", {"forced": True}, "/forced"),
        ("promote", {"why": ""}, "/why"),
        ("rollback", {"why": 3}, "/why"),
        ("rollback", {"force": True}, "/force"),
        ("rollback", [], ""),
    ],
)
def test_a_wrong_body_is_refused_with_its_place(shop, step, body, pointer):
    keep(shop, "a1")
    refused = shop.call("POST", f"/v1/models/a1/{step}", body)

    assert refused.status == 400
    assert [fault["pointer"] for fault in refused.json()["errors"]] == [pointer]


@pytest.mark.parametrize("query", [{"kind": "scorer"}, {"state": "serving"}, {"retriever": "x"}])
def test_a_wrong_filter_is_refused(shop, query):
    assert shop.get("/v1/models", **query).status == 400


def test_what_does_not_serve_cannot_be_rolled_back(shop):
    keep(shop, "a1")
    refused = roll_back(shop, "a1")

    assert (refused.status, refused.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize("path", ["/v1/models/..%2F..%2Fetc", "/v1/models/nobody"])
def test_an_unknown_model_is_a_404(shop, path):
    assert shop.get(path).status == 404
    assert shop.call("POST", f"{path}/promote", {"force": True}).status == 404


def test_a_promotion_is_refused_while_the_documents_cannot_be_read(shop):
    keep(shop, "a1")
    shop.engine.documents.close()

    assert promote(shop, "a1").status == UnavailableError.status
    assert shop.models.catalog.find("a1").state == "shadow"
