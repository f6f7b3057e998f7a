"""The job `train_ranker`: a log in, a ranker that learned from it on record out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import numpy as np
from msgspec import Meta

from rankloop.errors import NotEnoughDataError
from rankloop.jobs.feature_rows import SERVING_SCORE
from rankloop.jobs.parameters import WindowParameters
from rankloop.jobs.processes import run_child
from rankloop.jobs.ranker_task import MODEL_FOLDER, ROWS_FILE, RankerOrder, write_order
from rankloop.models.manifest import DataWindow, Manifest, Measured
from rankloop.tables.manifests import N_SHARDS
from rankloop.tables.pairs import Need
from rankloop.training.labels import fit_labels
from rankloop.training.ranker_rows import build_rows, check_learnable, find_ranker_needs
from rankloop.training.splits import hold_out_queries
from rankloop.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from rankloop.jobs.context import JobContext
    from rankloop.jobs.feature_rows import FeatureReader, FeatureRows
    from rankloop.jobs.learning_log import LearningLog, LogReader
    from rankloop.models.shelf import ModelShelf
    from rankloop.tables.windows import InsightsWindow
    from rankloop.training.ranker_rows import RankerRows

TASK: Final = "rankloop.jobs.ranker_task:run"

HELD_OUT: Final = "queries_held_out"
"""Under which a manifest says whether queries were left out, see `training.splits`."""

LATER_SHARE: Final = 0.25
"""Share of the blocks of days that candidates are chosen by."""


class RankerParameters(WindowParameters, frozen=True, kw_only=True):
    """Train a ranker on clicks with position taken out; it re-orders what was found."""

    seed: Annotated[int, Meta(ge=0, description="The same seed makes the same ranker.")] = 1
    hold_out: Annotated[
        bool,
        Meta(
            description="Leave a fifth of the queries out, by a hash of their words, so that the "
            "ranker can be judged on queries that it never saw, too; `learn` does."
        ),
    ] = False


class _Gathered(msgspec.Struct, frozen=True):
    """What was written for the child."""

    retriever_id: str
    n_searches: int
    n_clicks: int
    n_rows: int
    n_queries: int
    digest: str
    needs: list[Need]


@dataclass(frozen=True, slots=True)
class _Told:
    """What a manifest is made of."""

    gathered: _Gathered
    found: dict[str, Any]
    window: DataWindow
    now: datetime
    parameters: RankerParameters


class RankerTraining:
    """Trains rankers on one installation.

    Args:
        reader: What reads logs.
        features: What makes rows of them.
        models: Where the ranker is kept.
        now: The clock, aware UTC.
    """

    def __init__(
        self,
        reader: LogReader,
        features: FeatureReader,
        models: ModelShelf,
        now: Callable[[], datetime],
    ) -> None:
        self._reader = reader
        self._features = features
        self._models = models
        self._now = now

    def run(self, context: JobContext, parameters: RankerParameters) -> dict[str, Any]:
        """Train a ranker, and say what became of it.

        Returns:
            The fields of `FineTuned`.
        """
        manifest = self.train(context, parameters)
        return {
            "model_id": manifest.model_id,
            "decision": self._models.catalog.find(manifest.model_id).state,
            "why": explain(manifest),
            "metrics": msgspec.to_builtins(manifest.metrics),
            "warnings": manifest.parameters["warnings"],
            "details": {
                name: manifest.parameters[name]
                for name in ("chosen", "n_trees", "tried", "unchosen", "n_rows", "n_queries")
            },
        }

    def train(self, context: JobContext, parameters: RankerParameters) -> Manifest:
        """Train a ranker and put it on record as trained.

        Several ways are trained on the earlier days of the window and compared on the later ones;
        the one that would have earned most is trained again on all of them.

        Raises:
            InputError: The retriever is left out and not the only one, or the window is empty.
            NotEnoughDataError: No order can be learned; it says what is lacking.
            UnavailableError: The disk does not take the ranker.
        """
        now = context.step("now", self._now, datetime)
        work = context.part("work", 0.3, 0.95)
        context.report(0.02, "reading the log")
        gathered = context.step(
            "gather", lambda: self._gather(work.folder, parameters, now), _Gathered
        )
        for warning in warn(gathered.needs):
            context.log(warning)
        found = context.step("train", lambda: run_child(work, TASK, work.folder))
        window = parameters.to_window(now)
        span = DataWindow(
            start=window.start,
            end=window.end or now,
            n_searches=gathered.n_searches,
            n_clicks=gathered.n_clicks,
        )
        manifest = describe(_Told(gathered, found, span, now, parameters))
        kept = self._models.keep(manifest, work.folder / MODEL_FOLDER)
        context.log(explain(kept))
        return kept

    def _gather(self, folder: Path, parameters: RankerParameters, now: datetime) -> _Gathered:
        """Read the log and write rows for the child."""
        window = parameters.to_window(now)
        log = self._read_log(parameters.retriever_id, window)
        read = self._features.read(log)
        rows, later = to_rows(log, read), find_later(read)
        if parameters.hold_out:
            taught = find_taught(log, read)
            rows, later = rows.select(taught), later[taught]
        check_learnable(rows)
        order = RankerOrder(
            feature_names=list(rows.feature_names),
            serving_score=SERVING_SCORE,
            categorical=list(rows.categorical),
            spec=read.spec.to_json().decode(),
            seed=parameters.seed,
        )
        write_order(folder, rows, later, log.propensities.examination, order)
        return _Gathered(
            retriever_id=log.retriever_id,
            n_searches=log.n_searches,
            n_clicks=int(rows.clicks.sum()),
            n_rows=len(rows),
            n_queries=rows.n_queries,
            digest=hashlib.sha256((folder / ROWS_FILE).read_bytes()).hexdigest(),
            needs=find_ranker_needs(rows, log.n_searches),
        )

    def _read_log(self, retriever_id: str | None, window: InsightsWindow) -> LearningLog:
        """Read the log, if position can be taken out of it."""
        log = self._reader.read(retriever_id, window)
        if not log.cells.n_clicks:
            raise NotEnoughDataError(
                "nothing was clicked, so there is nothing to learn from",
                where="clicks",
                hint="Send clicks with the `search_id` of the list they were made in.",
            )
        if not log.is_identified:
            raise NotEnoughDataError(
                "the log cannot tell position and document apart, so a ranker would learn the "
                "order that serves",
                where="position",
                hint="Let `rankloop bias` plan some swaps; until then boost by popularity.",
            )
        return log


def to_rows(log: LearningLog, read: FeatureRows) -> RankerRows:
    """Label the rows of a log; a pair counts in each block of days by itself."""
    # A store adds in any order, so that the last bits of what it adds differ from time to time.
    features = read.features.astype(np.float32).astype(np.float64)
    labels = fit_labels(read.cells, log.propensities.examination, features=features)
    need = np.unique(read.rows_of_need.astype(str), return_inverse=True)[1]
    return build_rows(
        labels,
        features,
        read.spec.names,
        SERVING_SCORE,
        read.spec.categorical,
        need.astype(np.int64),
    )


def find_taught(log: LearningLog, read: FeatureRows) -> NDArray[np.bool_]:
    """Say which rows are of queries that may be learned from, `[n_pairs]`."""
    texts = [log.queries.get(str(key), "") for key in read.query_keys]
    return np.asarray(~hold_out_queries(texts)[read.cells.pairs.query])


def find_later(read: FeatureRows) -> NDArray[np.bool_]:
    """Say which rows candidates are chosen by, `[n_pairs]`: the last quarter of the blocks.

    Where there is one block only, a quarter of the queries takes their place.
    """
    n_blocks = len(read.days)
    if n_blocks > 1:
        first = n_blocks - max(1, round(LATER_SHARE * n_blocks))
        return np.asarray((read.blocks >= first)[read.cells.pairs.query])
    every = round(1 / LATER_SHARE)
    return np.asarray(read.cells.pairs.query % every == 0)


def describe(told: _Told) -> Manifest:
    """Write the manifest of a ranker."""
    gathered, found, seed = told.gathered, told.found, told.parameters.seed
    name = "\x1f".join((gathered.retriever_id, gathered.digest, str(seed), str(told.now)))
    return Manifest(
        model_id=f"ranker-{hashlib.sha256(name.encode()).hexdigest()[:10]}",
        kind="ranker",
        retriever_id=gathered.retriever_id,
        base=gathered.retriever_id,
        created_at=told.now,
        code_version=__version__,
        window=told.window,
        exports={"rows": gathered.digest},
        seeds=[seed],
        metrics=msgspec.convert(found["metrics"], list[Measured]),
        # Rows are sums over people, so any of them may have taken part.
        shards=list(range(N_SHARDS)),
        parameters={
            "chosen": found["chosen"],
            "n_trees": found["n_trees"],
            "tried": found["tried"],
            "unchosen": found["unchosen"],
            "n_rows": gathered.n_rows,
            "n_queries": gathered.n_queries,
            HELD_OUT: told.parameters.hold_out,
            "warnings": warn(gathered.needs),
        },
    )


def explain(manifest: Manifest) -> str:
    """Say in one sentence which way of ranking was taken, and what it would have earned."""
    chosen = manifest.parameters["chosen"]
    every = next((row for row in manifest.metrics if row.part == "all"), None)
    if every is None:
        return f"{chosen}, untested: {manifest.parameters['unchosen']}"
    gain = every.value - every.baseline
    bounds = "" if every.low is None else f" ({every.low:+.4f} to {every.high:+.4f})"
    return f"{chosen}: {gain:+.4f} clicks per search{bounds} on later days of {every.n} queries"


def warn(needs: Sequence[Need]) -> list[str]:
    """Say what speaks against a ranker before it is trained."""
    return [
        f"{need.have:,} {need.what.replace('_', ' ')} are few: {need.need:,} should be there, and "
        "below that `learn` trains no ranker"
        for need in needs
    ]
