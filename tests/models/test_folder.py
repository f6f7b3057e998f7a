"""Models on disk: whole or absent, and only what was written is read."""

from datetime import UTC, datetime

import pytest

from rankloop.errors import ConflictError, NotFoundError, UnavailableError
from rankloop.models.folder import MANIFEST_FILE, ModelFolders
from rankloop.models.manifest import Manifest


def manifest(model_id="m1", **fields):
    return Manifest(
        model_id=model_id,
        kind="ranker",
        retriever_id="products",
        base="products@1",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        code_version="0.1",
        **fields,
    )


@pytest.fixture
def folders(tmp_path):
    return ModelFolders(tmp_path / "models")


def write(folders, model_id="m1", **fields):
    with folders.writing(model_id) as folder:
        (folder / "weights").mkdir()
        (folder / "weights" / "model.txt").write_text("tree")
        return folders.seal(folder, manifest(model_id, **fields))


def break_off(folders, name, text):
    with folders.writing("m1") as folder:
        (folder / name).write_text(text)
        raise RuntimeError("killed")


def test_what_was_sealed_is_read_back(folders):
    sealed = write(folders)

    assert folders.read("m1") == sealed
    assert list(sealed.files) == ["weights/model.txt"]


def test_a_model_that_was_not_finished_is_not_there(folders):
    with pytest.raises(RuntimeError):
        break_off(folders, "model.txt", "half a tree")

    with pytest.raises(NotFoundError):
        folders.read("m1")


def test_a_model_without_a_manifest_does_not_appear(folders):
    with pytest.raises(ConflictError, match="not sealed"), folders.writing("m1") as folder:
        (folder / "model.txt").write_text("tree")


def test_an_unfinished_model_can_be_written_on(folders):
    with pytest.raises(RuntimeError):
        break_off(folders, "checkpoint", "epoch 1")

    with folders.writing("m1") as folder:
        assert (folder / "checkpoint").read_text() == "epoch 1"
        folders.seal(folder, manifest())

    assert folders.read("m1").model_id == "m1"


def test_a_file_that_was_changed_is_named(folders):
    write(folders)
    (folders.path_of("m1") / "weights" / "model.txt").write_text("another tree")

    with pytest.raises(ConflictError, match=r"weights/model\.txt was changed"):
        folders.read("m1")


def test_a_file_that_is_gone_is_named(folders):
    write(folders)
    (folders.path_of("m1") / "weights" / "model.txt").unlink()

    with pytest.raises(ConflictError, match=r"weights/model\.txt"):
        folders.read("m1")


@pytest.mark.parametrize("text", ["{", "[]", '{"model_id": 3}'])
def test_a_manifest_that_is_none_is_refused(folders, text):
    write(folders)
    (folders.path_of("m1") / MANIFEST_FILE).write_text(text)

    with pytest.raises(ConflictError, match="cannot be read"):
        folders.read("m1")


def test_a_manifest_of_another_model_is_refused(folders):
    write(folders, "m1")
    write(folders, "m2")
    stolen = (folders.path_of("m2") / MANIFEST_FILE).read_bytes()
    (folders.path_of("m1") / MANIFEST_FILE).write_bytes(stolen)

    with pytest.raises(ConflictError):
        folders.read("m1")


def test_a_model_of_a_newer_version_is_refused(folders):
    write(folders, format=99)

    with pytest.raises(ConflictError, match="form 99"):
        folders.read("m1")


def test_a_name_is_written_once(folders):
    write(folders)

    with pytest.raises(ConflictError, match="already"):
        write(folders)


@pytest.mark.parametrize("name", ["m9", "../m1", "."])
def test_what_is_no_model_is_not_found(folders, name):
    write(folders)

    with pytest.raises(NotFoundError):
        folders.read(name)


def test_a_disk_that_takes_no_more_leaves_no_model(folders):
    with pytest.raises(UnavailableError, match="could not be written"), folders.writing("m1"):
        raise OSError(28, "No space left on device")

    with pytest.raises(NotFoundError):
        folders.read("m1")
