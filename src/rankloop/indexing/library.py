"""The indexes of all retrievers: opened when first asked for, a verdict for each item written."""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rankloop.errors import (
    ConflictError,
    InputError,
    RankloopError,
    SettingsError,
    UnavailableError,
)
from rankloop.events.refusals import RefusedError
from rankloop.events.verdicts import Rejection
from rankloop.indexing.embedder_openai import OpenAIEmbedder
from rankloop.indexing.embedders import EmbedderSpec, build_embedder, find_model
from rankloop.indexing.embedding_cache import EmbeddingCache
from rankloop.indexing.retriever_index import BATCH, RetrieverIndex, embed
from rankloop.indexing.uploads import SentDocument, UploadVerdict, read_document, read_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rankloop.indexing.base import Document, Embedder
    from rankloop.indexing.embedder_openai import EndpointConfig
    from rankloop.indexing.uploads import Item

EMBEDDINGS_FILE: Final = "embeddings.db"
"""Vectors that training had made, beside the folders of the indexes, none of which has a dot."""

_N_UPLOADS: Final = 2
_PLAIN: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

log = logging.getLogger(__name__)


def to_folder_name(retriever_id: str) -> str:
    """Name the folder of a retriever: itself where every file system takes that, else a hash.

    Example:
        >>> to_folder_name("products"), to_folder_name("../x"), to_folder_name("Products")
        ('products', '~c388c52125c33bd4', '~32dd9b52f1f21e70')
    """
    if _PLAIN.fullmatch(retriever_id):
        return retriever_id
    return "~" + hashlib.blake2b(retriever_id.encode(), digest_size=8).hexdigest()


