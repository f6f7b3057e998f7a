"""What a log says of rankings that it did not show, on days or of people not learned from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from rankloop.errors import NotEnoughDataError, RankloopError
from rankloop.evaluation.logged_clicks import Examination, LoggedClicks, Placement
from rankloop.models.feature_facts import QueryFacts, read_document
from rankloop.models.feature_learning import learn_features
from rankloop.models.feature_spec import SCORE_FEATURES
from rankloop.models.features import compute_features
from rankloop.tables.manifests import N_SHARDS
from rankloop.training.guesses import fit_guess
from rankloop.training.splits import split_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from rankloop.bias.cells import Cells
    from rankloop.bias.estimates import BiasEstimate
    from rankloop.evaluation.logged_clicks import Guess
    from rankloop.indexing.library import Library
    from rankloop.models.manifest import Manifest
    from rankloop.store.base import EventStore, Value
    from rankloop.tables.windows import InsightsWindow
    from rankloop.training.splits import SplitConfig, TimeSplit

MIN_QUERIES: Final = 20
"""Fewer queries tell nothing about others."""

MIN_CLICKS: Final = 200
"""Fewer clicks leave nearly everything to the guess."""

MIN_PEOPLE_SHARDS: Final = 8
"""Fewer groups of people that a model did not learn from tell nothing about an error."""

_BATCH: Final = 512


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The part of a log that a model is judged on.

    Attributes:
        window: From when to when.
        shards: Which groups of people; all where the days are enough.
        by: `days` or `people`: what keeps it apart from what was learned from.
    """

    window: InsightsWindow
    shards: tuple[int, ...] = tuple(range(N_SHARDS))
    by: str = "days"


def find_split(
    store: EventStore,
    retriever_id: str,
    window: InsightsWindow,
    config: SplitConfig | None = None,
) -> TimeSplit:
    """Cut the days of a log into those to learn from, to choose by and to judge on.

    Args:
        store: Where the log is; its derived tables are up to date.
        retriever_id: Whose.
        window: What may be used.
        config: Shares and gap.

    Raises:
        NotEnoughDataError: There are too few days; it says how many more are needed.
    """
    asked: dict[str, Value] = {
        "retriever_id": retriever_id,
        "start": window.start,
        "end": window.end,
    }
    days = store.ask("list_days", asked)["day"].to_pylist()
    if not days:
        raise NotEnoughDataError(
            "nobody was shown a list, so there is nothing to learn from or to judge on",
            where="searches",
            hint="Choose a longer window, or send searches with their results.",
        )
    first, last = (datetime.combine(day, time(), UTC) for day in (days[0], days[-1]))
    return split_time(window, first, last, config)


def hold_out(manifest: Manifest, test: InsightsWindow, last: datetime) -> HeldOut:
    """Find clicks that a model did not learn from: later days, or other people.

    Args:
        manifest: What it learned from.
        test: The days that are kept for judging.
        last: The end of the log's last day.

    Raises:
        NotEnoughDataError: It learned from all of them, or does not say from which.
    """
    learned_until = manifest.window.end
    start = test.start
    if learned_until is not None and (start is None or learned_until < last):
        later = learned_until if start is None else max(start, learned_until)
        return HeldOut(_from(test, later))
    others = tuple(sorted(set(range(N_SHARDS)) - set(manifest.shards)))
    if manifest.shards and len(others) >= MIN_PEOPLE_SHARDS:
        return HeldOut(test, others, "people")
    said = "does not say from which" if learned_until is None else "learned from all of the"
    raise NotEnoughDataError(
        f"the model {manifest.model_id!r} {said} days, so that none are left to judge it on",
        where="window",
        hint="Train it on days that end before those it is judged on, as `learn` does.",
    )


@dataclass(frozen=True, slots=True)
class Evidence:
    """A held-out log, and where rankings put its documents.

    Attributes:
        query_keys: `[n_queries]` the queries, ascending.
        logged: Clicks by pair, position and group of people.
        examination: How likely positions are looked at.
        features: `[n_pairs, n_features]` what is known of query and document; None where no index
            holds the documents.
        guess: What is expected of each pair.
        rankings: Where each ranking puts the pairs, in the order they were given in.
    """

    query_keys: tuple[str, ...]
    logged: LoggedClicks
    examination: Examination
    features: NDArray[np.float64] | None
    guess: Guess
    rankings: tuple[Placement, ...]

    def under(self, curve: NDArray[np.float64]) -> Evidence:
        """Return the same log as if positions were looked at by another curve."""
        looks = Examination.known(curve, N_SHARDS)
        guess = fit_guess(self.logged, looks.curve, self.query_keys, self.features)
        return replace(self, examination=looks, guess=guess)


