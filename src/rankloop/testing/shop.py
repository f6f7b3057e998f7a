"""A simulated shop whose truth is known: products, queries, relevance, and a flawed ranker.

Everything follows from one seed. `relevance[query, product]` is what shoppers want, `ranking()` is
what the shop's production ranker shows them. The ranker's faults are known too: past sales tell
it of quality but dimly; it favors products with a high margin; it hardly reads colors; two thirds
of one category are labelled wrongly; it cannot spell. How shoppers look and click stands in
`testing.shoppers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

CATALOGUE: Final[dict[str, tuple[str, ...]]] = {
    "audio": ("wireless earbuds", "headphones", "bluetooth speaker", "turntable", "microphone"),
    "kitchen": ("kettle", "coffee grinder", "frying pan", "chef knife", "toaster"),
    "camping": ("tent", "sleeping bag", "hiking boots", "headlamp", "backpack"),
    "home": ("desk lamp", "bookshelf", "wool blanket", "vase", "rug"),
    "office": ("mechanical keyboard", "monitor", "office chair", "notebook", "fountain pen"),
    "sports": ("yoga mat", "dumbbells", "running shoes", "bike helmet", "tennis racket"),
    "garden": ("garden hose", "pruning shears", "watering can", "planter", "rain barrel"),
    "toys": ("wooden train", "jigsaw puzzle", "board game", "kite", "building blocks"),
}
"""Category to its kinds of product."""

BRANDS: Final = ("Alder", "Birk", "Corvo", "Dunlin", "Elm", "Fjord", "Grove", "Heron")
COLORS: Final = ("black", "white", "blue", "green", "red", "gray")
NOTHING: Final = (
    "gift card",
    "opening hours",
    "game console",
    "return label",
    "fridge",
    "surfboard",
)
"""Queries for things that the shop does not have."""
MISLABELLED: Final = "garden"
"""The category whose kinds the ranker mixes up."""
MISSPELT: Final = {"wireless earbuds": "wireles earbuds", "headphones": "hedphones",
                   "mechanical keyboard": "mechnical keybord", "backpack": "bakcpack",
                   "running shoes": "runing shoes", "jigsaw puzzle": "jigsaw puzle"}  # fmt: skip
"""Right spelling to the wrong one that shoppers type."""

N_WISHES: Final = 3
"""Colors, and brands, of each kind that there are queries for; the last of each is held out."""
MAX_GRADE: Final = 4
PAGE_SIZE: Final = 10
N_PAGES: Final = 2
N_REFRESHES: Final = 32
"""How many states the ranker's index has: each orders near ties a little differently."""


@dataclass(frozen=True, slots=True)
class ShopConfig:
    """Settings of the simulated shop."""

    seed: int = 7
    """Everything follows from it."""

    n_products_per_kind: int = 12
    """Products of each of the 40 kinds, at least 2."""

    eta: float = 1.0
    """Steepness of position bias: a result at a rank is looked at with chance 1 / rank^eta."""

    jitter: float = 0.12
    """Standard deviation of what an index refresh adds to a score; 0 freezes the ranking."""

    most_attraction: float = 0.7
    """Chance that a looked-at result of the highest grade is clicked, in (0, 1]."""

    noise: float = 0.03
    """Chance, as a share of `most_attraction`, that an irrelevant result is clicked when seen."""

    def __post_init__(self) -> None:
        if self.n_products_per_kind < 2:
            raise SettingsError("n_products_per_kind must be at least 2")
        if not 0 < self.most_attraction <= 1:
            raise SettingsError("most_attraction must be above 0 and at most 1")
        if self.eta < 0 or self.jitter < 0 or not 0 <= self.noise <= 1:
            raise SettingsError("eta and jitter must be 0 or more, noise a share")


