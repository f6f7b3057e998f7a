"""Simulated shoppers: who searches when, what they look at, click, put into the cart and buy.

They follow the position-based model: a result is clicked when it is looked at, which depends on
its position alone, and attractive, which depends on query and product (and on how eager the
shopper is). Beside them come the troubles of real logs: a robot, double clicks, clicks that name
no search, clicks on products that no search showed, misspelt and hopeless queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rankloop.testing.shop import MAX_GRADE, PAGE_SIZE, Shop

SECOND: Final = 1_000_000
HOUR: Final = 3_600 * SECOND
DAY: Final = 24 * HOUR
REFRESH_EVERY: Final = 3 * HOUR
"""How long one state of the ranker's index lives."""
LONG_VIEW_MS: Final = 30_000
BUSY_HOURS: Final = np.array(
    [1, 1, 1, 1, 1, 2, 4, 6, 7, 7, 7, 8, 9, 8, 7, 7, 7, 8, 9, 10, 10, 9, 6, 3]
)
"""How many visits begin in each hour of the day, relative to each other."""

Microseconds = NDArray[np.int64]
Dwell = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TrafficConfig:
    """Settings of the simulated traffic."""

    n_searches: int = 20_000
    """Searches by people; further pages and the robot come on top."""

    n_days: int = 14
    """How far back the traffic reaches."""

    n_shoppers: int = 4_000
    """People; few of them come often."""

    n_robot_searches: int = 600
    """Searches that the robot makes within forty minutes; 0 for no robot."""

    next_page_share: float = 0.06
    """Share of searches whose second page is shown too, whatever the first one held."""

    unlinked_share: float = 0.15
    """Share of shoppers whose application does not send `search_id` with a click."""

    seed: int = 11
    """Everything follows from it, the shop, and the end of the traffic."""


@dataclass(frozen=True, slots=True)
class Lists:
    """Shown lists in order of time, one array per property, each `[n_lists]`."""

    searches: NDArray[np.int64]
    """Number of the search; two pages of a search share it."""
    offsets: NDArray[np.int64]
    at: Microseconds
    queries: NDArray[np.int64]
    refreshes: NDArray[np.int64]
    """Which state the ranker's index had."""
    shoppers: NDArray[np.int64]
    """Number of the shopper; -1 is the robot."""
    sessions: NDArray[np.int64]
    documents: NDArray[np.int64]
    """`[n_lists, 10]` products, -1 past the end."""
    clicked: NDArray[np.bool_]
    """`[n_lists, 10]`."""


@dataclass(frozen=True, slots=True)
class Acts:
    """Interactions in order of time, one array per property, each `[n_acts]`."""

    kinds: NDArray[np.int64]
    """Index into `ACT_TYPES`."""
    lists: NDArray[np.int64]
    """Row in `Lists`; -1 for an orphan."""
    places: NDArray[np.int64]
    """Place on the page."""
    products: NDArray[np.int64]
    shoppers: NDArray[np.int64]
    at: Microseconds
    durations_ms: NDArray[np.float64]
    """Dwell time; NaN where none was measured."""


ACT_TYPES: Final = (
    ["click"],
    ["click", "long_view"],
    ["return_to_results"],
    ["add_to_cart"],
    ["purchase"],
)
CLICK, LONG_VIEW, RETURN, CART, PURCHASE = range(5)


