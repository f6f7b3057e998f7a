"""Simulated shoppers' traffic in the wire's form: lines of JSON, ready to be sent.

Identifiers follow from the seed, so that sending the same traffic twice changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from rankloop.testing.shop import PAGE_SIZE, Shop
from rankloop.testing.shoppers import ACT_TYPES, PURCHASE, SECOND, Shoppers, TrafficConfig

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from numpy.typing import NDArray

RETRIEVER: Final = "shop"
PIPELINE: Final = "production@1"
ROBOT: Final = "robot-1"


class Traffic:
    """What shoppers did in the days before `end_at`, as arrays and as the wire's JSON.

    Attributes:
        shop: Where they searched.
        lists: What they were shown and clicked.
        acts: What they did.

    Example:
        >>> from datetime import datetime, timezone
        >>> end_at = datetime(2026, 3, 1, tzinfo=timezone.utc)
        >>> traffic = Traffic(Shop(), end_at, TrafficConfig(n_searches=500, n_robot_searches=0))
        >>> len(set(traffic.lists.searches))
        500
        >>> next(traffic.iter_searches())[:23]
        b'{"search_id":"shop-11-4'
    """

    def __init__(self, shop: Shop, end_at: datetime, config: TrafficConfig | None = None) -> None:
        self.shop = shop
        self.config = config or TrafficConfig()
        self._shoppers = Shoppers(shop, int(end_at.timestamp()) * SECOND, self.config)
        self.lists = self._shoppers.lists
        self.acts = self._shoppers.acts

    def naive_examination(self) -> NDArray[np.float64]:
        """Return click-through by position relative to position 0, people only: the naive curve."""
        lists = self.lists
        first = (lists.offsets == 0) & (lists.shoppers >= 0)
        shown = (lists.documents[first] >= 0).sum(axis=0)
        ctr = lists.clicked[first].sum(axis=0) / np.maximum(shown, 1)
        return np.asarray(ctr / ctr[0], dtype=np.float64)

    def iter_searches(self) -> Iterator[bytes]:
        """Yield one line of JSON per list, in order of time, as `POST /v1/searches` takes them."""
        yield from map(msgspec.json.Encoder().encode, self.iter_search_rows())

    def iter_interactions(self) -> Iterator[bytes]:
        """Yield one line of JSON per interaction, in order of time."""
        yield from map(msgspec.json.Encoder().encode, self.iter_interaction_rows())

    def iter_search_rows(self) -> Iterator[dict[str, object]]:
        """Yield the fields of each list; `results` is a `msgspec.Raw`, already encoded."""
        lists = self.lists
        times = _to_texts(lists.at)
        results = self._encode_results()
        for row in range(lists.at.size):
            shopper = int(lists.shoppers[row])
            query, offset = int(lists.queries[row]), int(lists.offsets[row])
            yield {
                "search_id": self._search_id(row),
                "retriever_id": RETRIEVER,
                "query": self.shop.queries.texts[query],
                "timestamp": times[row],
                "user_id": _to_user(shopper),
                "session_id": f"session-{lists.sessions[row]}",
                "device": self._device(shopper),
                "surface": "search",
                "pipeline_version": PIPELINE,
                "offset": offset,
                "results": results[int(lists.refreshes[row]), query, offset // PAGE_SIZE],
            }

    def iter_interaction_rows(self) -> Iterator[dict[str, object]]:
        """Yield the fields of each interaction."""
        acts = self.acts
        times = _to_texts(acts.at)
        for row in range(acts.at.size):
            product, shopper = int(acts.products[row]), int(acts.shoppers[row])
            item: dict[str, object] = {
                "interaction_id": f"act-{self.config.seed}-{row}",
                "feature_id": str(self.shop.products.document_ids[product]),
                "interaction_type": ACT_TYPES[acts.kinds[row]],
                "timestamp": times[row],
                "user_id": _to_user(shopper),
            }
            if acts.lists[row] >= 0:
                item |= self._link(row, shopper)
            else:
                item |= {"retriever_id": RETRIEVER, "session_id": f"letter-{row}"}
            if acts.kinds[row] == PURCHASE:
                item |= {"value": float(self.shop.products.prices[product]), "currency": "EUR"}
            yield item

    def _link(self, row: int, shopper: int) -> dict[str, object]:
        """Say of which list an interaction speaks, as far as the shopper's application does."""
        acts, lists = self.acts, self.lists
        shown = int(acts.lists[row])
        metadata: dict[str, object] = {
            "query": self.shop.queries.texts[lists.queries[shown]],
            "device": self._device(shopper),
        }
        if not np.isnan(acts.durations_ms[row]):
            metadata["duration_ms"] = int(acts.durations_ms[row])
        link = {
            "retriever_id": RETRIEVER,
            "session_id": f"session-{lists.sessions[shown]}",
            "position": int(lists.offsets[shown] + acts.places[row]),
            "metadata": metadata,
        }
        if shopper < 0 or not self._shoppers.is_unlinked[shopper]:
            link["search_id"] = self._search_id(shown)
        return link

    def _search_id(self, row: int) -> str:
        return f"shop-{self.config.seed}-{self.lists.searches[row]}"

    def _device(self, shopper: int) -> str:
        return "mobile" if shopper >= 0 and self._shoppers.is_mobile[shopper] else "desktop"

    def _encode_results(self) -> dict[tuple[int, int, int], msgspec.Raw]:
        """Encode every page that the ranker can show, once, by refresh, query and page."""
        ids, encode = self.shop.products.document_ids, msgspec.json.Encoder().encode
        lists = self.lists
        wanted = np.stack([lists.refreshes, lists.queries, lists.offsets // PAGE_SIZE], axis=1)
        pages = {}
        for refresh, query, page in np.unique(wanted, axis=0).tolist():
            places = slice(page * PAGE_SIZE, (page + 1) * PAGE_SIZE)
            shown = self.shop.shown[refresh, query, places].tolist()
            scores = self.shop.scores[refresh, query, places].round(4).tolist()
            rows = [
                {"document_id": str(ids[product]), "score": score}
                for product, score in zip(shown, scores, strict=True)
                if product >= 0
            ]
            pages[refresh, query, page] = msgspec.Raw(encode(rows))
        return pages


def _to_texts(at: NDArray[np.int64]) -> list[str]:
    """Write times as RFC 3339 in UTC, to the millisecond."""
    moments = at.astype("datetime64[us]").astype("datetime64[ms]")
    return [f"{text}Z" for text in np.datetime_as_string(moments)]


def _to_user(shopper: int) -> str:
    return ROBOT if shopper < 0 else f"shopper-{shopper}"