@dataclass(frozen=True, slots=True)
class Products:
    """The catalogue, one array per property, each `[n_products]`."""

    document_ids: NDArray[np.str_]
    titles: list[str]
    kinds: NDArray[np.int64]
    """Index into all kinds, in the order of `CATALOGUE`."""
    brands: NDArray[np.int64]
    colors: NDArray[np.int64]
    qualities: NDArray[np.float64]
    """In [0, 1]; what shoppers care about."""
    margins: NDArray[np.float64]
    """In [0, 1]; the ranker cares, shoppers do not."""
    prices: NDArray[np.float64]
    """In euros."""


@dataclass(frozen=True, slots=True)
class Queries:
    """What shoppers ask for, one array per property, each `[n_queries]`; -1 where there is none."""

    texts: list[str]
    kinds: NDArray[np.int64]
    categories: NDArray[np.int64]
    brands: NDArray[np.int64]
    colors: NDArray[np.int64]
    meant: NDArray[np.int64]
    """The query that was meant: itself, or the rightly spelt one."""
    is_empty: NDArray[np.bool_]
    """Whether the shop has nothing of the sort."""
    is_held_out: NDArray[np.bool_]
    """Whether nobody asks for it: what was learned of other queries must serve it."""
    popularity: NDArray[np.float64]
    """Share of searches; sums to 1, and is 0 for what nobody asks."""


