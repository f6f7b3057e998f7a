"""The small file beside an index that says what it holds: its model, its dimension, its form."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import msgspec

from rankloop.errors import ConflictError, NewerFolderError

if TYPE_CHECKING:
    from pathlib import Path

FORMAT: Final = 1
"""Version of the files of an index."""

METADATA_FILE: Final = "index.json"


class IndexMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """What an index holds."""

    model_id: str | None
    """The embedding model that made its vectors; None where they were sent, or there are none."""
    dimension: int | None
    """Length of its vectors; None as long as it has none."""
    language: str
    """Whose words are stemmed."""
    shard: str
    """Folder of the shard that counts; any other is left from work that did not end."""
    format: int = FORMAT


def read_metadata(folder: Path) -> IndexMetadata | None:
    """Read the file of an index; None where there is no index yet.

    Raises:
        NewerFolderError: A newer version wrote it.
        ConflictError: The file is not what this program writes.
    """
    path = folder / METADATA_FILE
    if not path.exists():
        return None
    try:
        metadata = msgspec.json.decode(path.read_bytes(), type=IndexMetadata)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConflictError(
            f"the file {METADATA_FILE} of the index {folder.name} cannot be read",
            where=METADATA_FILE,
            hint="Remove the folder of the index and send its documents again.",
        ) from error
    if metadata.format > FORMAT:
        raise NewerFolderError(
            f"the index {folder.name} has format {metadata.format}, this program knows {FORMAT}"
        )
    return metadata


def write_metadata(folder: Path, metadata: IndexMetadata) -> None:
    """Write the file of an index, in one step that is done or not, and on the disk."""
    path = folder / METADATA_FILE
    beside = path.with_suffix(".new")
    with beside.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(metadata)))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    _sync_folder(folder)


def check_embedding(metadata: IndexMetadata, model_id: str | None, dimension: int | None) -> None:
    """Refuse to open an index with another model, or another length of vectors, than filled it.

    Args:
        metadata: What the index holds.
        model_id: The model that is asked for; None asks for none in particular.
        dimension: The length that is asked for; None asks for none in particular.

    Raises:
        ConflictError: They differ; both are named.
    """
    if model_id is not None and metadata.model_id != model_id:
        raise ConflictError(
            f"the index was filled by {_name(metadata.model_id)}, not by {model_id!r}",
            where="embedder.model",
            hint="Go back to that model, or let the documents be embedded anew.",
        )
    if dimension is not None and metadata.dimension not in (None, dimension):
        raise ConflictError(
            f"the index holds vectors of length {metadata.dimension}, not {dimension}",
            where="embedder.dimension",
            hint="Go back to that length, or let the documents be embedded anew.",
        )


def _name(model_id: str | None) -> str:
    return "no model" if model_id is None else repr(model_id)


def _sync_folder(folder: Path) -> None:
    """Make the renaming of a file durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
