"""The demo's way round the loop: documents and a pipeline in, learning, and the ranking anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rankloop.cli.demo_truth import Learned
from rankloop.errors import RankloopError
from rankloop.testing.shop import PAGE_SIZE
from rankloop.testing.traffic import RETRIEVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rankloop.cli.output import Output
    from rankloop.client.client import Client
    from rankloop.tables.learning import LearnReport
    from rankloop.testing.shop import Shop

CONFIGURATION: Final[dict[str, Any]] = {
    "stages": [{"type": "text_search", "top_k": 100}, {"type": "model"}]
}
"""The pipeline of the shop: what was learned orders what was found."""


def prepare(loop: Client, shop: Shop) -> None:
    """Give the shop's retriever its pipeline and its documents.

    Raises:
        RankloopError: A document was taken for invalid, which the simulation never sends.
    """
    retriever = loop.retriever(RETRIEVER)
    retriever.configure(CONFIGURATION)
    verdict = retriever.upsert(list(shop.iter_documents()))
    if verdict.rejected:
        raise RankloopError(f"simulated documents: {verdict.rejected[0].detail}")


def learn(loop: Client, output: Output) -> LearnReport:
    """Run the loop once, showing how far it is."""
    from rankloop.cli.learning import run_learn

    return run_learn(loop, output, {"retriever_id": RETRIEVER})


def rank_anew(loop: Client, shop: Shop, output: Output) -> Learned:
    """Let the shop's own candidates be ordered by what was learned, for every query.

    These rankings are recorded as made by a judge, so they count in no rate.
    """
    retriever = loop.retriever(RETRIEVER)
    places = {str(name): place for place, name in enumerate(shop.products.document_ids)}
    ranking = np.full((len(shop.queries.texts), PAGE_SIZE), -1, dtype=np.int64)
    asked = list(_iter_candidates(shop))
    with output.progress("rank anew", len(asked)) as tick:
        for done, (query, candidates) in enumerate(asked, start=1):
            answer = retriever.rerank(
                shop.queries.texts[query], candidates, limit=PAGE_SIZE, actor="judge"
            )
            found = [places[one.document_id] for one in answer.results]
            ranking[query, : len(found)] = found
            tick(done)
    curve = {one.position: one.propensity for one in loop.bias.get(RETRIEVER).positions}
    return Learned(ranking, [curve.get(position) for position in range(PAGE_SIZE)])


def _iter_candidates(shop: Shop) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Yield each query that finds something, with what production finds for it and its scores."""
    shown, scores = shop.candidates()
    for query, found in enumerate(shown):
        if found[0] >= 0:
            yield (
                query,
                [
                    {
                        "document_id": str(shop.products.document_ids[product]),
                        "score": round(float(score), 4),
                    }
                    for product, score in zip(found, scores[query], strict=True)
                ],
            )