class Shop:
    """Products, queries, what is relevant to whom, and the ranking that production shows.

    Attributes:
        products: The catalogue.
        queries: The queries.
        relevance: `[n_queries, n_products]` int8, grades 0 to 4.
        attraction: `[n_queries, n_products]` float64, chance of a click on a result looked at.
        shown: `[n_refreshes, n_queries, 20]` int64, product per position, -1 past the list's end.
        scores: `[n_refreshes, n_queries, 20]` float64, the ranker's scores of `shown`.

    Example:
        >>> shop = Shop()
        >>> len(shop.products.titles), shop.queries.texts[0]
        (480, 'wireless earbuds')
        >>> 0.5 < shop.ndcg() < 0.9
        True
    """

    def __init__(self, config: ShopConfig | None = None) -> None:
        self.config = config or ShopConfig()
        rng = np.random.default_rng(self.config.seed)
        self.products = _make_products(self.config, rng)
        self.queries = _make_queries(rng)
        self.relevance = _grade(self.queries, self.products)
        gain = (2.0**self.relevance - 1) / (2.0**MAX_GRADE - 1)
        noise = self.config.noise
        self.attraction = self.config.most_attraction * (noise + (1 - noise) * gain)
        self._known = _score(self.queries, self.products, rng)
        noises = rng.normal(0, self.config.jitter, (N_REFRESHES, *self._known.shape))
        self.shown, self.scores = _rank(self._known + noises, self.queries)

    def examination(self, n_positions: int) -> NDArray[np.float64]:
        """Return the true chance that each position is looked at, `[n_positions]`; position 0 is 1.

        Example:
            >>> Shop().examination(4).round(2)
            array([1.  , 0.5 , 0.33, 0.25])
        """
        ranks = np.arange(1, n_positions + 1, dtype=np.float64)
        return np.asarray(ranks**-self.config.eta)

    def candidates(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return what production finds without jitter, and its scores, each `[n_queries, 20]`.

        Products are -1 past the end.
        """
        shown, scores = _rank(self._known[None], self.queries)
        return shown[0], scores[0]

    def ranking(self) -> NDArray[np.int64]:
        """Return the production ranking without jitter, `[n_queries, 10]`; -1 past the end."""
        return self.candidates()[0][:, :PAGE_SIZE]

    def ndcg(
        self, ranking: NDArray[np.int64] | None = None, among: NDArray[np.bool_] | None = None
    ) -> float:
        """Measure nDCG@10 of a ranking against the true relevance, mean over queries.

        Gains are the grades themselves, the discount is log2(rank + 1). Queries for what the shop
        does not have are left out: they have no relevant product.

        Args:
            ranking: `[n_queries, 10]` products, -1 past the end; production's when left out.
            among: `[n_queries]`, which queries; all when left out.
        """
        ranking = self.ranking() if ranking is None else ranking
        judged = ~self.queries.is_empty & (True if among is None else among)
        discount = 1 / np.log2(np.arange(2, PAGE_SIZE + 2))
        grades = np.take_along_axis(self.relevance, np.maximum(ranking, 0), axis=1)
        grades = np.where(ranking >= 0, grades, 0)[judged].astype(np.float64)
        ideal = -np.sort(-self.relevance[judged].astype(np.float64), axis=1)[:, :PAGE_SIZE]
        return float(((grades @ discount) / (ideal @ discount)).mean())

    def iter_truth(self) -> Iterator[dict[str, object]]:
        """Yield `query, document_id, relevance` for every pair of relevance above 0."""
        for query, product in np.argwhere(self.relevance > 0):
            yield {
                "query": self.queries.texts[query],
                "document_id": str(self.products.document_ids[product]),
                "relevance": int(self.relevance[query, product]),
            }

    def iter_ranking(self, ranking: NDArray[np.int64] | None = None) -> Iterator[dict[str, object]]:
        """Yield `query, document_id, position` of a ranking, production's when left out."""
        ranking = self.ranking() if ranking is None else ranking
        for query, position in np.argwhere(ranking >= 0):
            yield {
                "query": self.queries.texts[query],
                "document_id": str(self.products.document_ids[ranking[query, position]]),
                "position": int(position),
            }

    def iter_documents(self) -> Iterator[dict[str, object]]:
        """Yield the catalogue as documents: `document_id, fields, payload`."""
        kinds = [(category, kind) for category, all_ in CATALOGUE.items() for kind in all_]
        for i, document_id in enumerate(self.products.document_ids):
            category, kind = kinds[self.products.kinds[i]]
            yield {
                "document_id": str(document_id),
                "fields": {"title": self.products.titles[i], "category": category, "kind": kind},
                "payload": {
                    "brand": BRANDS[self.products.brands[i]],
                    "color": COLORS[self.products.colors[i]],
                    "price": float(self.products.prices[i]),
                },
            }


def _make_products(config: ShopConfig, rng: np.random.Generator) -> Products:
    """Draw the catalogue."""
    names = [kind for kinds in CATALOGUE.values() for kind in kinds]
    kinds = np.repeat(np.arange(len(names)), config.n_products_per_kind)
    n_products = kinds.size
    brands = rng.integers(0, len(BRANDS), n_products)
    colors = rng.integers(0, len(COLORS), n_products)
    titles = [
        f"{BRANDS[brand]} {names[kind]}, {COLORS[color]}"
        for brand, kind, color in zip(brands, kinds, colors, strict=True)
    ]
    usual_prices = rng.uniform(15, 180, len(names))[kinds]
    return Products(
        document_ids=np.array([f"p{i:04d}" for i in range(1, n_products + 1)]),
        titles=titles,
        kinds=kinds,
        brands=brands,
        colors=colors,
        qualities=rng.random(n_products),
        margins=rng.random(n_products),
        prices=(usual_prices * rng.uniform(0.6, 1.6, n_products)).round(2),
    )


def _make_queries(rng: np.random.Generator) -> Queries:
    """List what shoppers ask for: kinds, colored kinds, branded kinds, categories, faults."""
    names = [kind for kinds in CATALOGUE.values() for kind in kinds]
    category_of = [i for i, kinds in enumerate(CATALOGUE.values()) for _ in kinds]
    rows: list[tuple[str, int, int, int, int]] = []
    for kind, name in enumerate(names):
        rows.append((name, kind, category_of[kind], -1, -1))
    wishes = [(rng.permutation(len(COLORS)), rng.permutation(len(BRANDS))) for _ in names]
    for turn in range(N_WISHES):
        for kind, name in enumerate(names):
            color, brand = (int(order[turn]) for order in wishes[kind])
            rows.append((f"{COLORS[color]} {name}", kind, category_of[kind], -1, color))
            rows.append((f"{BRANDS[brand].lower()} {name}", kind, category_of[kind], brand, -1))
    # Of every kind, the last color and the last brand are never asked for.
    is_held_out = np.arange(len(rows)) >= len(rows) - 2 * len(names)
    rows += [(category, -1, i, -1, -1) for i, category in enumerate(CATALOGUE)]
    meant = list(range(len(rows)))
    for right, wrong in MISSPELT.items():
        kind = names.index(right)
        rows.append((wrong, kind, category_of[kind], -1, -1))
        meant.append(kind)
    rows += [(text, -1, -1, -1, -1) for text in NOTHING]
    meant += range(len(meant), len(rows))
    ranks = rng.permutation(len(rows)) + 1.0
    popularity = 1 / ranks**0.7
    # People ask for a plain kind more often than for its black or branded form.
    popularity[: len(names)] *= 2
    is_held_out = np.append(is_held_out, np.zeros(len(rows) - is_held_out.size, dtype=bool))
    popularity[is_held_out] = 0
    texts, kinds, categories, brands, colors = zip(*rows, strict=True)
    return Queries(
        texts=list(texts),
        kinds=np.array(kinds),
        categories=np.array(categories),
        brands=np.array(brands),
        colors=np.array(colors),
        meant=np.array(meant),
        is_empty=np.array(categories) < 0,
        is_held_out=is_held_out,
        popularity=popularity / popularity.sum(),
    )


def _match(queries: Queries, products: Products) -> dict[str, NDArray[np.bool_]]:
    """Say, per query and product, which properties that the query names the product has."""
    n_kinds = len(next(iter(CATALOGUE.values())))
    categories = products.kinds // n_kinds
    return {
        "kind": queries.kinds[:, None] == products.kinds,
        "category": queries.categories[:, None] == categories,
        "brand": queries.brands[:, None] == products.brands,
        "color": queries.colors[:, None] == products.colors,
    }


def _grade(queries: Queries, products: Products) -> NDArray[np.int8]:
    """Grade every product for every query, 0 to 4: the shoppers' taste.

    The right kind is worth 1; the brand or color that was asked for 1 more (all have it when none
    was asked for); quality up to 2 more. A whole category asked for is graded by quality alone.
    """
    match = _match(queries, products)
    is_plain = ((queries.brands < 0) & (queries.colors < 0))[:, None]
    has_wish = is_plain | match["brand"] | match["color"]
    quality = (products.qualities > 0.4).astype(np.int8) + (products.qualities > 0.8)
    by_kind = np.where(has_wish, 2 + quality, 1)
    by_category = 1 + quality
    is_kind_asked = (queries.kinds >= 0)[:, None]
    grades = np.where(is_kind_asked, match["kind"] * by_kind, match["category"] * by_category)
    return grades.astype(np.int8)


def _score(queries: Queries, products: Products, rng: np.random.Generator) -> NDArray[np.float64]:
    """Score every product for every query as production does, with its known faults."""
    kinds, n_kinds = products.kinds, len(CATALOGUE[MISLABELLED])
    first = list(CATALOGUE).index(MISLABELLED) * n_kinds
    is_mixed_up = (kinds >= first) & (kinds < first + n_kinds) & (np.arange(kinds.size) % 3 > 0)
    labels = np.where(is_mixed_up, first + (kinds - first + 1) % n_kinds, kinds)
    match = _match(queries, products)
    read_kind = queries.kinds[:, None] == labels
    is_misspelt = queries.meant != np.arange(queries.meant.size)
    read_kind[is_misspelt] = False
    score = 1.0 * read_kind + 0.6 * match["category"]
    score += 0.5 * match["brand"] + 0.15 * match["color"]
    score += 0.7 * products.qualities + 0.3 * products.margins
    return np.asarray(score + rng.normal(0, 0.35, score.shape))


def _rank(
    scores: NDArray[np.float64], queries: Queries
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Order `[n, n_queries, n_products]` scores, best first, two pages of it."""
    order = np.argsort(-scores, axis=2, kind="stable")[:, :, : N_PAGES * PAGE_SIZE]
    best = np.take_along_axis(scores, order, axis=2)
    order[:, queries.is_empty] = -1
    return order, best
