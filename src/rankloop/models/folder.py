"""A model on disk: written whole or not at all, and read only if it is what was written."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from rankloop.errors import ConflictError, NotFoundError, UnavailableError
from rankloop.models.manifest import FORMAT, Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MANIFEST_FILE: Final = "manifest.json"
UNFINISHED: Final = ".unfinished"
"""Ending of a folder that is being written."""

_BLOCK_BYTES: Final = 1 << 20


class ModelFolders:
    """The folders of models, one each, under one roof.

    Args:
        path: Where they stand; made when the first one is written.

    Example:
        >>> import pathlib, tempfile
        >>> from datetime import UTC, datetime
        >>> folders = ModelFolders(pathlib.Path(tempfile.mkdtemp()) / "models")
        >>> manifest = Manifest(
        ...     model_id="m1",
        ...     kind="ranker",
        ...     retriever_id="products",
        ...     base="products@1",
        ...     created_at=datetime(2026, 1, 1, tzinfo=UTC),
        ...     code_version="0.1",
        ... )
        >>> with folders.writing("m1") as folder:
        ...     _ = (folder / "model.txt").write_text("tree")
        ...     _ = folders.seal(folder, manifest)
        >>> folders.read("m1").files["model.txt"][:8]
        'dc9c5edb'
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def writing(self, model_id: str) -> Iterator[Path]:
        """Give a folder to write a model into; it appears under its name once it was sealed.

        Raises:
            ConflictError: There is a model of this name.
            UnavailableError: The disk is full, or does not take it for another reason.
        """
        final = self._path / model_id
        if final.exists():
            raise ConflictError(f"there is a model {model_id!r} already", where="/model_id")
        unfinished = self._path / f"{model_id}{UNFINISHED}"
        try:
            unfinished.mkdir(parents=True, exist_ok=True)
            yield unfinished
            if not (unfinished / MANIFEST_FILE).exists():
                raise ConflictError(f"the model {model_id!r} was not sealed", where="/model_id")
            _flush(unfinished)
            unfinished.rename(final)
        except OSError as error:
            # Copying many files fails with a list of reasons instead of one.
            reason = error.strerror or "not every file could be copied"
            raise UnavailableError(
                f"the model {model_id!r} could not be written: {reason}",
                where=str(final),
                hint="What serves today goes on serving. Make room, then train again.",
            ) from error

    def seal(self, folder: Path, manifest: Manifest) -> Manifest:
        """Write the manifest into a folder, with the checksums of everything else in it."""
        files = {
            path.relative_to(folder).as_posix(): _digest(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != MANIFEST_FILE
        }
        sealed = msgspec.structs.replace(manifest, files=files)
        text = msgspec.json.format(msgspec.json.encode(sealed), indent=2)
        (folder / MANIFEST_FILE).write_bytes(text + b"\n")
        return sealed

    def path_of(self, model_id: str) -> Path:
        """Return where a model stands."""
        return self._path / model_id

    def describe(self, model_id: str) -> Manifest:
        """Read a model's manifest, whatever became of its files.

        Raises:
            NotFoundError: There is no such model.
            ConflictError: The manifest cannot be read, or a newer version wrote it.
        """
        folder = self._path / model_id
        if model_id != folder.name or not (folder / MANIFEST_FILE).is_file():
            raise NotFoundError(
                f"the folder of the model {model_id!r} is not there", where="/model_id"
            )
        return _decode(folder)

    def read(self, model_id: str) -> Manifest:
        """Read a model's manifest, and hold its files against it.

        Raises:
            NotFoundError: There is no such model.
            ConflictError: A file is not what was written, or a newer version wrote the model.
        """
        folder = self._path / model_id
        manifest = self.describe(model_id)
        changed = [
            name
            for name, digest in manifest.files.items()
            if not (folder / name).is_file() or _digest(folder / name) != digest
        ]
        if changed or manifest.model_id != model_id:
            what = changed[0] if changed else MANIFEST_FILE
            raise ConflictError(
                f"the model {model_id!r} is not what was trained: {what} was changed",
                where=str(folder / what),
                hint="Train it again, or bring its folder back from a copy.",
            )
        return manifest

    def sweep(self) -> None:
        """Remove what a death left half written; to be called while nobody writes."""
        for unfinished in self._path.glob(f"*{UNFINISHED}"):
            shutil.rmtree(unfinished, ignore_errors=True)

    def remove(self, model_id: str) -> None:
        """Remove a model's files; nothing where it has none."""
        shutil.rmtree(self._path / model_id, ignore_errors=True)


def _decode(folder: Path) -> Manifest:
    """Read a manifest, whoever wrote it."""
    try:
        text = (folder / MANIFEST_FILE).read_bytes()
        version = msgspec.json.decode(text, type=_Form).format
        if version > FORMAT:
            raise ConflictError(
                f"the model {folder.name!r} has form {version}, this version knows {FORMAT}",
                where=str(folder / MANIFEST_FILE),
                hint="Open it with the version that trained it, or a newer one.",
            )
        return msgspec.json.decode(text, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConflictError(
            f"the manifest of the model {folder.name!r} cannot be read",
            where=str(folder / MANIFEST_FILE),
            hint="Train it again, or bring its folder back from a copy.",
        ) from error


class _Form(msgspec.Struct):
    format: int = FORMAT


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _flush(folder: Path) -> None:
    """Make the files of a folder survive a power cut."""
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
