"""The child's part of training a ranker: rows in, the ranker's files and its figures out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from rankloop.errors import NotEnoughDataError
from rankloop.models.feature_spec import FEATURES_FILE
from rankloop.training.evidence import Placed
from rankloop.training.ranker_choice import choose_ranker
from rankloop.training.ranker_rows import RankerRows, check_learnable
from rankloop.training.rankers import DEFAULT, RankerConfig, train_rankers

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from rankloop.jobs.context import Report
    from rankloop.training.ranker_choice import Choice

ROWS_FILE: Final = "rows.npz"
ORDER_FILE: Final = "ranker_order.json"
MODEL_FOLDER: Final = "model"

_ROWS: Final = (
    "query",
    "features",
    "clicks",
    "examinations",
    "impressions",
    "labels",
    "weights",
    "need",
)
_PLACED: Final = ("pair", "position", "examination", "n", "clicks")

_MIN_QUERIES: Final = 5
"""Queries with clicks under which held-out rows choose nothing."""


class RankerOrder(msgspec.Struct, frozen=True):
    """What the child is told beside the rows."""

    feature_names: list[str]
    serving_score: str
    categorical: list[int]
    spec: str
    """The specification of the features, as it stands in a ranker's folder."""

    seed: int


def write_order(
    folder: Path,
    rows: RankerRows,
    is_later: NDArray[np.bool_],
    curve: NDArray[np.float64],
    order: RankerOrder,
) -> None:
    """Write what the child reads.

    Args:
        folder: Where it looks.
        rows: What is learned from.
        is_later: `[n_rows]` bool, which of them candidates are chosen by.
        curve: `[n_positions]` float64, examination; NaN where it is not known.
        order: The rest.
    """
    arrays = {name: getattr(rows, name) for name in _ROWS if name != "need"}
    placed = rows.placed
    assert placed is not None  # noqa: S101 rows of a log have their positions
    arrays |= {f"placed_{name}": getattr(placed, name) for name in _PLACED}
    arrays |= {"need": rows.topic, "is_later": is_later, "curve": curve}
    np.savez(folder / ROWS_FILE, **arrays)
    (folder / ORDER_FILE).write_bytes(msgspec.json.encode(order))


def run(folder: Path, report: Report) -> dict[str, Any]:
    """Train candidates, choose by later days, train the chosen way on all, and write it.

    Returns:
        `chosen`, `n_trees`, `metrics`, `tried` and `unchosen`: why no held-out rows decided, empty
        where they did.
    """
    order = msgspec.json.decode((folder / ORDER_FILE).read_bytes(), type=RankerOrder)
    rows, is_later, curve = _read(folder, order)
    check_learnable(rows)
    choice: Choice | None = None
    lack = ""
    try:
        choice = _choose(rows, is_later, curve, order, report)
    except NotEnoughDataError as error:
        lack = str(error)
    name = choice.name if choice is not None else DEFAULT
    report(0.6, f"training {name} on everything")
    config = _only(name)
    last = train_rankers(
        rows, config, order.seed, lambda share, text: report(0.6 + 0.4 * share, text)
    )
    chosen = next(one for one in last if one.name == name)
    model = folder / MODEL_FOLDER
    model.mkdir(exist_ok=True)
    for path in model.iterdir():
        path.unlink()
    chosen.ranker.save(model)
    (model / FEATURES_FILE).write_text(order.spec, encoding="utf-8")
    return {
        "chosen": name,
        "n_trees": chosen.n_trees,
        "metrics": msgspec.to_builtins(list(choice.metrics)) if choice is not None else [],
        "tried": msgspec.to_builtins(list(choice.trials)) if choice is not None else [],
        "unchosen": lack,
    }


def _choose(
    rows: RankerRows,
    is_later: NDArray[np.bool_],
    curve: NDArray[np.float64],
    order: RankerOrder,
    report: Report,
) -> Choice:
    """Train every candidate on the earlier days and choose by the later ones."""
    earlier, later = rows.select(~is_later), rows.select(is_later)
    n_clicked = np.unique(later.topic[later.clicks > 0]).size
    if n_clicked < _MIN_QUERIES:
        raise NotEnoughDataError(
            f"the later days have clicks on {n_clicked} queries, {_MIN_QUERIES} are needed"
        )
    candidates = train_rankers(
        earlier, RankerConfig(), order.seed, lambda share, text: report(0.5 * share, text)
    )
    report(0.5, "choosing by later days")
    taught = np.unique(earlier.topic[earlier.is_seen])
    return choose_ranker(candidates, later, curve, taught, np.random.default_rng(order.seed))


def _only(name: str) -> RankerConfig:
    """Return settings under which one candidate is trained, and the default."""
    shares = (int(name.removeprefix("blend_")) / 100,) if name.startswith("blend_") else ()
    return RankerConfig(blends=shares, has_challengers=name in ("order", "positions"))


def _read(
    folder: Path, order: RankerOrder
) -> tuple[RankerRows, NDArray[np.bool_], NDArray[np.float64]]:
    """Read what the parent wrote."""
    with np.load(folder / ROWS_FILE, allow_pickle=False) as arrays:
        rows = RankerRows(
            **{name: arrays[name] for name in _ROWS},
            feature_names=tuple(order.feature_names),
            placed=Placed(**{name: arrays[f"placed_{name}"] for name in _PLACED}),
            serving_score=order.serving_score,
            categorical=tuple(order.categorical),
        )
        return rows, arrays["is_later"], arrays["curve"]
