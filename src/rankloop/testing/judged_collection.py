"""Documents and queries with judgments by people: what a model may learn, and what it is held to.

The files are never ours: `documents` and `queries` as JSON lines, judgments as a table with tabs.
"""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rankloop.evaluation.measures import evaluate
from rankloop.evaluation.rankings import Judgments, Ranking
from rankloop.events.queries import normalize_query

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class JudgedCollection:
    """Documents, and queries whose documents are known; both in the order of their lists.

    Attributes:
        document_ids: Names of the documents.
        fields: Their texts: `title` and `text` of each.
        queries: `[n_queries]` texts of judged queries, ascending, none of them twice.
        relevant: For each query, how relevant which documents are; 1 or more.
    """

    document_ids: tuple[str, ...]
    fields: tuple[dict[str, str], ...]
    queries: tuple[str, ...]
    relevant: tuple[Mapping[str, int], ...]

    @property
    def texts(self) -> list[str]:
        """What an index makes of each document."""
        return ["\n".join(text for text in one.values() if text) for one in self.fields]

    def iter_uploads(
        self, vectors: NDArray[np.float32] | None = None
    ) -> Iterator[dict[str, object]]:
        """Yield documents as they are uploaded.

        Args:
            vectors: `[n_documents, dimension]`, sent along; the embedder makes them when left out.
        """
        for place, (document_id, fields) in enumerate(
            zip(self.document_ids, self.fields, strict=True)
        ):
            sent: dict[str, object] = {"document_id": document_id, "fields": fields}
            if vectors is not None:
                sent["vector"] = vectors[place].tolist()
            yield sent

    def split(self, seen_share: float, rng: np.random.Generator) -> tuple[list[int], list[int]]:
        """Part the queries into those that people ask, and those that nobody asks before the end.

        Returns:
            Places of the seen and of the unseen queries, each ascending.
        """
        order = rng.permutation(len(self.queries))
        n_seen = round(seen_share * len(self.queries))
        return sorted(order[:n_seen].tolist()), sorted(order[n_seen:].tolist())

    def measure(
        self,
        query_vectors: NDArray[np.float32],
        document_vectors: NDArray[np.float32],
        places: Sequence[int],
        measure: str = "nDCG@10",
    ) -> NDArray[np.float64]:
        """Rank all documents by cosine for some queries, and hold the ranking to the judgments.

        Args:
            query_vectors: `[n_queries, dimension]` of unit length, of all queries.
            document_vectors: `[n_documents, dimension]` of unit length.
            places: Which queries to measure.
            measure: What to measure, at most 100 documents deep.

        Returns:
            `[n_places]` float64, in the order of `places`.
        """
        scores = query_vectors[list(places)] @ document_vectors.T
        best = np.argsort(-scores, axis=1, kind="stable")[:, :100]
        keys = np.array([f"{place:06d}" for place in places], dtype=object)
        names = np.array(self.document_ids, dtype=object)
        ranking = Ranking(
            np.repeat(keys, best.shape[1]),
            names[best].ravel(),
            np.tile(np.arange(best.shape[1]), len(places)),
        )
        judged = [
            (keys[row], name, grade)
            for row, place in enumerate(places)
            for name, grade in self.relevant[place].items()
        ]
        judgments = Judgments(
            np.array([key for key, _, _ in judged], dtype=object),
            np.array([name for _, name, _ in judged], dtype=object),
            np.array([grade for _, _, grade in judged], dtype=np.int64),
        )
        found = evaluate(judgments, ranking, [measure])
        order = {key: row for row, key in enumerate(found.query_keys)}
        return found.values[measure][[order[key] for key in keys.tolist()]]


def read_collection(folder: Path) -> JudgedCollection:
    """Read `corpus.jsonl.gz`, `queries.jsonl` and `qrels.tsv`.

    Queries that nobody judged are left out; of queries that read the same, the judgments are
    taken together.

    Args:
        folder: Holds the three files.
    """
    with gzip.open(folder / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]
    with (folder / "qrels.tsv").open(encoding="utf-8") as file:
        judged: dict[str, dict[str, int]] = {}
        for row in csv.DictReader(file, delimiter="\t"):
            if int(row["relevance"]) > 0:
                judged.setdefault(row["query_id"], {})[row["document_id"]] = int(row["relevance"])
    relevant: dict[str, dict[str, int]] = {}
    for line in (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines():
        query = json.loads(line)
        if query["query_id"] in judged:
            relevant.setdefault(normalize_query(query["query"]), {}).update(
                judged[query["query_id"]]
            )
    queries = tuple(sorted(relevant))
    return JudgedCollection(
        document_ids=tuple(row["document_id"] for row in documents),
        fields=tuple({"title": row["title"], "text": row["text"]} for row in documents),
        queries=queries,
        relevant=tuple(relevant[query] for query in queries),
    )
