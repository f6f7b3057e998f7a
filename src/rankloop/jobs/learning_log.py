"""The log as learning reads it: counts without position, and what else is known of each pair."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.bias.cells import Cells
from rankloop.errors import InputError
from rankloop.events.queries import normalize_query
from rankloop.events.types import SIGNAL_BITS
from rankloop.training.funnel import FunnelCounts
from rankloop.training.knowledge import find_places

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from rankloop.bias.cells import Pairs
    from rankloop.bias.propensities import Propensities
    from rankloop.jobs.estimation import Estimation
    from rankloop.store.base import EventStore, Value
    from rankloop.tables.rates import ClusteredBy
    from rankloop.tables.windows import InsightsWindow

SATISFIED_MS: Final = 30_000.0
"""Time with a document from which a click held the person, milliseconds."""

LIKING: Final = (
    "click",
    "long_view",
    "purchase",
    "add_to_cart",
    "wishlist",
    "bookmark",
    "share",
    "positive_feedback",
)
"""Types that speak for a document without a list beside them."""

MIN_DOWNS: Final = 2
"""People who must vote a document down before it counts as disliked: one may be mistaken."""

LEVELS: Final[tuple[ClusteredBy, ...]] = ("user", "session", "search")


@dataclass(frozen=True, slots=True)
class Actions:
    """What people did outside of any list on record; every array is `[n]`.

    Attributes:
        query_key: What they asked for.
        document_id: What they acted on.
        people: int64, different people.
        count: int64, how often.
    """

    query_key: NDArray[np.object_]
    document_id: NDArray[np.object_]
    people: NDArray[np.int64]
    count: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LearningLog:
    """Everything that labels and pairs are made of; arrays are `[n_pairs]` of the cells.

    Attributes:
        retriever_id: Whose lists.
        window: From when to when.
        cells: Impressions and clicks.
        propensities: How likely each position is looked at.
        counts: What followed the clicks.
        people: int64, different people who clicked.
        ups: int64, different people who voted up.
        downs: int64, different people who voted down.
        is_clicked_later: bool, clicked after the window.
        orphans: What people did outside of any list on record.
        queries: The text of each query, by its key.
        clustered_by: Whom `people` counts; None without clicks.
    """

    retriever_id: str
    window: InsightsWindow
    cells: Cells
    propensities: Propensities
    counts: FunnelCounts
    people: NDArray[np.int64]
    ups: NDArray[np.int64]
    downs: NDArray[np.int64]
    is_clicked_later: NDArray[np.bool_]
    orphans: Actions
    queries: Mapping[str, str]
    clustered_by: ClusteredBy | None

    @property
    def is_identified(self) -> bool:
        """Whether position can be taken out, and clicks are left where it can."""
        if self.propensities.status == "not_identifiable":
            return False
        known = np.flatnonzero(~np.isnan(self.propensities.examination))
        return bool(self.cells.clicks[np.isin(self.cells.position, known)].any())

    @property
    def is_liked(self) -> NDArray[np.bool_]:
        """Which pairs are voted up, and not down by as many, `[n_pairs]`."""
        return np.asarray((self.ups > 0) & (self.ups >= self.downs))

    @property
    def is_disliked(self) -> NDArray[np.bool_]:
        """Which pairs are voted down by several, and up by fewer, `[n_pairs]`."""
        return np.asarray((self.downs >= MIN_DOWNS) & (self.downs > self.ups))

    @property
    def n_searches(self) -> int:
        """Lists in the cells: impressions at the top."""
        return int(self.cells.n[self.cells.position == 0].sum())

    def group_queries(self) -> NDArray[np.int64]:
        """Number the queries of the cells by the words they have, `[n_queries]`.

        Queries of the same words in another order, or with other filters, mean the same here; a
        query whose text is not known has -1.
        """
        numbers: dict[tuple[str, ...], int] = {}
        groups = np.full(self.cells.pairs.query_keys.size, -1, dtype=np.int64)
        for place, key in enumerate(self.cells.pairs.query_keys):
            words = tuple(sorted(normalize_query(self.queries.get(str(key), "")).split()))
            if words:
                groups[place] = numbers.setdefault(words, len(numbers))
        return groups


class LogReader:
    """Reads logs for learning out of one store.

    Args:
        store: Where events are.
        estimation: What brings the log up to date and estimates propensities.
    """

    def __init__(self, store: EventStore, estimation: Estimation) -> None:
        self._store = store
        self._estimation = estimation

    def find_retriever(self, retriever_id: str | None) -> str:
        """Return the retriever asked for, or the only one on record.

        Raises:
            InputError: None was asked for, and there are several, or none.
        """
        if retriever_id is not None:
            return retriever_id
        known = self._list_retrievers()
        if len(known) == 1:
            return str(known[0])
        if known:
            raise InputError(
                f"there are {len(known)} retrievers, so one must be named",
                where="/retriever_id",
                hint=f"Known: {', '.join(known[:10])}.",
            )
        raise InputError(
            "nothing is on record, so there is no retriever to take",
            where="/retriever_id",
            hint="Send searches and interactions first.",
        )

    def find_logged(self, retriever_id: str | None) -> str:
        """Return the retriever asked for, if anything of it is on record, or the only one that is.

        Raises:
            InputError: Nothing of it is on record; or none was asked for, and there are several.
        """
        known = self._list_retrievers()
        if retriever_id is not None and known and retriever_id not in known:
            raise InputError(
                f"nothing is on record of the retriever {retriever_id!r}",
                where="/retriever_id",
                hint=f"Known: {', '.join(known[:10])}.",
            )
        return self.find_retriever(retriever_id if known else None)

    def _list_retrievers(self) -> list[str]:
        """List the retrievers that something is on record of."""
        return [str(name) for name in self._store.ask("retriever_ids")["retriever_id"].to_pylist()]

    def list_days(self, retriever_id: str | None, window: InsightsWindow) -> list[datetime]:
        """List the days of a window on which people were shown lists, each at midnight UTC.

        Raises:
            InputError: The retriever is left out, and is not the only one.
        """
        asked: dict[str, Value] = {
            "retriever_id": self.find_retriever(retriever_id),
            "start": window.start,
            "end": window.end,
        }
        self._estimation.refresh()
        days = self._store.ask("list_days", asked).column("day").to_pylist()
        return [datetime.combine(day, time(), UTC) for day in days]

    def read(self, retriever_id: str | None, window: InsightsWindow) -> LearningLog:
        """Read what learning needs of one retriever.

        Raises:
            InputError: The retriever is left out, and is not the only one; or the window is empty.
        """
        if window.start is not None and window.start == window.end:
            raise InputError(
                f"the window is empty: it ends at {window.end.isoformat()}, where it starts",
                where="/end",
                hint="The end is no longer part of the window.",
            )
        retriever = self.find_retriever(retriever_id)
        # Estimating brings the derived tables up to date, so it comes before they are read.
        propensities = self._estimation.propensities(retriever, window).propensities
        asked: dict[str, Value] = {
            "retriever_id": retriever,
            "start": window.start,
            "end": window.end,
        }
        counted_cells = self._store.ask("cells_by_position", {**asked, "n_shards": 1})
        cells = Cells.from_table(counted_cells).sum_over("context")
        counted = self._store.ask("pair_counts", {**asked, "satisfied_ms": SATISFIED_MS})
        mask = sum(1 << SIGNAL_BITS[name] for name in LIKING)
        acted = self._store.ask("pair_orphans", {**asked, "type_mask": mask})
        texts = self._store.ask("pair_queries", asked)
        totals = _spread(
            counted,
            cells.pairs,
            ("people", "clicks", "satisfied", "carts", "purchases", "ups", "downs"),
        )
        return LearningLog(
            retriever_id=retriever,
            window=window,
            cells=cells,
            propensities=propensities,
            counts=FunnelCounts(
                totals["clicks"], totals["satisfied"], totals["carts"], totals["purchases"]
            ),
            people=totals["people"],
            ups=totals["ups"],
            downs=totals["downs"],
            is_clicked_later=self._find_later(cells.pairs, asked),
            orphans=Actions(
                _read_texts(acted, "query_key"),
                _read_texts(acted, "document_id"),
                _read_numbers(acted, "people"),
                _read_numbers(acted, "n"),
            ),
            queries=dict(
                zip(
                    texts.column("query_key").to_pylist(),
                    texts.column("query").to_pylist(),
                    strict=True,
                )
            ),
            clustered_by=_read_level(counted, acted),
        )

    def _find_later(self, pairs: Pairs, asked: Mapping[str, Value]) -> NDArray[np.bool_]:
        """Say which pairs were clicked after the window."""
        later = np.zeros(len(pairs), dtype=bool)
        if asked["end"] is None:
            return later
        after: dict[str, Value] = {"retriever_id": asked["retriever_id"], "start": asked["end"]}
        found = self._store.ask("pair_counts", {**after, "satisfied_ms": SATISFIED_MS})
        return np.asarray(_spread(found, pairs, ("clicks",))["clicks"] > 0)


def _spread(answer: pa.Table, pairs: Pairs, columns: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    """Bring counts of some pairs into the order of all; 0 for those it does not name."""
    places = find_places(
        pairs, _read_texts(answer, "query_key"), _read_texts(answer, "document_id")
    )
    found = places >= 0
    spread = {}
    for name in columns:
        spread[name] = np.zeros(len(pairs), dtype=np.int64)
        spread[name][places[found]] = _read_numbers(answer, name)[found]
    return spread


def _read_level(counted: pa.Table, acted: pa.Table) -> ClusteredBy | None:
    """Say whom people were told apart by."""
    levels = set()
    for table in (counted, acted):
        acting = _read_numbers(table, "people") > 0
        for name in ("least_level", "most_level"):
            levels |= set(_read_numbers(table, name)[acting].tolist())
    if not levels:
        return None
    return LEVELS[levels.pop()] if len(levels) == 1 else "mixed"


def _read_texts(table: pa.Table, name: str) -> NDArray[np.object_]:
    """Return a column of texts."""
    return np.array(table.column(name).to_pylist(), dtype=object)


def _read_numbers(table: pa.Table, name: str) -> NDArray[np.int64]:
    """Return a column of whole numbers."""
    return np.asarray(table.column(name).to_numpy(), dtype=np.int64)
