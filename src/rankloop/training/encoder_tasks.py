"""From pairs to a fine-tuning: which queries teach, which choose, which are kept from both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.errors import NotEnoughDataError
from rankloop.training.adapter_examples import draw_folds
from rankloop.training.encoder_examples import Texts, gather_examples
from rankloop.training.encoder_fitting import FitConfig
from rankloop.training.encoder_measuring import Exam, Question, draw_sanity
from rankloop.training.encoders import SANITY, VALIDATION, EncoderTask
from rankloop.training.splits import hold_out_queries
from rankloop.training.yields import ENCODER_QUERIES, MIN_POSITIVES, MIN_QUERIES, choose_advice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rankloop.training.encoder_examples import TextPair

MIN_TAUGHT: Final = 20
"""Distinct queries under which nothing is fine-tuned, whoever asks for it."""

_N_ORDERS: Final = 2**61


@dataclass(frozen=True, slots=True)
class ExamConfig:
    """How much a model is measured on, on the way and at the end."""

    validation_share: float = 0.125
    """Share of the queries that blends are chosen by, in (0, 1)."""

    n_questions: int = 200
    """Most questions of each part."""

    n_documents: int = 1_000
    """Documents that questions are answered from; those that serve them come first."""

    n_sanity: int = 100
    """Most documents that are asked for by their first words."""


def prepare_task(
    base_model: str,
    pairs: Sequence[TextPair],
    later: Sequence[TextPair] | None = None,
    fit: FitConfig | None = None,
    config: ExamConfig | None = None,
) -> EncoderTask:
    """Part pairs by query, and make a fine-tuning of them.

    A query teaches, chooses or is kept from both, by a hash of its words. Where pairs of later
    days are given, questions come from them, so that what is measured lies after what was learned.

    Args:
        base_model: A folder, or a name on the hub.
        pairs: What was clicked, and what was passed over.
        later: The same of later days; questions come from `pairs` when left out.
        fit: How to learn.
        config: How much to measure on.

    Raises:
        NotEnoughDataError: Too few queries have a text and a document with one.
    """
    config, fit = config or ExamConfig(), fit or FitConfig()
    known = [pair for pair in pairs if pair.query and pair.positive]
    side = _choose_sides(sorted({pair.query for pair in known}), config)
    examples = gather_examples(pair for pair in known if side[pair.query] == "seen")
    asked = known if later is None else [pair for pair in later if pair.query and pair.positive]
    new = sorted({pair.query for pair in asked} - {*side})
    # A query that came up later than what was learned is unseen, whatever its words are.
    side |= dict.fromkeys(new, "unseen")
    rng = np.random.default_rng(fit.seed)
    questions: dict[str, dict[str, list[str]]] = {VALIDATION: {}, "seen": {}, "unseen": {}}
    for pair in asked:
        questions[side[pair.query]].setdefault(pair.query, []).append(str(pair.positive))
    drawn = {part: _draw(rows, config.n_questions, rng) for part, rows in questions.items()}
    return EncoderTask(
        base_model=base_model,
        examples=examples,
        exam=_write_exam(drawn, examples.documents, config, rng),
        fit=fit,
    )


def find_warnings(n_queries: int, n_positives: int) -> list[str]:
    """Say what speaks against fine-tuning with so little.

    Example:
        >>> find_warnings(6_000, 9_000)
        []
        >>> find_warnings(900, 1_500)[0]
        '900 queries and 1,500 positives: under 1,000 and 2,000 no fine-tuning can be trusted'
    """
    advice = choose_advice(n_queries, n_positives)
    if advice == "more_data":
        return [
            f"{n_queries:,} queries and {n_positives:,} positives: under {MIN_QUERIES:,} and "
            f"{MIN_POSITIVES:,} no fine-tuning can be trusted"
        ]
    if advice == "adapter":
        return [f"{n_queries:,} queries: under {ENCODER_QUERIES:,} an adapter is safer"]
    return []


def _choose_sides(queries: Sequence[str], config: ExamConfig) -> dict[str, str]:
    """Say what each query is for."""
    if len(queries) < MIN_TAUGHT:
        raise NotEnoughDataError(
            f"fine-tuning takes {MIN_TAUGHT} distinct queries with texts of their documents, "
            f"there are {len(queries)}",
            where="/pairs",
            hint=f"Collect {MIN_TAUGHT - len(queries)} more; counts of clicks "
            "(`boost_by_interaction_count`) work with any number.",
        )
    is_held = hold_out_queries(queries)
    free = [query for query, held in zip(queries, is_held, strict=True) if not held]
    order = np.argsort(draw_folds(free, _N_ORDERS), kind="stable")
    n_choosing = max(2, round(config.validation_share * len(free)))
    sides = dict.fromkeys(queries, "unseen")
    sides |= dict.fromkeys(free, "seen")
    return sides | {free[place]: VALIDATION for place in order[:n_choosing]}


def _draw(
    rows: dict[str, list[str]], n_questions: int, rng: np.random.Generator
) -> dict[str, list[str]]:
    """Draw questions by chance."""
    queries = sorted(rows)
    chosen = sorted(rng.permutation(len(queries))[:n_questions].tolist())
    return {queries[place]: rows[queries[place]] for place in chosen}


def _write_exam(
    questions: dict[str, dict[str, list[str]]],
    others: Sequence[str],
    config: ExamConfig,
    rng: np.random.Generator,
) -> Exam:
    """Place the documents of questions among others, and ask for some by their first words."""
    texts = Texts()
    parts = {
        part: tuple(
            Question(query, tuple(dict.fromkeys(texts.place(text) for text in relevant)))
            for query, relevant in rows.items()
        )
        for part, rows in questions.items()
    }
    for place in rng.permutation(len(others)):
        if len(texts) >= config.n_documents:
            break
        texts.place(others[place])
    documents = texts.all()
    return Exam(documents, {**parts, SANITY: draw_sanity(documents, config.n_sanity)})
