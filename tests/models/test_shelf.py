"""The shelf of models: kept whole, loaded once, left out where they are not what was trained."""

from datetime import UTC, datetime

import numpy as np
import pytest

from rankloop.catalog.models import Decision, ModelCatalog
from rankloop.errors import ConflictError, NotFoundError, UnavailableError
from rankloop.models.adapter import QueryAdapter
from rankloop.models.folder import MANIFEST_FILE, UNFINISHED, ModelFolders
from rankloop.models.manifest import Manifest
from rankloop.models.shelf import ModelShelf

BETTER = Decision("gate", "it is better")


def manifest(model_id="m1", **fields):
    known = {
        "model_id": model_id,
        "kind": "adapter",
        "retriever_id": "products",
        "base": "words-2",
        "dimension": 2,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
        "code_version": "0.1",
    }
    return Manifest(**known | fields)


@pytest.fixture
def shelf(tmp_path):
    catalog = ModelCatalog(tmp_path / "catalog.db", lambda: 0)
    yield ModelShelf(ModelFolders(tmp_path / "models"), catalog)
    catalog.close()


@pytest.fixture
def source(tmp_path):
    """Return a folder with an adapter that turns queries by a quarter."""
    folder = tmp_path / "trained"
    folder.mkdir()
    quarter = np.array([[0.0, -1.0], [1.0, 0.0]], np.float32)
    QueryAdapter("words-2", 2, matrix=quarter).save(folder)
    return folder


def test_a_trained_model_is_kept_and_on_record(shelf, source):
    kept = shelf.keep(manifest(), source)

    assert shelf.folders.read("m1") == kept
    assert (shelf.catalog.find("m1").state, sorted(kept.files)) == (
        "trained",
        ["adapter.json", "matrix.npy"],
    )


def test_keeping_a_model_twice_changes_nothing(shelf, source):
    kept = shelf.keep(manifest(), source)

    assert shelf.keep(manifest(code_version="0.2"), source) == kept
    assert len(shelf.catalog.history("m1")) == 1


def test_a_death_between_folder_and_catalog_is_made_good(shelf, source):
    with shelf.folders.writing("m1") as folder:
        QueryAdapter("words-2", 2, matrix=np.eye(2, dtype=np.float32)).save(folder)
        shelf.folders.seal(folder, manifest())

    shelf.keep(manifest(), source)

    assert shelf.catalog.find("m1").state == "trained"


def test_what_a_death_left_half_written_is_not_part_of_the_next_model(shelf, source):
    half = shelf.folders.path_of(f"m1{UNFINISHED}")
    half.mkdir(parents=True)
    (half / "left-over.npy").write_text("half")

    assert sorted(shelf.keep(manifest(), source).files) == ["adapter.json", "matrix.npy"]


def test_a_model_that_cannot_be_copied_whole_is_not_kept(shelf, source):
    (source / "more.npy").symlink_to("nowhere")

    with pytest.raises(UnavailableError, match="not every file could be copied"):
        shelf.keep(manifest(), source)
    assert shelf.catalog.list() == []
    with pytest.raises(NotFoundError):
        shelf.load("m1")


def test_a_model_is_loaded_once(shelf, source):
    shelf.keep(manifest(), source)

    assert shelf.load("m1") is shelf.load("m1")


def test_nothing_serves_until_something_is_promoted(shelf, source):
    shelf.keep(manifest(), source)
    before = shelf.serving("products")
    shelf.catalog.promote("m1", BETTER)
    after = shelf.serving("products")

    assert (before.adapter, before.model_ids) == (None, ())
    assert (after.model_ids, after.ranker, after.encoder) == (("m1",), None, None)
    assert after.adapter.apply(np.array([[1.0, 0.0]], np.float32)).tolist() == [[0.0, 1.0]]


def test_an_encoder_serves_by_its_folder(shelf, source):
    shelf.keep(manifest(kind="encoder"), source)
    shelf.catalog.promote("m1", BETTER)

    assert shelf.serving("products").encoder == shelf.folders.path_of("m1")


def test_a_model_that_was_changed_is_refused_and_does_not_serve(shelf, source):
    shelf.keep(manifest(), source)
    shelf.catalog.promote("m1", BETTER)
    (shelf.folders.path_of("m1") / "matrix.npy").write_bytes(b"other")

    with pytest.raises(ConflictError, match=r"matrix\.npy was changed"):
        shelf.load("m1")
    assert shelf.serving("products").model_ids == ()
    assert "matrix.npy" in str(shelf.failure("m1"))


def test_a_model_whose_folder_went_does_not_serve(shelf, source):
    shelf.keep(manifest(), source)
    shelf.catalog.promote("m1", BETTER)
    shelf.folders.remove("m1")

    with pytest.raises(NotFoundError):
        shelf.load("m1")
    assert shelf.serving("products").adapter is None
    assert shelf.failure("m1").code == "not_found"


def test_a_model_of_a_newer_form_does_not_serve(shelf, source):
    shelf.keep(manifest(), source)
    shelf.catalog.promote("m1", BETTER)
    path = shelf.folders.path_of("m1") / MANIFEST_FILE
    path.write_text(path.read_text().replace('"format": 1', '"format": 99'))

    assert shelf.serving("products").adapter is None
    assert "form 99" in str(shelf.failure("m1"))


def test_once_it_can_be_loaded_its_failure_is_forgotten(shelf, source):
    shelf.keep(manifest(), source)
    shelf.catalog.promote("m1", BETTER)
    path = shelf.folders.path_of("m1") / "matrix.npy"
    original = path.read_bytes()
    path.write_bytes(b"other")
    shelf.serving("products")
    path.write_bytes(original)

    assert shelf.serving("products").model_ids == ("m1",)
    assert shelf.failure("m1") is None
