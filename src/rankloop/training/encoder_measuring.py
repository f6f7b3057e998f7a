"""How well an encoder finds documents: nDCG@10 on queries that are kept from it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.evaluation.measures import evaluate
from rankloop.evaluation.rankings import Judgments, Ranking

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Embed = Callable[[Sequence[str]], NDArray[np.float32]]
    """From `n` texts to `[n, dimension]` unit vectors."""

MEASURE: Final = "nDCG@10"
DEPTH: Final = 10

_N_WORDS: Final = 8


@dataclass(frozen=True, slots=True)
class Question:
    """A query and where the documents that serve it stand among the documents."""

    query: str
    relevant: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Exam:
    """What an encoder is measured on: one set of documents, and questions in parts.

    Attributes:
        documents: Texts that every question is answered from.
        parts: Questions by the name of their part; a part may be empty.
    """

    documents: tuple[str, ...]
    parts: dict[str, tuple[Question, ...]]


def measure_encoder(
    exam: Exam, parts: Sequence[str], embed_queries: Embed, embed_documents: Embed
) -> dict[str, NDArray[np.float64]]:
    """Measure nDCG@10 of the documents nearest to each question by cosine.

    Args:
        exam: Documents and questions.
        parts: Which parts to measure.
        embed_queries: Makes vectors of queries.
        embed_documents: Makes vectors of documents.

    Returns:
        `[n_questions]` float64 by part, in the order of the questions.

    Example:
        >>> exam = Exam(("cat", "dog"), {"all": (Question("dog", (1,)), Question("cat", (1,)))})
        >>> embed = lambda texts: np.eye(2, dtype=np.float32)[[int(t == "dog") for t in texts]]
        >>> measure_encoder(exam, ["all"], embed, embed)["all"]
        array([1.  , 0.63])
    """
    documents = embed_documents(exam.documents)
    return {
        part: _measure(exam.parts[part], documents, embed_queries)
        for part in parts
        if exam.parts[part]
    }


def draw_sanity(documents: Sequence[str], n_questions: int) -> tuple[Question, ...]:
    """Ask for documents by their first words: what no encoder may unlearn.

    The documents are chosen by hash, so that they are the same in every training.

    Args:
        documents: Texts.
        n_questions: Most questions.

    Example:
        >>> draw_sanity(["red shoes for running fast on long wet and dry roads"], 5)[0].query
        'red shoes for running fast on long wet'
    """
    order = sorted(
        range(len(documents)),
        key=lambda place: blake2b(documents[place].encode(), digest_size=8).digest(),
    )
    asked = [(" ".join(documents[place].split()[:_N_WORDS]), place) for place in order]
    return tuple(Question(text, (place,)) for text, place in asked if text)[:n_questions]


def _measure(
    questions: Sequence[Question], documents: NDArray[np.float32], embed_queries: Embed
) -> NDArray[np.float64]:
    """Measure the questions of one part."""
    scores = embed_queries([question.query for question in questions]) @ documents.T
    depth = min(DEPTH, documents.shape[0])
    best = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
    keys = np.array([f"{place:09d}" for place in range(len(questions))])
    ranking = Ranking(
        np.repeat(keys, depth), best.ravel().astype(str), np.tile(np.arange(depth), len(questions))
    )
    judged = [
        (key, place) for key, one in zip(keys, questions, strict=True) for place in one.relevant
    ]
    judgments = Judgments(
        np.array([key for key, _ in judged]),
        np.array([place for _, place in judged]).astype(str),
        np.ones(len(judged), np.int64),
    )
    return evaluate(judgments, ranking, [MEASURE]).values[MEASURE]
