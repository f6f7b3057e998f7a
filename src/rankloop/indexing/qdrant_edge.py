"""The embedded index: words by BM25, vectors by HNSW and fields, in one Qdrant shard on disk."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec.structs
import numpy as np
import qdrant_edge as qdrant

from rankloop.errors import InputError
from rankloop.indexing.base import Found
from rankloop.indexing.changes import ChangeLog
from rankloop.indexing.filter_matching import build_matcher
from rankloop.indexing.metadata import (
    IndexMetadata,
    check_embedding,
    read_metadata,
    write_metadata,
)
from rankloop.indexing.qdrant_fields import (
    DENSE,
    JSON,
    MAX_INDEXED_FIELDS,
    NAME,
    TEXT,
    iter_fields,
    to_path,
    to_point_payload,
    to_schema,
)
from rankloop.indexing.qdrant_filters import FilterTranslation, TranslatedFilter
from rankloop.indexing.qdrant_points import (
    copy_point,
    to_document,
    to_found,
    to_ids,
    to_nearest,
    to_point,
    to_row,
    vector_of,
)
from rankloop.indexing.qdrant_shard import (
    ShardOptimizer,
    add_vectors,
    copy_shard,
    create_shard,
    load_shard,
)
from rankloop.indexing.rows import DocumentRows
from rankloop.indexing.vectors import to_unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from rankloop.indexing.base import Document
    from rankloop.indexing.filters import Filter

_PAGE: Final = 2_000
_TIED: Final = 16
_MAX_EXCLUDED: Final = 200
_SHOWN: Final = [NAME, JSON]
_ALL: Final = TranslatedFilter(None, is_exact=True)


@dataclass(frozen=True, slots=True)
class IndexConfig:
    """What an index is opened for."""

    model_id: str | None = None
    """The embedding model whose vectors it holds; None for whatever it was made with."""

    dimension: int | None = None
    """Length of its vectors; None for that of the first that comes."""

    language: str = "english"
    """Whose words are stemmed; used when the index is made."""

    k1: float = 1.2
    """How quickly more of a word counts less; 0 counts it once."""

    b: float = 0.75
    """How much long texts are held back, in [0, 1]."""

    graph_from_kib: int = 10_000
    """Vectors of fewer bytes are looked at one by one; fixed when the index is made."""


class QdrantEdgeIndex:
    """An index in a folder of its own; one process has it open at a time.

    A shard of Qdrant keeps everything; beside it stand the rows and vectors of the documents in a
    form that is quick to read. The graph of vectors is built on a copy, by another process, and
    the copy takes the shard's place.

    Args:
        folder: Where it stands; made if absent.
        config: Its model, its form, how words are weighed.

    Raises:
        ConflictError: It was filled by another model, or with vectors of another length.
        NewerFolderError: A newer version wrote it.

    Example:
        >>> from pathlib import Path
        >>> from rankloop.indexing.base import Document
        >>> index = QdrantEdgeIndex(Path("shop"))
        >>> index.upsert([Document("d1", "red running shoes", None, {"price": 70})])
        >>> index.search_text("shoe", 10).document_ids
        ('d1',)
        >>> index.close()
    """

    def __init__(self, folder: Path, config: IndexConfig | None = None) -> None:
        self._folder = folder
        self._config = config or IndexConfig()
        self._writing = threading.RLock()
        self._optimizing = threading.Lock()
        self._optimizer = ShardOptimizer()
        self._changed: set[int] | None = None
        self._is_open = True
        self.changes = ChangeLog()
        folder.mkdir(parents=True, exist_ok=True)
        found = read_metadata(folder)
        if found is None:
            self._metadata, self._shard = self._create()
        else:
            check_embedding(found, self._config.model_id, self._config.dimension)
            self._metadata = found
            self._shard = load_shard(folder / found.shard)
        self._clear_remains()
        self._fields = set(self._shard.info().payload_schema)
        self._rows = DocumentRows(folder, self._metadata.dimension)
        self._translation = FilterTranslation(self._rows.rows_of)
        if not self._rows.load() or len(self._rows) != self.count():
            self._read_rows()

    @property
    def dimension(self) -> int | None:
        """Length of the vectors; None where there are none yet."""
        return self._metadata.dimension

    @property
    def model_id(self) -> str | None:
        """The embedding model that made the vectors; None where they were sent."""
        return self._metadata.model_id

    def upsert(self, documents: Sequence[Document]) -> None:
        """Add documents, or replace those of the same name; see `DocumentIndex.upsert`."""
        latest = list({document.document_id: document for document in documents}.values())
        if not latest:
            return
        with self._writing:
            vectors = [self._check_vector(document) for document in latest]
            payloads = [to_point_payload(document) for document in latest]
            self._prepare(latest, vectors)
            names = [document.document_id for document in latest]
            rows = self._rows.plan(names)
            points = list(map(to_point, rows, vectors, payloads))
            self._shard.update(qdrant.UpdateOperation.upsert_points(points))
            self._rows.put(rows, names, vectors)
            if self._changed is not None:
                self._changed.update(rows)
            self.changes.note(names)

    def delete(self, document_ids: Sequence[str]) -> int:
        """Remove documents; say how many there were."""
        with self._writing:
            names = list(dict.fromkeys(document_ids))
            rows = self._rows.rows_of(names)
            if rows:
                self._shard.update(qdrant.UpdateOperation.delete_points(to_ids(rows)))
                self._rows.remove(names)
            if self._changed is not None:
                self._changed.update(rows)
            self.changes.note(names)
            return len(rows)

    def count(self, filters: Filter | None = None) -> int:
        """Count documents that satisfy a filter."""
        translated = self._translate(filters)
        if filters is None or translated.is_exact:
            return int(self._shard.count(qdrant.CountRequest(filter=translated.condition)))
        holds = build_matcher(filters)
        pages = self._scroll(translated.condition, _SHOWN)
        rows = (to_row(point) for page in pages for point in page)
        return sum(holds(name, payload) for name, _, payload in rows)

    def search_text(self, text: str, limit: int, filters: Filter | None = None) -> Found:
        """Find documents by words (BM25), best first."""
        scoring = qdrant.Bm25Params(self._config.k1, self._config.b)
        return self._search(qdrant.TextQuery(TEXT, text, scoring), limit, filters)

    def search_vector(
        self, vector: NDArray[np.float32], limit: int, filters: Filter | None = None
    ) -> Found:
        """Find documents by closeness of meaning (cosine), best first."""
        if self.dimension is None:
            raise InputError(
                "the index holds no vectors",
                where="/vector",
                hint="Search by text, give the retriever an embedder, or send vectors.",
            )
        unit = to_unit(vector, self.dimension, "/vector")
        return self._search(to_nearest(unit), limit, filters)

    def payloads(self, document_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the fields of those documents that the index holds."""
        points = self._shard.retrieve(to_ids(self._rows.rows_of(document_ids)), _SHOWN, False)
        rows = map(to_row, points)
        return {name: payload for name, _, payload in rows}

    def vectors(self, document_ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return the unit vectors of those documents that have one."""
        return self._rows.vectors(document_ids)

    def document_ids(self) -> list[str]:
        """Return the names of all documents."""
        return self._rows.document_ids()

    def documents(self, document_ids: Sequence[str]) -> list[Document]:
        """Return those of the named documents that the index holds."""
        return [to_document(point) for point in self._retrieve(self._rows.rows_of(document_ids))]

    def flush(self) -> None:
        """Write everything to the disk."""
        with self._writing:
            self._shard.flush()

    def optimize(self) -> bool:
        """Build the graph of vectors where enough of them are searched one by one."""
        with self._optimizing:
            n_waiting = self._rows.count_vectors() - self._shard.info().indexed_vectors_count
            if n_waiting * (self.dimension or 0) * 4 <= self._config.graph_from_kib * 1_024:
                return False
            number = int(self._metadata.shard.partition("-")[2]) + 1
            target = f"shard-{number}"
            with self._writing:
                self._shard.flush()
                copy_shard(self._folder / self._metadata.shard, self._folder / target)
                self._changed = set()
            try:
                is_done = self._optimizer.run(self._folder / target)
                if is_done:
                    self._take_over(target)
            finally:
                self._changed = None
            return is_done

    def close(self) -> None:
        """Let go of the files; the second call does nothing."""
        self._optimizer.stop()
        with self._optimizing, self._writing:
            if not self._is_open:
                return
            self._is_open = False
            self._shard.flush()
            self._shard.close()
            self._rows.save()

    def _create(self) -> tuple[IndexMetadata, qdrant.EdgeShard]:
        """Make an empty index."""
        metadata = IndexMetadata(
            model_id=self._config.model_id,
            dimension=self._config.dimension,
            language=self._config.language,
            shard="shard-1",
        )
        path = self._folder / metadata.shard
        shutil.rmtree(path, ignore_errors=True)
        shard = create_shard(
            path, metadata.language, metadata.dimension, self._config.graph_from_kib
        )
        shard.flush()
        write_metadata(self._folder, metadata)
        return metadata, shard

    def _clear_remains(self) -> None:
        """Remove the shards that a killed process left half done."""
        for path in self._folder.glob("shard-*"):
            if path.name != self._metadata.shard:
                shutil.rmtree(path, ignore_errors=True)

    def _check_vector(self, document: Document) -> NDArray[np.float32] | None:
        """Return a document's vector at unit length."""
        if document.vector is None:
            return None
        return to_unit(document.vector, self.dimension, "/vector")

    def _prepare(
        self, documents: Sequence[Document], vectors: Sequence[NDArray[np.float32] | None]
    ) -> None:
        """Make room for what is new: a first vector, fields not seen before."""
        lengths = {len(vector) for vector in vectors if vector is not None}
        if len(lengths) > 1:
            raise InputError(f"vectors of lengths {sorted(lengths)} in one index", where="/vector")
        if lengths and self.dimension is None:
            dimension = lengths.pop()
            add_vectors(self._shard, dimension)
            self._metadata = msgspec.structs.replace(self._metadata, dimension=dimension)
            write_metadata(self._folder, self._metadata)
            self._rows.set_dimension(dimension)
        kinds = {field: kind for one in documents for field, kind in iter_fields(one)}
        for field, kind in kinds.items():
            path = to_path(field)
            if path and path not in self._fields and len(self._fields) <= MAX_INDEXED_FIELDS:
                self._shard.update(qdrant.UpdateOperation.create_field_index(path, to_schema(kind)))
                self._fields.add(path)

    def _translate(
        self, filters: Filter | None, max_excluded: int | None = None
    ) -> TranslatedFilter:
        return _ALL if filters is None else self._translation.translate(filters, max_excluded)

    def _search(self, query: Any, limit: int, filters: Filter | None) -> Found:  # noqa: ANN401
        """Ask for candidates until enough of them satisfy the filter, or there are no more."""
        translated = self._translate(filters, _MAX_EXCLUDED)
        most = len(self._rows)
        limit = min(limit, most)
        if limit <= 0:
            return Found((), np.empty(0), ())
        holds = None if filters is None or translated.is_exact else build_matcher(filters)
        size = limit + _TIED if holds is None else 2 * limit + _TIED
        while True:
            request = qdrant.QueryRequest(
                size, query=query, filter=translated.condition, with_payload=_SHOWN
            )
            points = self._shard.query(request)
            found = [to_row(point) for point in points]
            if holds is not None:
                found = [row for row in found if holds(row[0], row[2])]
            if holds is None or len(found) >= limit or len(points) < size:
                return to_found(found, limit)
            size *= 4

    def _retrieve(self, rows: Sequence[int]) -> list[Any]:
        """Return points with everything in them."""
        vectors: list[str] | bool = [DENSE] if self.dimension is not None else False
        return list(self._shard.retrieve(to_ids(rows), True, vectors))

    def _scroll(
        self, condition: qdrant.Filter | None, payload: list[str], vectors: list[str] | None = None
    ) -> Iterator[list[Any]]:
        """Go through all points, a page at a time."""
        offset = None
        while True:
            page, offset = self._shard.scroll(
                qdrant.ScrollRequest(
                    offset, _PAGE, condition, with_payload=payload, with_vector=vectors or False
                )
            )
            yield page
            if offset is None:
                return

    def _read_rows(self) -> None:
        """Read names and vectors off the shard: the process before this one was killed."""
        dense = [DENSE] if self.dimension is not None else None
        self._rows = DocumentRows(self._folder, self._metadata.dimension)
        self._translation = FilterTranslation(self._rows.rows_of)
        for page in self._scroll(None, [NAME], dense):
            self._rows.put(
                [point.id for point in page],
                [point.payload[NAME] for point in page],
                [vector_of(point) for point in page],
            )
        self._rows.free_the_rest()

    def _take_over(self, target: str) -> None:
        """Bring an optimized copy up to date and let it take the shard's place."""
        shard = load_shard(self._folder / target)
        with self._writing:
            changed = sorted(self._changed or ())
            for begin in range(0, len(changed), _PAGE):
                rows = changed[begin : begin + _PAGE]
                points = self._retrieve(rows)
                gone = set(rows) - {point.id for point in points}
                shard.update(qdrant.UpdateOperation.delete_points(to_ids(gone)))
                shard.update(
                    qdrant.UpdateOperation.upsert_points([copy_point(one) for one in points])
                )
            shard.flush()
            before = self._metadata.shard
            self._metadata = msgspec.structs.replace(self._metadata, shard=target)
            write_metadata(self._folder, self._metadata)
            # A search under way holds the shard before; its files go when it lets go of them.
            self._shard = shard
        shutil.rmtree(self._folder / before, ignore_errors=True)
