"""Cells: a click log folded into counts, one row per circumstance; what every estimator reads.

A cell counts how often one document was shown for one query, in one week and context, at one
position, below one previous click, and how often it was clicked there. Counts add: the cells of
two logs together are the cells of both, so that they can be kept by day and merged.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, Literal, Self

import numpy as np

from rankloop.bias import folding
from rankloop.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa
    from numpy.typing import ArrayLike, NDArray

Axis = Literal["previous_click", "week", "context", "position", "shard"]
"""What cells may be summed over; the pair always stays."""

AXES: Final[tuple[Axis, ...]] = ("context", "week", "position", "previous_click", "shard")
"""The order in which the cells of one pair are kept."""

_NEUTRAL: Final[dict[Axis, int]] = {
    "context": 0,
    "week": 0,
    "position": 0,
    "previous_click": -1,
    "shard": 0,
}
"""What an axis holds once it was summed over."""


def _no_signals() -> NDArray[np.int32]:
    """Return the signals of cells that count clicks alone."""
    return np.zeros((0, 0), dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Pairs:
    """The (query, document) pairs that cells number.

    Attributes:
        query: `[n_pairs]` int64, place in `query_keys`; ascending, so a query's pairs are
            neighbors.
        query_keys: `[n_queries]` the queries, ascending.
        document_ids: `[n_pairs]` the document of each pair, ascending within a query.
    """

    query: NDArray[np.int64]
    query_keys: NDArray[np.object_]
    document_ids: NDArray[np.object_]

    def __len__(self) -> int:
        """Return the number of pairs."""
        return int(self.query.size)


@dataclass(frozen=True, slots=True)
class Cells:
    """Additive counts, one row per cell; every array is `[n_cells]`.

    Rows are sorted by pair, context, week, position, previous click and shard, and no two rows
    agree in all of these, so that equal logs give equal arrays, bit for bit. A cell takes 38 bytes
    (and 4 for each signal).

    Attributes:
        pair: int64, place in `pairs`, ascending.
        position: int32, where the document stood, from 0, page offset included.
        previous_click: int32, position of the last click above it in the same list; -1 for none,
            and for all once it was summed over.
        week: int16, weeks since `first_week`, from 0.
        context: int16, place in `contexts`.
        shard: int16, which of `n_shards` groups of people; all 0 where shards were not asked for.
        n: int64, impressions, above 0.
        clicks: int64, impressions that were clicked, at most `n`.
        pairs: What `pair` numbers; each of them has a cell unless rows were selected.
        contexts: `(surface, device)` of each context, ascending; empty text where unknown.
        n_shards: How many groups of people `shard` tells apart; 1 where it tells none.
        first_week: Monday of week 0; None where the log has no dates.
        signals: `[n_cells, n_signals]` int32, impressions that were followed by each signal.
        signal_names: `n_signals` names, such as `purchase`; empty where only clicks are counted.
    """

    pair: NDArray[np.int64]
    position: NDArray[np.int32]
    previous_click: NDArray[np.int32]
    week: NDArray[np.int16]
    context: NDArray[np.int16]
    shard: NDArray[np.int16]
    n: NDArray[np.int64]
    clicks: NDArray[np.int64]
    pairs: Pairs
    contexts: tuple[tuple[str, str], ...] = (("", ""),)
    n_shards: int = 1
    first_week: date | None = None
    signals: NDArray[np.int32] = field(default_factory=_no_signals)
    signal_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of cells."""
        return int(self.n.size)

    @property
    def n_positions(self) -> int:
        """One more than the deepest position shown; 0 where nothing was."""
        return int(self.position.max()) + 1 if self.position.size else 0

    @property
    def n_impressions(self) -> int:
        """How many impressions the cells count."""
        return int(self.n.sum())

    @property
    def n_clicks(self) -> int:
        """How many of them were clicked."""
        return int(self.clicks.sum())

    @classmethod
    def from_columns(cls, columns: Mapping[str, ArrayLike], *, n_shards: int = 1) -> Self:
        """Count rows, one impression or any number of them each.

        Args:
            columns: `[n_rows]` each. `query_key` and `document_id` (texts, or whole numbers that
                become texts) and `position` are needed. `n` (1 if left out), `clicks` (0),
                `previous_click` (-1), `week` (Mondays as dates, or whole numbers from 0),
                `surface`, `device` (empty text) and `shard` (0) may be left out. Any other column
                is a signal, whole numbers that count impressions.
            n_shards: How many groups of people `shard` tells apart.

        Returns:
            The cells; rows that agree are added, rows with `n` 0 left out.

        Raises:
            TableError: A column is missing, of another length or out of range.

        Example:
            >>> cells = Cells.from_columns(
            ...     {
            ...         "query_key": ["q", "q", "q"],
            ...         "document_id": ["d", "d", "c"],
            ...         "position": [1, 1, 0],
            ...         "clicks": [0, 1, 0],
            ...     }
            ... )
            >>> cells.n.tolist(), cells.clicks.tolist(), cells.pairs.document_ids.tolist()
            ([1, 2], [0, 1], ['c', 'd'])
        """
        rows = folding.check_rows(columns, n_shards)
        query, document = rows.pop("query_key"), rows.pop("document_id")
        pair, codes, query_keys, document_ids = folding.encode_pairs(query, document)
        context, contexts = folding.encode_contexts(
            rows.pop("surface"), rows.pop("device"), n_rows=pair.size
        )
        week, first_week = folding.encode_weeks(rows.pop("week"))
        names = tuple(sorted(rows.keys() - {"position", "previous_click", "shard", "n", "clicks"}))
        return cls._fold(
            {
                "pair": pair,
                "context": context,
                "week": week,
                "position": rows["position"],
                "previous_click": rows["previous_click"],
                "shard": rows["shard"],
            },
            {name: rows[name] for name in ("n", "clicks", *names)},
            cls._empty(
                pairs=Pairs(codes, query_keys, document_ids),
                contexts=contexts,
                n_shards=n_shards,
                first_week=first_week,
                signal_names=names,
            ),
        )

    @classmethod
    def from_table(cls, table: pa.Table, *, n_shards: int = 1) -> Self:
        """Count the rows of a table; columns as in `from_columns`, absent texts are empty.

        Raises:
            TableError: A column is missing or out of range.
        """
        return cls.from_columns(folding.read_columns(table), n_shards=n_shards)

    def sum_over(self, *axes: Axis) -> Self:
        """Add up cells that differ in nothing but these axes.

        Args:
            axes: What no longer matters: `previous_click` gives what position-based models read,
                `shard` what everything but standard errors reads.

        Example:
            >>> cells = Cells.from_columns(
            ...     {
            ...         "query_key": ["q", "q"],
            ...         "document_id": ["d", "d"],
            ...         "position": [1, 1],
            ...         "previous_click": [-1, 0],
            ...         "clicks": [0, 1],
            ...     }
            ... )
            >>> len(cells), len(cells.sum_over("previous_click"))
            (2, 1)
        """
        about = self
        if "context" in axes:
            about = replace(about, contexts=(("", ""),))
        if "week" in axes:
            about = replace(about, first_week=None)
        if "shard" in axes:
            about = replace(about, n_shards=1)
        kept: dict[str, NDArray[np.generic]] = {
            axis: getattr(self, axis) for axis in AXES if axis not in axes
        }
        return self._fold({"pair": self.pair, **kept}, self._counts(), about)

    def select(self, rows: NDArray[np.bool_]) -> Self:
        """Keep some cells; pairs, contexts and weeks keep their numbers.

        Args:
            rows: `[n_cells]` bool, which to keep.
        """
        return replace(
            self,
            **{name: getattr(self, name)[rows] for name in ("pair", *AXES, "n", "clicks")},
            signals=self.signals[rows] if self.signal_names else self.signals,
        )

    def to_columns(self) -> dict[str, NDArray[np.generic]]:
        """Give the columns that `from_columns` makes the same cells of."""
        surfaces = np.array([surface for surface, _ in self.contexts], dtype=object)
        devices = np.array([device for _, device in self.contexts], dtype=object)
        week: NDArray[np.generic] = self.week
        if self.first_week is not None:
            week = np.datetime64(self.first_week) + self.week * np.timedelta64(7, "D")
        return {
            "query_key": self.pairs.query_keys[self.pairs.query[self.pair]],
            "document_id": self.pairs.document_ids[self.pair],
            "position": self.position,
            "previous_click": self.previous_click,
            "week": week,
            "surface": surfaces[self.context],
            "device": devices[self.context],
            "shard": self.shard,
            **self._counts(),
        }

    def week_starts(self) -> list[date]:
        """List the Monday of each week from the first to the last; empty without dates."""
        if self.first_week is None or not self.week.size:
            return []
        return [self.first_week + timedelta(weeks=k) for k in range(int(self.week.max()) + 1)]

    def _counts(self) -> dict[str, NDArray[np.generic]]:
        """Give what adds up, by name."""
        signals = {name: self.signals[:, k] for k, name in enumerate(self.signal_names)}
        return {"n": self.n, "clicks": self.clicks, **signals}

    @classmethod
    def _empty(
        cls,
        pairs: Pairs,
        contexts: tuple[tuple[str, str], ...],
        n_shards: int,
        first_week: date | None,
        signal_names: tuple[str, ...],
    ) -> Self:
        """Make cells without a row, which say what rows of theirs would mean."""
        counts, places = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int32)
        small = np.zeros(0, dtype=np.int16)
        return cls(
            pair=counts,
            position=places,
            previous_click=places,
            week=small,
            context=small,
            shard=small,
            n=counts,
            clicks=counts,
            pairs=pairs,
            contexts=contexts,
            n_shards=n_shards,
            first_week=first_week,
            signals=np.zeros((0, len(signal_names)), dtype=np.int32),
            signal_names=signal_names,
        )

    @classmethod
    def _fold(
        cls,
        keys: Mapping[str, NDArray[np.generic]],
        counts: Mapping[str, NDArray[np.generic]],
        about: Self,
    ) -> Self:
        """Add up rows that agree in their keys, in the order of the keys."""
        first, sums = folding.fold(keys, counts)
        n_cells = first.size
        axes = {
            axis: keys[axis][first] if axis in keys else np.full(n_cells, _NEUTRAL[axis])
            for axis in AXES
        }
        signals = [sums[name].astype(np.int32) for name in about.signal_names]
        return replace(
            about,
            pair=keys["pair"][first].astype(np.int64),
            position=axes["position"].astype(np.int32),
            previous_click=axes["previous_click"].astype(np.int32),
            week=axes["week"].astype(np.int16),
            context=axes["context"].astype(np.int16),
            shard=axes["shard"].astype(np.int16),
            n=sums["n"],
            clicks=sums["clicks"],
            signals=np.stack(signals, axis=1) if signals else _no_signals(),
        )


def merge_cells(first: Cells, second: Cells) -> Cells:
    """Add two logs' cells up, as if both had been counted together.

    A log cut in two by search, in any way, merges into its own cells, bit for bit.

    Raises:
        TableError: One tells more shards apart than the other, or only one has dates.

    Example:
        >>> day = {"query_key": ["q"], "document_id": ["d"], "position": [0], "clicks": [1]}
        >>> both = merge_cells(Cells.from_columns(day), Cells.from_columns(day))
        >>> both.n.tolist(), both.clicks.tolist()
        ([2], [2])
    """
    held = [cells for cells in (first, second) if len(cells)]
    if len({cells.n_shards for cells in held}) > 1:
        raise TableError("the tables tell apart different numbers of shards", where="shard")
    if not held:
        return first
    columns = folding.join_columns([cells.to_columns() for cells in held])
    return Cells.from_columns(columns, n_shards=held[0].n_shards)
