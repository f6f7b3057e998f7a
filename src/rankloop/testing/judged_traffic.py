"""Made-up people before a judged collection: they ask its queries and click by its judgments.

Production ranks by words (BM25); people look by position and click what is relevant, or err. What
they leave behind is imported as anyone's log is, and the pairs come out of our own mining. So a
model's gain can be held to what people really judged, on queries that were asked and on queries
that never were.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from rankloop.bias.simulation import Simulation, SimulationConfig
from rankloop.bias.simulation_rankers import RankerConfig
from rankloop.bias.simulation_rows import RowConfig, iter_interaction_lines, iter_search_lines
from rankloop.bias.simulation_truth import GradeConfig, build_truth
from rankloop.tables.pairs import Pair

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from rankloop.bias.simulation_truth import Truth
    from rankloop.indexing.base import DocumentIndex
    from rankloop.indexing.library import Library
    from rankloop.testing.judged_collection import JudgedCollection

RETRIEVER: Final = "judged"

_UPLOAD: Final = 1_000


@dataclass(frozen=True, slots=True)
class JudgedTrafficConfig:
    """How much is asked, by whom, and what production shows."""

    seed: int = 1
    """Everything follows from it: which queries are asked, by whom, and what is clicked."""

    seen_share: float = 0.7
    """Share of the queries that are asked; the others stay unseen."""

    n_searches: int = 50_000
    """Spread evenly over the seen queries and over four weeks."""

    n_candidates: int = 20
    """Documents that production finds for a query; ten of them are shown."""

    click_noise: float = 0.1
    """Chance of a click on what is looked at and not relevant."""

    ranking_noise_sd: float = 0.3
    """What each search adds to a score, in standard deviations of the query's scores: documents
    change places, so that position can be told from relevance."""


class JudgedTraffic:
    """One log over a collection.

    Args:
        collection: The documents, the queries and their judgments.
        config: Size and seed.

    Attributes:
        seen: Places of the queries that people ask, ascending.
        unseen: Places of the others.
    """

    def __init__(
        self, collection: JudgedCollection, config: JudgedTrafficConfig | None = None
    ) -> None:
        self.collection = collection
        self.config = config or JudgedTrafficConfig()
        rng = np.random.default_rng([self.config.seed, 0])
        self.seen, self.unseen = collection.split(self.config.seen_share, rng)

    def write(self, documents: Library, path: Path) -> None:
        """Let people search and click, and write what they leave behind.

        Args:
            documents: Holds the collection, see `upload`.
            path: The file, for an import in the format `native`.
        """
        with path.open("wb") as file:
            file.writelines(line + b"\n" for line in self._iter_lines(documents.open(RETRIEVER)))

    def oracle_pairs(self) -> list[Pair]:
        """Return the pairs of the judgments themselves: what the best of logs could tell."""
        texts = dict(zip(self.collection.document_ids, self.collection.texts, strict=True))
        return [
            Pair(
                query=self.collection.queries[place],
                positive_id=name,
                positive=texts[name],
                negative_ids=[],
                negatives=[],
                weight=1.0,
                evidence="corrected",
                retriever_id=RETRIEVER,
            )
            for place in self.seen
            for name in self.collection.relevant[place]
        ]

    def _iter_lines(self, index: DocumentIndex) -> Iterator[bytes]:
        """Yield the log as lines of the wire's JSON, searches before clicks."""
        config = self.config
        simulation = Simulation(
            self._meet(index),
            ranker=RankerConfig(noise_sd=config.ranking_noise_sd),
            config=SimulationConfig(
                seed=config.seed, n_searches=config.n_searches, n_weeks=4, n_people=5_000
            ),
        )
        rows = RowConfig(retriever_id=RETRIEVER)
        log = simulation.run()
        yield from iter_search_lines(log, simulation.config, rows)
        yield from iter_interaction_lines(log, simulation.config, rows)

    def _meet(self, index: DocumentIndex) -> Truth:
        """Put people before what production finds for each seen query."""
        asked: list[str] = []
        rows: list[tuple[int, str, int, float]] = []
        for place in self.seen:
            text, relevant = self.collection.queries[place], self.collection.relevant[place]
            found = index.search_text(text, self.config.n_candidates)
            if len(found.document_ids) < 2:
                continue
            spread = float(found.scores.std()) or 1.0
            rows += [
                (len(asked), name, min(relevant.get(name, 0), 1), score / spread)
                for name, score in sorted(zip(found.document_ids, found.scores, strict=True))
            ]
            asked.append(text)
        query, names, grades, scores = zip(*rows, strict=True)
        truth = build_truth(
            np.array(query),
            np.array(grades),
            np.array(scores),
            GradeConfig(noise=self.config.click_noise, max_grade=1),
            names,
        )
        # Queries stand in the order of their texts, as their keys must.
        return replace(truth, pairs=replace(truth.pairs, query_keys=np.array(asked, dtype=object)))


def upload(
    documents: Library, collection: JudgedCollection, vectors: NDArray[np.float32] | None = None
) -> None:
    """Put a collection's documents into the retriever `judged`.

    Args:
        documents: Where to.
        collection: The documents.
        vectors: `[n_documents, dimension]`; where they are left out, the retriever's embedder makes
            them, if it has one.
    """
    sent = [msgspec.json.encode(one) for one in collection.iter_uploads(vectors)]
    for begin in range(0, len(sent), _UPLOAD):
        documents.upsert(RETRIEVER, sent[begin : begin + _UPLOAD])
