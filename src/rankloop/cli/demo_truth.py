"""What only a simulation knows, beside what the report says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from rankloop.testing.shop import CATALOGUE, MISLABELLED, MISSPELT, PAGE_SIZE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rankloop.testing.shop import Shop

NDCG: Final = "nDCG@10: gain = relevance, discount = 1/log2(position + 2), mean over queries"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The truth and the report side by side.

    Attributes:
        ndcg: nDCG@10 of production's ranking against the true relevance, in [0, 1].
        examination: Chance that each position is looked at; position 0 is 1.
        naive: Click-through by position relative to position 0, as the report has it.
        broken: The queries that were broken on purpose.
        named: The queries that the report names for low engagement.
        named_attraction: Mean true chance of a click on what these show, if looked at.
        other_attraction: The same for all other queries.
    """

    ndcg: float
    examination: list[float]
    naive: list[float | None]
    broken: frozenset[str]
    named: frozenset[str]
    named_attraction: float | None
    other_attraction: float | None

    def naive_error(self) -> float | None:
        """Return the mean relative error of the naive curve, position 0 left out."""
        pairs = zip(self.examination[1:], self.naive[1:], strict=True)
        errors = [abs(naive - true) / true for true, naive in pairs if naive is not None]
        return sum(errors) / len(errors) if errors else None

    def to_dict(self) -> dict[str, Any]:
        """Return the `truth` of `demo --json`; what needs models is null."""
        return {
            "ndcg_before": self.ndcg,
            "ndcg_after": None,
            "propensity_error": None,
            "ndcg_measure": NDCG,
            "examination": self.examination,
            "naive_examination": self.naive,
            "naive_error": self.naive_error(),
            "broken_queries": sorted(self.broken),
            "named_attraction": self.named_attraction,
            "other_attraction": self.other_attraction,
        }

    def conclude(self) -> list[str]:
        """Say in sentences how far the report agrees with what is known."""
        sentences = [
            f"Production's ranking has nDCG@10 {self.ndcg:.3f} against the truth; 1 is ideal."
        ]
        error = self.naive_error()
        if error is not None:
            sentences.append(
                f"Read as a measure of attention, click-through is off by {error:.0%} on average."
            )
        if self.named_attraction is not None and self.other_attraction is not None:
            sentences.append(
                f"The {len(self.named)} queries that the report says need work show products with a"
                f" true chance of a click of {self.named_attraction:.2f} if looked at, the other"
                f" queries {self.other_attraction:.2f}. {len(self.named & self.broken)} of the"
                f" {len(self.named)} were broken on purpose."
            )
        return sentences


def compare(shop: Shop, report: Mapping[str, Any]) -> Comparison:
    """Put the truth about a shop beside the report on its traffic."""
    named = frozenset(row["query"] for row in report["low_engagement_queries"])
    ranking = shop.ranking()
    shown = np.take_along_axis(shop.attraction, np.maximum(ranking, 0), axis=1).mean(axis=1)
    is_named = np.array([text in named for text in shop.queries.texts])
    others = ~is_named & ~shop.queries.is_empty
    return Comparison(
        ndcg=shop.ndcg(ranking),
        examination=[float(value) for value in shop.examination(PAGE_SIZE)],
        naive=_to_naive(report),
        broken=find_broken(shop),
        named=named,
        named_attraction=float(shown[is_named].mean()) if is_named.any() else None,
        other_attraction=float(shown[others].mean()) if others.any() else None,
    )


def find_broken(shop: Shop) -> frozenset[str]:
    """List the queries that the shop breaks on purpose: misspelt, or of mislabelled products."""
    category = list(CATALOGUE).index(MISLABELLED)
    texts = shop.queries.texts
    mislabelled = {texts[i] for i, own in enumerate(shop.queries.categories) if own == category}
    return frozenset(mislabelled | set(MISSPELT.values()))


def write_truth(folder: Path, shop: Shop) -> None:
    """Write the true relevance and production's ranking beside the data."""
    encode = msgspec.json.Encoder().encode_lines
    (folder / "truth.ndjson").write_bytes(encode(list(shop.iter_truth())))
    (folder / "before.ndjson").write_bytes(encode(list(shop.iter_ranking())))


def _to_naive(report: Mapping[str, Any]) -> list[float | None]:
    """Scale click-through by position so that position 0 is 1."""
    curve: dict[int, float | None] = {
        row["position"]: row["ctr"]["value"] for row in report["ctr_by_position"]
    }
    first = curve.get(0)
    values = [curve.get(position) for position in range(PAGE_SIZE)]
    return [value / first if first and value is not None else None for value in values]
