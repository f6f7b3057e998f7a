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

    from numpy.typing import NDArray

    from rankloop.testing.shop import Shop

NDCG: Final = "nDCG@10: gain = relevance, discount = 1/log2(position + 2), mean over queries"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The truth and the report side by side.

    Attributes:
        before: nDCG@10 of production's ranking against the true relevance, by part of the queries.
        after: The same of what serves once the log was learned from.
        examination: Chance that each position is looked at; position 0 is 1.
        naive: Click-through by position relative to position 0, as the report has it.
        learned: Examination relative to position 0, as it was learned; None where it was not.
        broken: The queries that were broken on purpose.
        named: The queries that the report names for low engagement.
        named_attraction: Mean true chance of a click on what these show, if looked at.
        other_attraction: The same for all other queries.
    """

    before: Mapping[str, float]
    after: Mapping[str, float]
    examination: list[float]
    naive: list[float | None]
    learned: list[float | None]
    broken: frozenset[str]
    named: frozenset[str]
    named_attraction: float | None
    other_attraction: float | None

    def naive_error(self) -> float | None:
        """Return the mean relative error of the naive curve, position 0 left out."""
        return self._find_error(self.naive)

    def learned_error(self) -> float | None:
        """Return the mean relative error of the learned curve, position 0 left out."""
        return self._find_error(self.learned)

    def _find_error(self, curve: list[float | None]) -> float | None:
        """Return the mean relative error of a curve, unknown positions and position 0 left out."""
        pairs = zip(self.examination[1:], curve[1:], strict=True)
        errors = [abs(said - true) / true for true, said in pairs if said is not None]
        return sum(errors) / len(errors) if errors else None

    def to_dict(self) -> dict[str, Any]:
        """Return the `truth` of `demo --json`."""
        return {
            "ndcg_before": self.before["all"],
            "ndcg_after": self.after["all"],
            "seen": {"ndcg_before": self.before["seen"], "ndcg_after": self.after["seen"]},
            "unseen": {"ndcg_before": self.before["unseen"], "ndcg_after": self.after["unseen"]},
            "propensity_error": self.learned_error(),
            "ndcg_measure": NDCG,
            "examination": self.examination,
            "learned_examination": self.learned,
            "naive_examination": self.naive,
            "naive_error": self.naive_error(),
            "broken_queries": sorted(self.broken),
            "named_attraction": self.named_attraction,
            "other_attraction": self.other_attraction,
        }

    def conclude(self) -> list[str]:
        """Say in sentences how far the report agrees with what is known."""
        before, after = self.before, self.after
        sentences = [
            f"Against the truth, the ranking's nDCG@10 went from {before['all']:.3f} to"
            f" {after['all']:.3f}; 1 is ideal. On queries that people asked it went from"
            f" {before['seen']:.3f} to {after['seen']:.3f}, on those that nobody had asked from"
            f" {before['unseen']:.3f} to {after['unseen']:.3f}."
        ]
        error, learned = self.naive_error(), self.learned_error()
        if error is not None and learned is not None:
            sentences.append(
                f"Read as a measure of attention, click-through is off by {error:.0%} on average;"
                f" what was learned of it is off by {learned:.0%}."
            )
        if self.named_attraction is not None and self.other_attraction is not None:
            sentences.append(
                f"The {len(self.named)} queries that the report says need work show products with a"
                f" true chance of a click of {self.named_attraction:.2f} if looked at, the other"
                f" queries {self.other_attraction:.2f}. {len(self.named & self.broken)} of the"
                f" {len(self.named)} were broken on purpose."
            )
        return sentences


@dataclass(frozen=True, slots=True)
class Learned:
    """What the shop has after learning.

    Attributes:
        ranking: `[n_queries, 10]` products, -1 past the end.
        examination: By position, relative to position 0; None where it is not known.
    """

    ranking: NDArray[np.int64]
    examination: list[float | None]


def compare(shop: Shop, report: Mapping[str, Any], learned: Learned) -> Comparison:
    """Put the truth about a shop beside the report on its traffic, and beside what was learned."""
    named = frozenset(row["query"] for row in report["low_engagement_queries"])
    ranking = shop.ranking()
    shown = np.take_along_axis(shop.attraction, np.maximum(ranking, 0), axis=1).mean(axis=1)
    is_named = np.array([text in named for text in shop.queries.texts])
    others = ~is_named & ~shop.queries.is_empty
    return Comparison(
        before=measure_parts(shop, ranking),
        after=measure_parts(shop, learned.ranking),
        examination=[float(value) for value in shop.examination(PAGE_SIZE)],
        naive=_to_naive(report),
        learned=learned.examination,
        broken=find_broken(shop),
        named=named,
        named_attraction=float(shown[is_named].mean()) if is_named.any() else None,
        other_attraction=float(shown[others].mean()) if others.any() else None,
    )


def measure_parts(shop: Shop, ranking: NDArray[np.int64]) -> dict[str, float]:
    """Measure nDCG@10 of a ranking over all queries, those asked and those never asked."""
    held_out = shop.queries.is_held_out
    return {
        "all": shop.ndcg(ranking),
        "seen": shop.ndcg(ranking, among=~held_out),
        "unseen": shop.ndcg(ranking, among=held_out),
    }


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


def write_after(folder: Path, shop: Shop, ranking: NDArray[np.int64]) -> None:
    """Write the ranking after learning beside the data."""
    encode = msgspec.json.Encoder().encode_lines
    (folder / "after.ndjson").write_bytes(encode(list(shop.iter_ranking(ranking))))


def _to_naive(report: Mapping[str, Any]) -> list[float | None]:
    """Scale click-through by position so that position 0 is 1."""
    curve: dict[int, float | None] = {
        row["position"]: row["ctr"]["value"] for row in report["ctr_by_position"]
    }
    first = curve.get(0)
    values = [curve.get(position) for position in range(PAGE_SIZE)]
    return [value / first if first and value is not None else None for value in values]