class Shoppers:
    """People with habits, and what they and a robot do in a shop.

    Attributes:
        shop: Where they search.
        is_mobile: `[n_shoppers]` bool, whether the shopper uses a telephone.
        is_unlinked: `[n_shoppers]` bool, whether their application sends no `search_id`.
        lists: What they were shown, and clicked.
        acts: What they did.
    """

    def __init__(self, shop: Shop, end_us: int, config: TrafficConfig) -> None:
        self.shop = shop
        self.config = config
        rng = np.random.default_rng(config.seed)
        self._eagerness = rng.uniform(0.6, 1.4, config.n_shoppers)
        self.is_mobile = rng.random(config.n_shoppers) < 0.55
        self.is_unlinked = rng.random(config.n_shoppers) < config.unlinked_share
        self.lists = self._show(end_us, rng)
        self.acts = self._act(rng)

    def _show(self, end_us: int, rng: np.random.Generator) -> Lists:
        """Draw who searched for what and when, show the lists, and draw what was clicked."""
        shoppers, sessions, at = self._visit(end_us, rng)
        queries = rng.choice(
            self.shop.queries.popularity.size, size=at.size, p=self.shop.queries.popularity
        )
        # Who misspelt a query and goes on searching types it right the next time.
        goes_on = sessions[1:] == sessions[:-1]
        meant = self.shop.queries.meant[queries[:-1]]
        queries[1:] = np.where(goes_on & (meant != queries[:-1]), meant, queries[1:])
        robot = self._crawl(end_us, rng)
        searches = np.arange(at.size + robot[0].size)
        shoppers, sessions, at, queries = (
            np.concatenate(pair)
            for pair in zip((shoppers, sessions, at, queries), robot, strict=True)
        )
        turned = np.flatnonzero(
            (rng.random(at.size) < self.config.next_page_share)
            & ~self.shop.queries.is_empty[queries]
            & (shoppers >= 0)
        )
        rows = np.concatenate([searches, turned])
        offsets = np.repeat([0, PAGE_SIZE], [searches.size, turned.size])
        shown_at = at[rows] + np.where(offsets > 0, 20 * SECOND, 0)
        order = np.argsort(shown_at, kind="stable")
        rows, offsets = rows[order], offsets[order]
        # The second page comes from the state of the index that made the first.
        refreshes = (at[rows] // REFRESH_EVERY) % self.shop.shown.shape[0]
        columns = offsets[:, None] + np.arange(PAGE_SIZE)
        documents = self.shop.shown[refreshes[:, None], queries[rows][:, None], columns]
        lists = Lists(
            searches=rows,
            offsets=offsets,
            at=shown_at[order],
            queries=queries[rows],
            refreshes=refreshes,
            shoppers=shoppers[rows],
            sessions=sessions[rows],
            documents=documents,
            clicked=np.zeros(documents.shape, dtype=np.bool_),
        )
        lists.clicked[:] = self._click(lists, columns, rng)
        return lists

    def _visit(
        self, end_us: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Microseconds]:
        """Draw visits: shopper, session and time of every search by a person."""
        config, n_searches = self.config, self.config.n_searches
        sizes = np.minimum(rng.geometric(0.55, n_searches), 6)
        n_sessions = int(np.searchsorted(np.cumsum(sizes), n_searches)) + 1
        sessions = np.repeat(np.arange(n_sessions), sizes[:n_sessions])[:n_searches]
        weights = 1 / np.arange(10, config.n_shoppers + 10)
        shoppers = rng.choice(config.n_shoppers, size=n_sessions, p=weights / weights.sum())
        hours = rng.choice(24, size=n_sessions, p=BUSY_HOURS / BUSY_HOURS.sum())
        days = rng.integers(1, config.n_days + 1, n_sessions)
        # A visit lasts under half an hour, so that none reaches past the end.
        begin = end_us - days * DAY + hours * HOUR + rng.integers(0, HOUR // 2, n_sessions)
        pauses = (25 + rng.exponential(30, sessions.size).clip(0, 200)) * SECOND
        elapsed = np.cumsum(pauses.astype(np.int64))
        starts = np.flatnonzero(np.diff(sessions, prepend=-1))
        at = begin[sessions] + elapsed - elapsed[starts][sessions]
        return shoppers[sessions], sessions, at

    def _crawl(
        self, end_us: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Microseconds, NDArray[np.int64]]:
        """Draw the robot's searches: one session, one every few seconds, any query."""
        n_searches = self.config.n_robot_searches
        at = end_us - 2 * DAY + np.sort(rng.integers(0, 40 * 60 * SECOND, n_searches))
        queries = rng.integers(0, self.shop.queries.popularity.size, n_searches)
        nobody = np.full(n_searches, -1)
        return nobody, nobody, at, queries

    def _click(
        self, lists: Lists, columns: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.bool_]:
        """Draw clicks: looked at and attractive; the robot clicks half of everything."""
        is_robot = (lists.shoppers < 0)[:, None]
        examination = self.shop.examination(int(columns.max()) + 1)[columns]
        attraction = self.shop.attraction[lists.queries[:, None], lists.documents]
        eagerness = self._eagerness[lists.shoppers][:, None]
        chance = np.where(is_robot, 0.5, examination * np.minimum(attraction * eagerness, 1))
        return (rng.random(chance.shape) < chance) & (lists.documents >= 0)

    def _act(self, rng: np.random.Generator) -> Acts:
        """Turn clicks into interactions, with what followed them and the troubles of real logs."""
        lists = self.lists
        rows, places = np.nonzero(lists.clicked)
        products = lists.documents[rows, places]
        grades = self.shop.relevance[lists.queries[rows], products] / MAX_GRADE
        at = lists.at[rows] + ((2 + 1.5 * places + rng.exponential(4, rows.size)) * SECOND).astype(
            np.int64
        )
        is_person = lists.shoppers[rows] >= 0
        is_content = (rng.random(rows.size) < 0.8 * grades) & is_person
        dwell = np.where(
            is_content, rng.lognormal(4.3, 0.6, rows.size), rng.lognormal(2, 0.7, rows.size)
        )
        durations_ms = (1_000 * dwell.clip(1, 600)).round()
        left_at = at + (1_000 * durations_ms).astype(np.int64)
        is_returned = is_person & ~is_content & (rng.random(rows.size) < 0.5)
        is_carted = is_content & (rng.random(rows.size) < 0.25)
        is_bought = is_carted & (rng.random(rows.size) < 0.5)
        is_double = rng.random(rows.size) < 0.03
        kinds = np.where(durations_ms > LONG_VIEW_MS, LONG_VIEW, CLICK)
        unmeasured = np.full(rows.size, np.nan)

        def follow(
            mask: NDArray[np.bool_], kind: NDArray[np.int64], moment: Microseconds, dwell_ms: Dwell
        ) -> Acts:
            return Acts(
                kinds=kind[mask],
                lists=rows[mask],
                places=places[mask],
                products=products[mask],
                shoppers=lists.shoppers[rows][mask],
                at=moment[mask],
                durations_ms=dwell_ms[mask],
            )

        followed = [
            follow(np.ones_like(is_double), kinds, at, durations_ms),
            follow(is_double, kinds, at + SECOND // 3, durations_ms),
            follow(is_returned, np.full_like(kinds, RETURN), left_at, unmeasured),
            follow(is_carted, np.full_like(kinds, CART), left_at, unmeasured),
            follow(is_bought, np.full_like(kinds, PURCHASE), left_at + 300 * SECOND, unmeasured),
        ]
        return _join([*followed, self._stray(rows.size // 60, rng)])

    def _stray(self, n_acts: int, rng: np.random.Generator) -> Acts:
        """Draw orphans: products opened from a newsletter, which no search showed."""
        first, last = int(self.lists.at[0]), int(self.lists.at[-1])
        nowhere = np.full(n_acts, -1)
        return Acts(
            kinds=np.full(n_acts, CLICK),
            lists=nowhere,
            places=nowhere,
            products=rng.integers(0, len(self.shop.products.titles), n_acts),
            shoppers=rng.integers(0, self.config.n_shoppers, n_acts),
            at=rng.integers(first, last, n_acts),
            durations_ms=np.full(n_acts, np.nan),
        )


def _join(parts: list[Acts]) -> Acts:
    """Put interactions of several sorts into one order of time."""
    names = Acts.__dataclass_fields__
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    order = np.argsort(columns["at"], kind="stable")
    return Acts(**{name: column[order] for name, column in columns.items()})
