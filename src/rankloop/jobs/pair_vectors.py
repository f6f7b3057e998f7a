"""From pairs to vectors: documents' out of the index where it has them, others' out of the cache.

Nothing is embedded before it is known that there is enough to learn from: an endpoint costs money.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.errors import ConflictError, NotEnoughDataError
from rankloop.events.queries import normalize_query
from rankloop.indexing.embedder_openai import OpenAIEmbedder
from rankloop.training.adapter_examples import AdapterExamples
from rankloop.training.adapters import check_enough

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from rankloop.indexing.embedding_cache import Side
    from rankloop.indexing.library import Library
    from rankloop.tables.training_pairs import TrainingPair

MAX_DOCUMENTS: Final = 20_000
"""Most documents that queries are held to; those of the pairs come first."""

_LOOKED_UP_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class PairVectors:
    """Pairs as vectors.

    Attributes:
        examples: What an adapter learns from.
        queries: `[n_queries]` texts of its queries.
        base_model: What made the vectors.
        n_dropped: Pairs whose positive has neither a text nor a vector.
        n_from_index: Documents whose vector the index had.
    """

    examples: AdapterExamples
    queries: list[str]
    base_model: str
    n_dropped: int
    n_from_index: int


class VectorReader:
    """Reads the vectors of pairs of one retriever.

    Args:
        library: The documents, and what embeds.
        retriever_id: Whose.
        base_model: The model whose vectors are wanted; what fills the index when left out.

    Raises:
        SettingsError: Nothing is known that makes vectors of the model.
        NotEnoughDataError: No model is named, and none fills the index.
    """

    def __init__(self, library: Library, retriever_id: str, base_model: str | None) -> None:
        self._library = library
        self._index = library.open(retriever_id)
        model = base_model or self._index.model_id
        if model is None:
            raise NotEnoughDataError(
                f"no embedding model fills the index of {retriever_id!r}",
                where="/base_model",
                hint="Name the model whose queries should move, or give the retriever an embedder.",
            )
        self._embedder = library.find_embedder(retriever_id, model)
        self._retriever_id = retriever_id

    def read(
        self, pairs: Sequence[TrainingPair], report: Callable[[float, str], None]
    ) -> PairVectors:
        """Read the vectors of pairs.

        Args:
            pairs: What was clicked, and what was passed over.
            report: Told how far this is.

        Raises:
            NotEnoughDataError: Too few queries have a positive that is known.
            ConflictError: The index holds vectors of another model, or of another length.
            UnavailableError: What embeds does not answer; what it made is kept.
        """
        table = _Table(pairs)
        held = self._look_up(table.names)
        texts = self._find_texts(table, held)
        table.drop_unknown({*held, *texts})
        check_enough(len(table.asked))
        others = self._draw_others(table.names, held)
        report(0.0, "embed documents")
        made = self._embed("document", texts, lambda share: report(0.8 * share, "embed documents"))
        documents = {**held, **made, **others}
        report(0.8, "embed queries")
        queries = self._embed(
            "query", table.asked, lambda share: report(0.8 + 0.2 * share, "embed queries")
        )
        return PairVectors(
            table.to_examples(queries, documents),
            list(table.asked.values()),
            self._embedder.model_id,
            table.n_dropped,
            len(held) + len(others),
        )

    def _look_up(self, names: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        """Return the vectors that the index has, after making sure that they compare."""
        if self._index.dimension is None:
            return {}
        filled_by = self._index.model_id
        ours, theirs = self._embedder.dimension, self._index.dimension
        if filled_by not in (None, self._embedder.model_id) or ours != theirs:
            raise ConflictError(
                f"{self._embedder.model_id!r} makes vectors of {ours} numbers, the index of "
                f"{self._retriever_id!r} holds {theirs} numbers of {filled_by or 'vectors sent'!r}",
                where="/base_model",
                hint="Name the model that fills the index, or give the retriever an embedder of "
                "this one; its documents are then embedded anew.",
            )
        found: dict[str, NDArray[np.float32]] = {}
        for part in _cut(list(names)):
            found.update(self._index.vectors(part))
        return found

    def _find_texts(self, table: _Table, held: dict[str, NDArray[np.float32]]) -> dict[str, str]:
        """Return a text for each document without a vector, as far as one is known."""
        texts = {name: text for name, text in table.texts.items() if name not in held}
        bare = [name for name in table.names if name not in held and name not in texts]
        for part in _cut(bare):
            found = self._index.documents(part)
            texts.update({one.document_id: one.text for one in found if one.text})
        return texts

    def _draw_others(
        self, names: Iterable[str], held: dict[str, NDArray[np.float32]]
    ) -> dict[str, NDArray[np.float32]]:
        """Return further documents of the index, as many as there is room for."""
        known = set(names)
        room = MAX_DOCUMENTS - len(known)
        if not held or room <= 0:
            return {}
        others = [name for name in self._index.document_ids() if name not in known]
        # By hash: the same ones each time, whatever order they came in.
        others.sort(key=lambda name: hashlib.blake2b(name.encode(), digest_size=8).digest())
        found: dict[str, NDArray[np.float32]] = {}
        for part in _cut(others[:room]):
            found.update(self._index.vectors(part))
        return found

    def _embed(
        self, side: Side, texts: dict[str, str], report: Callable[[float], None]
    ) -> dict[str, NDArray[np.float32]]:
        """Embed texts by name, those only that were not embedded before."""
        # An endpoint knows no sides; its way for documents is the patient one.
        is_patient = side == "document" or isinstance(self._embedder, OpenAIEmbedder)
        make = self._embedder.embed_documents if is_patient else self._embedder.embed_queries
        vectors = self._library.embeddings.embed(
            self._embedder.model_id, side, list(texts.values()), make, report
        )
        return dict(zip(texts, vectors, strict=True))


class _Table:
    """Pairs with their documents named, and their queries told apart as searches are.

    Attributes:
        asked: Text of each query as it was first typed, by what is compared.
        names: Of all documents, in the order in which they came.
        texts: Of those documents that came with one.
        n_dropped: Pairs that were dropped.
    """

    def __init__(self, pairs: Iterable[TrainingPair]) -> None:
        self.names: dict[str, None] = {}
        self.texts: dict[str, str] = {}
        self.n_dropped = 0
        self._rows: list[_Row] = []
        self._typed: dict[str, str] = {}
        for pair in pairs:
            query = normalize_query(pair.query)
            self._typed.setdefault(query, pair.query)
            positive = self._name(pair.positive_id, pair.positive)
            ids, texts = pair.negative_ids, pair.negatives
            negatives = [
                self._name(document_id, text) for document_id, text in zip_longest(ids, texts)
            ]
            self._rows.append(_Row(query, positive, negatives, pair.weight))
        self.names.pop("", None)

    @property
    def asked(self) -> dict[str, str]:
        """Texts of the queries of the pairs that are left."""
        return {row.query: self._typed[row.query] for row in self._rows}

    def drop_unknown(self, known: set[str]) -> None:
        """Drop pairs and negatives whose document is not known."""
        kept = [row for row in self._rows if row.query and row.positive in known]
        self.n_dropped = len(self._rows) - len(kept)
        self._rows = [
            replace(row, negatives=[name for name in row.negatives if name in known])
            for row in kept
        ]

    def to_examples(
        self, queries: dict[str, NDArray[np.float32]], documents: dict[str, NDArray[np.float32]]
    ) -> AdapterExamples:
        """Put vectors into rows, and pairs into places of rows."""
        asked = {query: place for place, query in enumerate(queries)}
        named = {name: place for place, name in enumerate(documents)}
        contrasts = [
            (asked[row.query], named[name]) for row in self._rows for name in row.negatives
        ]
        return AdapterExamples(
            queries=np.stack(list(queries.values())),
            documents=np.stack(list(documents.values())),
            query=np.array([asked[row.query] for row in self._rows], np.int64),
            positive=np.array([named[row.positive] for row in self._rows], np.int64),
            weight=np.array([row.weight for row in self._rows], np.float64),
            negative_query=np.array([query for query, _ in contrasts], np.int64),
            negative=np.array([document for _, document in contrasts], np.int64),
        )

    def _name(self, document_id: str | None, text: str | None) -> str:
        """Name a document by its id, else by its text; empty where it has neither."""
        digest = hashlib.blake2b((text or "").encode(), digest_size=16).hexdigest()
        name = document_id or (f"text {digest}" if text else "")
        self.names.setdefault(name)
        if text:
            self.texts.setdefault(name, text)
        return name


@dataclass(frozen=True, slots=True)
class _Row:
    """A pair with its documents named."""

    query: str
    positive: str
    negatives: list[str]
    weight: float


def _cut(names: list[str]) -> Iterator[list[str]]:
    """Cut names into parts of what is looked up at once."""
    for begin in range(0, len(names), _LOOKED_UP_AT_ONCE):
        yield names[begin : begin + _LOOKED_UP_AT_ONCE]