class Library:
    """Every retriever's documents.

    Args:
        folder: Where the indexes stand, a folder each; made with the first document.
        embedder_spec: Says which embedder a retriever asks for; None asks for none.
        endpoints: Embedding endpoints that the settings know, by name.
        language: Whose words are stemmed in indexes made from now on.
    """

    def __init__(
        self,
        folder: Path,
        embedder_spec: Callable[[str], EmbedderSpec | None],
        endpoints: Mapping[str, EndpointConfig] | None = None,
        language: str = "english",
    ) -> None:
        self._folder = folder
        self._embedder_spec = embedder_spec
        self._endpoints = endpoints or {}
        self._language = language
        self._opening = threading.Lock()
        self._indexes: dict[str, RetrieverIndex] = {}
        self._embedders: dict[EmbedderSpec, Embedder | None] = {}
        self._busy: set[str] = set()
        self._failures: dict[str, RankloopError] = {}
        self._workers = ThreadPoolExecutor(1, thread_name_prefix="rankloop-indexing")
        self._uploads = ThreadPoolExecutor(_N_UPLOADS, thread_name_prefix="rankloop-upload")
        self._is_open = True
        self.embeddings = EmbeddingCache(folder / EMBEDDINGS_FILE)

    def open(self, retriever_id: str) -> RetrieverIndex:
        """Return a retriever's documents; the same object every time.

        It has no documents, and no files, until some are written. Its `embedder` makes the vectors
        that compare with those it holds, while other documents are embedded anew too.
        """
        with self._opening:
            if not self._is_open:
                raise UnavailableError("the indexes are closed")
            found = self._indexes.get(retriever_id)
            if found is None:
                found = self._indexes[retriever_id] = RetrieverIndex(
                    self._folder / to_folder_name(retriever_id),
                    retriever_id,
                    self._build_embedder,
                    self._language,
                )
            return found

    def holds(self, retriever_id: str) -> bool:
        """Say whether a retriever has an index; asking opens nothing."""
        index = self._indexes.get(retriever_id)
        if index is not None:
            return index.spec is not None
        return (self._folder / to_folder_name(retriever_id)).is_dir()

    def texts(self, retriever_id: str, document_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the texts of those documents that a retriever holds."""
        documents = self.open(retriever_id).documents(document_ids)
        return {one.document_id: one.text for one in documents}

    def upsert(self, retriever_id: str, items: Sequence[Item]) -> UploadVerdict:
        """Take an upload of documents.

        Each item is judged by itself. Texts are embedded in batches; once the embedder does not
        answer, the items that need it are rejected and the others taken. What is accepted is on the
        disk when this returns.

        Args:
            retriever_id: Whose documents.
            items: The JSON of each.

        Raises:
            SettingsError: The embedder cannot be built.
            UnavailableError: The embedder of a new index does not answer at all.
        """
        names = read_names(items)
        index = self.open(retriever_id)
        rejected: list[Rejection] = []
        with index.writing:
            self._make(retriever_id, index)
            upload = _Upload(index)
            for begin in range(0, len(names.rest), BATCH):
                rejected += upload.take(items, names.rest[begin : begin + BATCH])
            index.flush()
        self.refresh(retriever_id)
        n_accepted = len(names.rest) - len(rejected)
        return UploadVerdict(n_accepted, len(names.duplicates), rejected, names.duplicates)

    def start_upsert(self, retriever_id: str, items: Sequence[Item]) -> Future[UploadVerdict]:
        """Take an upload in a thread of its own kind: a model may have to read all its texts.

        Raises:
            UnavailableError: The indexes are closed.
        """
        with self._opening:
            if not self._is_open:
                raise UnavailableError("the indexes are closed")
            return self._uploads.submit(self.upsert, retriever_id, items)

    def delete(self, retriever_id: str, document_ids: Sequence[str]) -> int:
        """Remove documents, for good; say how many there were."""
        index = self.open(retriever_id)
        n_deleted = index.delete(document_ids)
        if n_deleted:
            index.flush()
        return n_deleted

    def drop(self, retriever_id: str) -> None:
        """Remove all documents of a retriever and their index."""
        index = self.open(retriever_id)
        with self._opening:
            self._indexes.pop(retriever_id, None)
            index.close()
            shutil.rmtree(self._folder / to_folder_name(retriever_id), ignore_errors=True)

    def refresh(self, retriever_id: str) -> None:
        """Do in the background what an index needs: another embedder's vectors, a faster form.

        To be called when the configuration of a retriever changed.
        """
        with self._opening:
            if retriever_id in self._busy or not self._is_open:
                return
            self._busy.add(retriever_id)
            self._workers.submit(self._tend, retriever_id)

    def check_embedder(self, spec: EmbedderSpec) -> Embedder | None:
        """Build an embedder ahead of its use; it is kept for when it is asked for.

        Raises:
            SettingsError: It cannot be built.
        """
        return self._build_embedder(spec)

    def find_embedder(self, retriever_id: str, model: str) -> Embedder:
        """Return what makes vectors of a model.

        Args:
            retriever_id: Whose index is looked at first: it may be filled by that model.
            model: Its name, or its folder.

        Raises:
            SettingsError: Neither the index nor the settings know it.
        """
        index = self.open(retriever_id)
        names = {index.model_id, index.spec.model if index.spec else None}
        if index.spec is not None and index.spec.kind != "none" and model in names:
            spec = index.spec
        elif Path(model).is_dir():
            spec = EmbedderSpec("local", model)
        else:
            spec = find_model(model, self._endpoints)
        embedder = self._build_embedder(spec)
        if embedder is None:
            raise SettingsError(f"nothing makes vectors of {model!r}", where="/base_model")
        return embedder

    def copy_anew(
        self,
        retriever_id: str,
        spec: EmbedderSpec,
        folder: Path,
        tick: Callable[[float], None] = lambda _share: None,
    ) -> RetrieverIndex:
        """Copy a retriever's documents into an index of its own, embedded by another embedder.

        Nothing is ranked with it unless it is handed to a pipeline; close it in the end.

        Args:
            retriever_id: Whose documents.
            spec: What embeds them.
            folder: Where the copy goes; what is there is removed.
            tick: Told which share is done, in [0, 1].

        Raises:
            SettingsError: The embedder cannot be built.
            UnavailableError: It does not answer, or the disk is full.
        """
        shutil.rmtree(folder, ignore_errors=True)
        source = self.open(retriever_id)
        copy = RetrieverIndex(folder, retriever_id, self._build_embedder, self._language)
        copy.make(spec)
        names = sorted(source.document_ids())
        for begin in range(0, len(names), BATCH):
            tick(begin / len(names))
            bare = [
                replace(one, vector=None) for one in source.documents(names[begin : begin + BATCH])
            ]
            copy.upsert(embed(copy.embedder, bare))
        return copy

    def catch_up(self, retriever_id: str) -> None:
        """Embed documents anew in the background, where another embedder is asked for by now."""
        index = self.open(retriever_id)
        wanted = self._embedder_spec(retriever_id) or EmbedderSpec()
        if index.spec is not None and index.spec != wanted:
            self.refresh(retriever_id)

    def is_busy(self, retriever_id: str) -> bool:
        """Say whether an index is being tended in the background."""
        return retriever_id in self._busy

    def failure(self, retriever_id: str) -> RankloopError | None:
        """Return why tending an index failed the last time; None where it did not."""
        return self._failures.get(retriever_id)

    def close(self) -> None:
        """Let go of all files; the second call does nothing."""
        with self._opening:
            self._is_open = False
            indexes, self._indexes = list(self._indexes.values()), {}
        for index in indexes:
            index.close()
        self._uploads.shutdown(wait=True, cancel_futures=True)
        self._workers.shutdown(wait=True, cancel_futures=True)
        for embedder in self._embedders.values():
            if isinstance(embedder, OpenAIEmbedder):
                embedder.close()

    def _make(self, retriever_id: str, index: RetrieverIndex) -> None:
        """Make the index of a retriever where it has none yet."""
        if index.spec is None:
            index.make(self._embedder_spec(retriever_id) or EmbedderSpec())

    def _tend(self, retriever_id: str) -> None:
        """Bring an index up to date with what its retriever asks for."""
        try:
            index = self.open(retriever_id)
            wanted = self._embedder_spec(retriever_id) or EmbedderSpec()
            if index.spec is not None and self._is_stale(index, wanted):
                index.embed_anew(wanted)
            index.optimize()
            self._failures.pop(retriever_id, None)
        except RankloopError as error:
            self._failures[retriever_id] = error
            log.warning("index_not_tended code=%s", error.code)
        except Exception:
            log.exception("index_not_tended")
        finally:
            self._busy.discard(retriever_id)

    def _is_stale(self, index: RetrieverIndex, wanted: EmbedderSpec) -> bool:
        """Say whether an index was filled by something else than is asked for now."""
        if index.spec != wanted:
            return True
        embedder = self._build_embedder(wanted)
        return embedder is not None and embedder.model_id != index.model_id

    def _build_embedder(self, spec: EmbedderSpec | None) -> Embedder | None:
        """Build an embedder, once for all retrievers that ask for the same."""
        wanted = spec or EmbedderSpec()
        if wanted not in self._embedders:
            self._embedders[wanted] = build_embedder(wanted, self._endpoints)
        return self._embedders[wanted]


class _Upload:
    """One upload under way."""

    def __init__(self, index: RetrieverIndex) -> None:
        self._index = index
        self._refusal: RankloopError | None = None

    def take(self, items: Sequence[Item], places: Sequence[int]) -> list[Rejection]:
        """Take a batch and return why some of it was not taken, in order."""
        sent: list[SentDocument] = []
        rejected: list[Rejection] = []
        dimension = self._index.dimension
        for place in places:
            try:
                document = read_document(items[place], dimension)
                if document.vector is not None:
                    dimension = len(document.vector)
                sent.append(SentDocument(place, document))
            except RefusedError as refused:
                rejected.append(Rejection(place, refused.code, refused.pointer, refused.detail))
        rejected += self._store(sent)
        return sorted(rejected, key=lambda one: one.index)

    def _store(self, sent: list[SentDocument]) -> list[Rejection]:
        """Embed and store documents; without an embedder that answers, those that need none."""
        if self._refusal is None:
            try:
                documents = embed(self._index.embedder, [one.document for one in sent])
                return self._write([*zip([one.index for one in sent], documents, strict=True)])
            except (UnavailableError, ConflictError) as error:
                self._refusal = error
        able = [one for one in sent if one.document.vector is not None or not one.document.text]
        rejected = [
            Rejection(one.index, f"embedder_{self._refusal.code}", "", str(self._refusal))
            for one in sent
            if one not in able
        ]
        return rejected + self._write([(one.index, one.document) for one in able])

    def _write(self, rows: list[tuple[int, Document]]) -> list[Rejection]:
        """Write documents together; one by one where that is refused, to name the one."""
        try:
            self._index.upsert([document for _, document in rows])
        except InputError as error:
            if len(rows) == 1:
                return [Rejection(rows[0][0], error.code, error.where, str(error))]
            return [refused for row in rows for refused in self._write([row])]
        return []