class EvidenceReader:
    """Puts logs and rankings together.

    Args:
        library: The documents.
        retriever_id: Whose.
        estimate: What the whole log says of examination.
    """

    def __init__(self, library: Library, retriever_id: str, estimate: BiasEstimate) -> None:
        self._library = library
        self._retriever_id = retriever_id
        self._estimate = estimate

    def read(
        self,
        cells: Cells,
        shards: Sequence[int],
        rankings: Sequence[Mapping[str, Sequence[str]]],
        texts: Mapping[str, str],
    ) -> Evidence:
        """Put a log beside rankings; only queries that were ranked count.

        Args:
            cells: The held-out log, told apart by people.
            shards: Whose clicks count.
            rankings: Documents by query key, best first; the first ranking is the one in use.
            texts: What was typed, by query key.

        Raises:
            NotEnoughDataError: Few queries were shown to anybody, or none was clicked.
        """
        kept, shown = _select(cells, shards, rankings[0])
        keys = tuple(sorted({key for key, _ in shown}))
        if len(keys) < MIN_QUERIES:
            raise NotEnoughDataError(
                f"different queries on the days to judge on: {len(keys)}, {MIN_QUERIES} are needed",
                where="queries",
                hint=f"Collect searches of {MIN_QUERIES - len(keys)} more queries at least.",
            )
        n_clicks = int(kept.n_clicks)
        if n_clicks < MIN_CLICKS:
            raise NotEnoughDataError(
                f"clicks on the days to judge on: {n_clicks}, {MIN_CLICKS} are needed",
                where="clicks",
                hint=f"Collect {MIN_CLICKS - n_clicks} clicks more, or judge over more days.",
            )
        ranked = {(key, name) for one in rankings for key in keys for name in one.get(key, ())}
        pairs = sorted(ranked.union(shown))
        places = {pair: place for place, pair in enumerate(pairs)}
        order = {key: place for place, key in enumerate(keys)}
        numbers = np.zeros(len(cells.pairs), dtype=np.int64)
        for pair, number in shown.items():
            numbers[number] = places[pair]
        logged = LoggedClicks(
            query=np.array([order[key] for key, _ in pairs], dtype=np.int64),
            pair=numbers[kept.pair],
            position=kept.position.astype(np.int64),
            shard=kept.shard.astype(np.int64),
            n=kept.n.astype(np.float64),
            clicks=kept.clicks.astype(np.float64),
        )
        placed = tuple(_place(one, keys, places) for one in rankings)
        examination = self._examine()
        features = self._describe(pairs, texts, rankings[0])
        guess = fit_guess(logged, examination.curve, keys, features)
        return Evidence(keys, logged, examination, features, guess, placed)

    def _examine(self) -> Examination:
        """Return how likely positions are looked at, with and without each group of people."""
        curve = self._estimate.propensities.examination
        moves = self._estimate.curve.spread.moves if self._estimate.curve is not None else None
        if moves is None or moves.shape[0] < N_SHARDS:
            return Examination.known(curve, N_SHARDS)
        return Examination.from_moves(curve, moves[:, self._estimate.node_of[: curve.size]])

    def _describe(
        self,
        pairs: Sequence[tuple[str, str]],
        texts: Mapping[str, str],
        production: Mapping[str, Sequence[str]],
    ) -> NDArray[np.float64] | None:
        """Say what is known of each pair without its clicks, and where it stands today."""
        if not self._library.holds(self._retriever_id):
            return None
        index = self._library.open(self._retriever_id)
        wanted = sorted({name for _, name in pairs})
        held = [
            one
            for begin in range(0, len(wanted), _BATCH)
            for one in index.documents(wanted[begin : begin + _BATCH])
        ]
        if not held:
            return None
        spec = learn_features([one.payload for one in held])
        facts = dict.fromkeys(wanted, read_document(spec, "", {}))
        for one in held:
            facts[one.document_id] = read_document(spec, one.text, one.payload, one.vector)
        vectors = self._embed(texts)
        rows = []
        by_query: dict[str, list[str]] = {}
        for key, name in pairs:
            by_query.setdefault(key, []).append(name)
        for key, group in by_query.items():
            asked = QueryFacts.of(texts.get(key, ""), vectors.get(key))
            unknown = np.full((len(group), len(SCORE_FEATURES)), np.nan)
            rows.append(compute_features(spec, asked, [facts[name] for name in group], unknown))
        standing = {
            (key, name): float(position)
            for key, names in production.items()
            for position, name in enumerate(names)
        }
        depth = np.array([standing.get(pair, np.nan) for pair in pairs])
        return np.column_stack([np.concatenate(rows), depth])

    def _embed(self, texts: Mapping[str, str]) -> dict[str, NDArray[np.float32]]:
        """Return the queries' vectors; none where nothing makes them."""
        embedder = self._library.open(self._retriever_id).embedder
        keys = sorted(texts)
        if embedder is None or not keys:
            return {}
        try:
            vectors = embedder.embed_queries([texts[key] for key in keys])
        except RankloopError:
            # The guess does without: a cosine is one feature of several.
            return {}
        return dict(zip(keys, vectors, strict=True))


def _from(window: InsightsWindow, start: datetime) -> InsightsWindow:
    """Return a window that begins at a moment."""
    return msgspec.structs.replace(window, start=start)


def _select(
    cells: Cells, shards: Sequence[int], ranked: Mapping[str, Sequence[str]]
) -> tuple[Cells, dict[tuple[str, str], int]]:
    """Keep some people's cells of queries that were ranked; number their pairs as the cells do."""
    texts = [str(key) for key in cells.pairs.query_keys]
    is_ranked = np.array([key in ranked for key in texts], dtype=bool)
    query = cells.pairs.query
    if not len(cells):
        return cells, {}
    kept = cells.select(np.isin(cells.shard, list(shards)) & is_ranked[query[cells.pair]])
    shown = {
        (texts[query[number]], str(cells.pairs.document_ids[number])): number
        for number in np.unique(kept.pair).tolist()
    }
    return kept, shown


def _place(
    ranking: Mapping[str, Sequence[str]],
    keys: Sequence[str],
    places: Mapping[tuple[str, str], int],
) -> Placement:
    """Turn a ranking into places of pairs."""
    rows = [
        (places[key, name], position)
        for key in keys
        for position, name in enumerate(ranking.get(key, ()))
    ]
    table = np.array(rows, dtype=np.int64).reshape(-1, 2)
    return Placement(table[:, 0], table[:, 1], np.ones(len(rows)))
