"""From a log to rows that rankers are grown on: each pair in each block of days, with its features.

The window is cut into blocks of whole days. Counts are those of the block, and so are the labels;
what is known of the past is what was known when the block began, read by the same questions as in
serving. So no feature holds a click that it is to predict, or any other of its own day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rankloop.bias.cells import Cells
from rankloop.counters.day_history import DayHistory, WantedHistory
from rankloop.errors import NotEnoughDataError, NotFoundError, RankloopError
from rankloop.jobs.feature_scores import PairScores
from rankloop.models.feature_facts import DocumentFacts, QueryFacts, read_document
from rankloop.models.feature_learning import learn_features
from rankloop.models.feature_spec import EXAMINATION, FeatureSpec
from rankloop.models.features import compute_features
from rankloop.retrieval.specification import read_pipeline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from rankloop.bias.propensities import Propensities
    from rankloop.indexing.library import Library
    from rankloop.jobs.learning_log import LearningLog
    from rankloop.models.shelf import ModelShelf
    from rankloop.retrieval.serving import Serving
    from rankloop.store.base import EventStore, Value

MAX_BLOCKS: Final = 8
"""Blocks that a window is cut into at most; each asks the log anew."""

SERVING_SCORE: Final = "score"
"""The feature that holds the score of what serves."""

_BATCH: Final = 512
_MARK: Final = "@"


@dataclass(frozen=True, slots=True)
class FeatureRows:
    """Rows for rankers; a pair in a block is a pair of `cells`, whose queries are `KEY@BLOCK`.

    Attributes:
        spec: Which features, and what was learned to make them.
        cells: Impressions and clicks by position, of each pair in each block.
        features: `[n_pairs, n_features]` float64 in the order of `cells.pairs`, NaN where unknown.
        query_keys: `[n_queries]` the information need behind each query of the cells.
        blocks: `[n_queries]` int64, the block of each query of the cells, from 0.
        days: The first day of each block.
    """

    spec: FeatureSpec
    cells: Cells
    features: NDArray[np.float64]
    query_keys: NDArray[np.object_]
    blocks: NDArray[np.int64]
    days: tuple[date, ...]

    @property
    def rows_of_need(self) -> NDArray[np.object_]:
        """The information need of each row, `[n_pairs]`."""
        return self.query_keys[self.cells.pairs.query]


@dataclass(frozen=True, slots=True)
class _Block:
    """A part of the window, from the start of a day on."""

    day: date
    asked: dict[str, Value]


class FeatureReader:
    """Reads rows for rankers out of the log.

    Args:
        store: Where the log is.
        library: The documents.
        serving: Says whether queries come with vectors in serving.
        models: The adapter that moves them, where one serves.
    """

    def __init__(
        self, store: EventStore, library: Library, serving: Serving, models: ModelShelf
    ) -> None:
        self._store = store
        self._library = library
        self._serving = serving
        self._models = models

    def read(self, log: LearningLog, spec: FeatureSpec | None = None) -> FeatureRows:
        """Read the rows of a log that was read before, so that derived tables are up to date.

        Args:
            log: The log.
            spec: Which features; chosen by the documents of the log when left out.

        Raises:
            NotEnoughDataError: Nobody was shown a list within the window.
        """
        blocks = self._cut(log)
        cells = self._count(blocks)
        names = sorted({str(name) for name in cells.pairs.document_ids})
        held = self._read_documents(log.retriever_id, names, spec, log.propensities)
        spec, facts = held
        vectors = self._embed(log)
        features = np.empty((len(cells.pairs), len(spec.names)))
        parts = [str(key).rpartition(_MARK) for key in cells.pairs.query_keys]
        numbers = np.array([int(number) for _, _, number in parts], dtype=np.int64)
        keys = np.array([key for key, _, _ in parts], dtype=object)
        edges = np.searchsorted(cells.pairs.query, np.arange(len(parts) + 1))
        for number, block in enumerate(blocks):
            history = DayHistory.read(
                self._store, WantedHistory.of(spec, log.retriever_id, block.day)
            )
            scores = PairScores.read(self._store, block.asked)
            for query in np.flatnonzero(numbers == number).tolist():
                rows = slice(edges[query], edges[query + 1])
                ids = [str(name) for name in cells.pairs.document_ids[rows]]
                key = str(keys[query])
                features[rows] = compute_features(
                    spec,
                    QueryFacts.of(log.queries.get(key, ""), vectors.get(key)),
                    [facts[name] for name in ids],
                    scores.find(key, ids),
                    history.find(key, ids),
                )
        days = tuple(block.day for block in blocks)
        return FeatureRows(spec, cells, features, keys, numbers, days)

    def _cut(self, log: LearningLog) -> list[_Block]:
        """Cut the window into blocks of whole days, as many days each."""
        window = log.window
        asked: dict[str, Value] = {
            "retriever_id": log.retriever_id,
            "start": window.start,
            "end": window.end,
        }
        found = self._store.ask("list_days", asked)["day"].to_pylist()
        if not found:
            raise NotEnoughDataError(
                "nobody was shown a list, so there is nothing to learn from",
                where="/start",
                hint="Choose a longer window, or send searches with their results.",
            )
        n_days = (found[-1] - found[0]).days + 1
        step = timedelta(days=-(-n_days // MAX_BLOCKS))
        days = []
        day = found[0]
        while day <= found[-1]:
            days.append(day)
            day += step
        starts = [window.start, *(datetime.combine(day, time(), UTC) for day in days[1:])]
        ends = [*starts[1:], window.end]
        return [
            _Block(day, {**asked, "start": start, "end": end})
            for day, start, end in zip(days, starts, ends, strict=True)
        ]

    def _count(self, blocks: Sequence[_Block]) -> Cells:
        """Count impressions and clicks of each block, its queries told apart by its number."""
        tables = []
        for number, block in enumerate(blocks):
            table = self._store.ask("cells_by_position", {**block.asked, "n_shards": 1})
            place = table.schema.get_field_index("query_key")
            keys = pc.binary_join_element_wise(
                table["query_key"].cast(pa.string()), f"{number}", _MARK
            )
            tables.append(table.set_column(place, "query_key", keys))
        return Cells.from_table(pa.concat_tables(tables)).sum_over("context", "week")

    def _read_documents(
        self,
        retriever_id: str,
        names: Sequence[str],
        spec: FeatureSpec | None,
        propensities: Propensities,
    ) -> tuple[FeatureSpec, dict[str, DocumentFacts]]:
        """Read the documents; those that no index holds are unknown."""
        documents = []
        if self._library.holds(retriever_id):
            index = self._library.open(retriever_id)
            for begin in range(0, len(names), _BATCH):
                documents += index.documents(names[begin : begin + _BATCH])
        if spec is None:
            payloads = [one.payload for one in documents]
            spec = learn_features(payloads, to_examination(propensities))
        facts = dict.fromkeys(names, read_document(spec, "", {}))
        for one in documents:
            facts[one.document_id] = read_document(spec, one.text, one.payload, one.vector)
        return spec, facts

    def _embed(self, log: LearningLog) -> Mapping[str, NDArray[np.float32]]:
        """Return the vectors of queries by key, as serving has them; none where it has none."""
        if not self._library.holds(log.retriever_id) or not self._asks_for_vectors(log):
            return {}
        embedder = self._library.open(log.retriever_id).embedder
        keys = sorted(log.queries)
        if embedder is None or not keys:
            return {}
        try:
            vectors = embedder.embed_queries([log.queries[key] for key in keys])
        except RankloopError:
            # Trees that never saw a cosine ask for none.
            return {}
        adapter = self._models.serving(log.retriever_id).adapter
        if adapter is not None:
            vectors = adapter.apply(vectors)
        return dict(zip(keys, vectors, strict=True))

    def _asks_for_vectors(self, log: LearningLog) -> bool:
        """Say whether the pipeline in use gives queries a vector."""
        try:
            configuration = self._serving.find(log.retriever_id).configuration
        except NotFoundError:
            return False
        return any(stage.kind.wants_vector for stage in read_pipeline(configuration).stages)


def to_examination(propensities: Propensities) -> tuple[float, ...]:
    """Return how likely each position is looked at, where the log tells, else 1 / rank.

    Positions that the log does not identify take after their neighbors.

    Example:
        >>> from rankloop.bias.propensities import Propensities
        >>> curve = np.array([1.0, np.nan, 0.5, np.nan])
        >>> to_examination(Propensities(curve, np.zeros(4), "identified", "fixed_effects"))
        (1.0, 0.75, 0.5, 0.5)
    """
    curve = propensities.examination
    known = np.flatnonzero(np.isfinite(curve))
    if propensities.status == "not_identifiable" or not known.size:
        return EXAMINATION
    filled = np.interp(np.arange(curve.size), known, curve[known])
    return tuple(filled.tolist())
