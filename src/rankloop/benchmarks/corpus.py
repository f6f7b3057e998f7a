"""Made-up documents and queries of any number: vectors in clusters, words by Zipf's law.

Every cluster is a topic with words of its own, so that a query finds documents of its topic by
words and by meaning. It is for measuring time: nothing is to be learned from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rankloop.indexing.base import Document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class CorpusSpec:
    """How many documents to make, and of what."""

    n_documents: int = 100_000
    dimension: int = 384
    n_topics: int = 1_000
    n_words: int = 50_000
    """Size of the vocabulary."""

    words_per_document: int = 30
    words_per_topic: int = 20
    spread: float = 0.8
    """How far documents lie from the middle of their topic, relative to its length."""

    batch: int = 2_000
    """Documents made at a time."""

    seed: int = 17


@dataclass(frozen=True, slots=True)
class MadeQuery:
    """A query as a person might ask it."""

    text: str
    vector: NDArray[np.float32]
    topic: int


class Corpus:
    """Documents `document-0`, `document-1`, … in topics 0, 1, … in turn, and queries about them.

    Example:
        >>> corpus = Corpus(CorpusSpec(n_documents=3, dimension=4, n_topics=2, batch=2))
        >>> [len(batch) for batch in corpus.iter_batches()]
        [2, 1]
    """

    def __init__(self, spec: CorpusSpec | None = None) -> None:
        self._spec = spec or CorpusSpec()
        rng = np.random.default_rng(self._spec.seed)
        size = (self._spec.n_topics, self._spec.dimension)
        self._centers = _to_units(rng.normal(size=size).astype(np.float32))
        self._topic_words = rng.integers(
            0, self._spec.n_words, (self._spec.n_topics, self._spec.words_per_topic)
        )

    def iter_batches(self) -> Iterator[list[Document]]:
        """Yield the documents in batches."""
        spec = self._spec
        for first in range(0, spec.n_documents, spec.batch):
            rng = np.random.default_rng((spec.seed, first))
            n_documents = min(spec.batch, spec.n_documents - first)
            topics = np.arange(first, first + n_documents) % spec.n_topics
            vectors = self._scatter(topics, rng)
            texts = self._write(topics, rng)
            yield [
                Document(
                    f"document-{first + place}",
                    texts[place],
                    vectors[place],
                    {"topic": int(topics[place]), "price": int(rng.integers(1, 1_000))},
                )
                for place in range(n_documents)
            ]

    def make_queries(self, topics: NDArray[np.int64], rng: np.random.Generator) -> list[MadeQuery]:
        """Make a query of each topic: two words of it, one of the language, a vector near it."""
        n_queries = len(topics)
        vectors = self._scatter(topics, rng)
        chosen = rng.integers(0, self._spec.words_per_topic, (n_queries, 2))
        common = self._draw_words(n_queries, rng)
        return [
            MadeQuery(
                " ".join(
                    f"w{word}" for word in (*self._topic_words[topic, chosen[place]], common[place])
                ),
                vectors[place],
                int(topic),
            )
            for place, topic in enumerate(topics)
        ]

    def _scatter(self, topics: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float32]:
        """Return `[n, dimension]` unit vectors around the middles of topics."""
        noise = _to_units(rng.normal(size=(len(topics), self._spec.dimension)).astype(np.float32))
        return _to_units(self._centers[topics] + self._spec.spread * noise)

    def _write(self, topics: NDArray[np.int64], rng: np.random.Generator) -> list[str]:
        """Write texts: a quarter of the words are of the topic, the others of the language."""
        spec = self._spec
        n_own = spec.words_per_document // 4
        places = rng.integers(0, spec.words_per_topic, (len(topics), n_own))
        own = self._topic_words[topics[:, None], places]
        size = len(topics) * (spec.words_per_document - n_own)
        common = self._draw_words(size, rng).reshape(len(topics), -1)
        return [" ".join(f"w{word}" for word in row) for row in np.hstack([own, common]).tolist()]

    def _draw_words(self, n_words: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw words: the chance of the r-th is about proportional to 1 / r."""
        drawn = np.exp(rng.random(n_words) * np.log(self._spec.n_words)).astype(np.int64) - 1
        words: NDArray[np.int64] = np.minimum(drawn, self._spec.n_words - 1)
        return words


def _to_units(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale every row to length 1."""
    units: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units
