"""The documents of one retriever, whichever index holds them now: none yet, one, or the next."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from rankloop.errors import ConflictError, UnavailableError
from rankloop.indexing.base import Document, Found
from rankloop.indexing.changes import ChangeLog
from rankloop.indexing.embedder_lazy import LazyEmbedder
from rankloop.indexing.embedders import EmbedderSpec
from rankloop.indexing.qdrant_edge import IndexConfig, QdrantEdgeIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from rankloop.indexing.base import Embedder
    from rankloop.indexing.filters import Filter

RETRIEVER_FILE: Final = "retriever.json"
BATCH: Final = 256
"""Documents that are embedded and stored at a time."""

_NO_EMBEDDER: Final = EmbedderSpec()
_NONE_FOUND: Final = Found((), np.empty(0), ())


class _RetrieverFile(msgspec.Struct, frozen=True):
    """What stands beside the indexes of a retriever."""

    retriever_id: str
    index: str
    embedder: EmbedderSpec


@dataclass(frozen=True, slots=True)
class Held:
    """An index, what fills it with vectors, and where it stands."""

    index: QdrantEdgeIndex
    embedder: Embedder | None
    spec: EmbedderSpec
    name: str


class RetrieverIndex:
    """A `DocumentIndex` that keeps its place while the index behind it is made or replaced.

    Args:
        folder: Where the retriever's indexes stand; made with the first document.
        retriever_id: Whose documents.
        build_embedder: Makes an embedder of its description.
        language: Whose words are stemmed.

    Raises:
        ConflictError: The files beside the index cannot be read.
    """

    def __init__(
        self,
        folder: Path,
        retriever_id: str,
        build_embedder: Callable[[EmbedderSpec | None], Embedder | None],
        language: str = "english",
    ) -> None:
        self._folder = folder
        self._retriever_id = retriever_id
        self._build_embedder = build_embedder
        self._language = language
        self.writing = threading.RLock()
        self.changes = ChangeLog()
        self._held = self._open()
        self._retired: list[Held] = []
        self._changed: set[str] | None = None
        self._is_closing = threading.Event()

    @property
    def spec(self) -> EmbedderSpec | None:
        """The embedder that filled the index; None where there is no index yet."""
        return self._held.spec if self._held else None

    @property
    def embedder(self) -> Embedder | None:
        """What turns queries into vectors that compare with those of the index."""
        return self._held.embedder if self._held else None

    @property
    def dimension(self) -> int | None:
        """Length of the vectors; None where the index holds none."""
        return self._held.index.dimension if self._held else None

    @property
    def model_id(self) -> str | None:
        """The embedding model that made the vectors; None where they were sent."""
        return self._held.index.model_id if self._held else None

    def make(self, spec: EmbedderSpec) -> None:
        """Make the index, where there is none yet.

        Raises:
            SettingsError: The embedder cannot be built.
            UnavailableError: The embedder does not say how long its vectors are.
        """
        with self.writing:
            if self._held is None:
                self._held = self._create(spec, "index-1")
                self._point_at(self._held)

    def upsert(self, documents: Sequence[Document]) -> None:
        """Add documents, or replace those of the same name."""
        with self.writing:
            if self._held is None:
                self.make(_NO_EMBEDDER)
            assert_held(self._held).index.upsert(documents)
            if self._changed is not None:
                self._changed.update(document.document_id for document in documents)
            self.changes.note([document.document_id for document in documents])

    def delete(self, document_ids: Sequence[str]) -> int:
        """Remove documents; say how many there were."""
        with self.writing:
            if self._held is None:
                return 0
            if self._changed is not None:
                self._changed.update(document_ids)
            n_deleted = self._held.index.delete(document_ids)
            self.changes.note(document_ids)
            return n_deleted

    def count(self, filters: Filter | None = None) -> int:
        """Count documents that satisfy a filter."""
        return self._held.index.count(filters) if self._held else 0

    def search_text(self, text: str, limit: int, filters: Filter | None = None) -> Found:
        """Find documents by words (BM25), best first."""
        return self._held.index.search_text(text, limit, filters) if self._held else _NONE_FOUND

    def search_vector(
        self, vector: NDArray[np.float32], limit: int, filters: Filter | None = None
    ) -> Found:
        """Find documents by closeness of meaning (cosine), best first."""
        return self._held.index.search_vector(vector, limit, filters) if self._held else _NONE_FOUND

    def payloads(self, document_ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the fields of those documents that the index holds."""
        return self._held.index.payloads(document_ids) if self._held else {}

    def vectors(self, document_ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return the unit vectors of those documents that have one."""
        return self._held.index.vectors(document_ids) if self._held else {}

    def document_ids(self) -> list[str]:
        """Return the names of all documents."""
        return self._held.index.document_ids() if self._held else []

    def documents(self, document_ids: Sequence[str]) -> list[Document]:
        """Return those of the named documents that the index holds."""
        return self._held.index.documents(document_ids) if self._held else []

    def flush(self) -> None:
        """Write everything to the disk."""
        if self._held:
            self._held.index.flush()

    def optimize(self) -> bool:
        """Build what makes searching fast."""
        return self._held.index.optimize() if self._held else False

    def embed_anew(self, spec: EmbedderSpec) -> None:
        """Fill another index with vectors of another embedder, and let it take the place.

        Searching and writing go on; what is written meanwhile is carried over before the change.
        Documents without a text have no vector afterwards.

        Raises:
            UnavailableError: The embedder does not answer; the index before stays.
        """
        before = self._held
        if before is None:
            return
        after = self._create(spec, f"index-{int(before.name.partition('-')[2]) + 1}")
        try:
            self._carry_over(before, after)
        except BaseException:
            after.index.close()
            shutil.rmtree(self._folder / after.name, ignore_errors=True)
            raise
        finally:
            self._changed = None

    def close(self) -> None:
        """Let go of the files; the second call does nothing."""
        self._is_closing.set()
        with self.writing:
            for held in [*self._retired, *([self._held] if self._held else [])]:
                held.index.close()
            for held in self._retired:
                shutil.rmtree(self._folder / held.name, ignore_errors=True)
            self._retired = []

    def _open(self) -> Held | None:
        """Open the index that counts, and remove what was left half done."""
        path = self._folder / RETRIEVER_FILE
        if not path.exists():
            return None
        try:
            file = msgspec.json.decode(path.read_bytes(), type=_RetrieverFile)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConflictError(
                f"the file {RETRIEVER_FILE} of {self._retriever_id!r} cannot be read",
                where=RETRIEVER_FILE,
            ) from error
        for other in self._folder.glob("index-*"):
            if other.name != file.index:
                shutil.rmtree(other, ignore_errors=True)
        index = QdrantEdgeIndex(self._folder / file.index)
        embedder = None
        if file.embedder.kind != "none":
            embedder = LazyEmbedder(lambda: self._build_embedder(file.embedder), index.model_id)
        return Held(index, embedder, file.embedder, file.index)

    def _create(self, spec: EmbedderSpec, name: str) -> Held:
        """Make an empty index for an embedder."""
        embedder = self._build_embedder(spec)
        config = IndexConfig(
            model_id=embedder.model_id if embedder else None,
            dimension=embedder.dimension if embedder else spec.dimension,
            language=self._language,
        )
        shutil.rmtree(self._folder / name, ignore_errors=True)
        return Held(QdrantEdgeIndex(self._folder / name, config), embedder, spec, name)

    def _point_at(self, held: Held) -> None:
        """Write down, in one step, which index counts."""
        file = _RetrieverFile(self._retriever_id, held.name, held.spec)
        beside = (self._folder / RETRIEVER_FILE).with_suffix(".new")
        beside.write_bytes(msgspec.json.format(msgspec.json.encode(file)))
        beside.replace(self._folder / RETRIEVER_FILE)

    def _carry_over(self, before: Held, after: Held) -> None:
        """Embed every document into another index, then what changed meanwhile, then switch."""
        with self.writing:
            self._changed = set()
            names = before.index.document_ids()
        self._embed_into(before, after, names)
        with self.writing:
            # Twice: once while others may write, and a few at last while they wait.
            changed, self._changed = self._changed, set()
        self._embed_into(before, after, sorted(changed or ()))
        with self.writing:
            self._check_open()
            self._embed_into(before, after, sorted(self._changed or ()))
            after.index.flush()
            self._point_at(after)
            self._held = after
            self.changes.note_all()
            self._retired.append(before)

    def _check_open(self) -> None:
        """Stop where the files are being let go."""
        if self._is_closing.is_set():
            raise UnavailableError("the index was closed before its documents were embedded")

    def _embed_into(self, before: Held, after: Held, names: Sequence[str]) -> None:
        """Copy documents with new vectors; those that are gone are removed."""
        for begin in range(0, len(names), BATCH):
            self._check_open()
            batch = names[begin : begin + BATCH]
            documents = before.index.documents(batch)
            after.index.delete(list({*batch} - {one.document_id for one in documents}))
            bare = [Document(one.document_id, one.text, None, one.payload) for one in documents]
            after.index.upsert(embed(after.embedder, bare))


def embed(embedder: Embedder | None, documents: Iterable[Document]) -> list[Document]:
    """Return documents with a vector for each that has a text and no vector.

    Raises:
        UnavailableError: The embedder does not answer.
    """
    documents = list(documents)
    if embedder is None:
        return documents
    bare = [place for place, one in enumerate(documents) if one.vector is None and one.text]
    vectors = embedder.embed_documents([documents[place].text for place in bare])
    for place, vector in zip(bare, vectors, strict=True):
        one = documents[place]
        documents[place] = Document(one.document_id, one.text, vector, one.payload)
    return documents


def assert_held(held: Held | None) -> Held:
    """Return what is held, which has just been made."""
    if held is None:
        raise UnavailableError("the index is not there")
    return held
