"""Fine-tuning an encoder: learn, keep as much of it as validation says, and save it for serving."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from rankloop.errors import DiskFullError, SettingsError
from rankloop.evaluation.resampling import estimate_difference
from rankloop.models.manifest import Measured
from rankloop.training.encoder_blending import Trial, choose_share
from rankloop.training.encoder_examples import Examples
from rankloop.training.encoder_export import export_encoder
from rankloop.training.encoder_fitting import FitConfig, fit_encoder, load_encoder
from rankloop.training.encoder_measuring import MEASURE, Exam, measure_encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

    from rankloop.training.encoder_watching import Report

    Values = dict[str, NDArray[np.float64]]

VALIDATION: Final = "validation"
SANITY: Final = "sanity"
REPORTED: Final = ("seen", "unseen")
"""Parts whose values go into the manifest; nothing is chosen by them."""

_BATCH: Final = 32
_N_COPIES: Final = 9
"""Disk space in sizes of the model: two checkpoints of three, and the result in two forms."""

_N_COMPARED: Final = 16
_PROBE_BYTES: Final = 1 << 20


class EncoderTask(msgspec.Struct, frozen=True):
    """One fine-tuning."""

    base_model: str
    """A folder, or a name on the hub."""

    examples: Examples
    """What to learn from."""

    exam: Exam
    """What to be measured on: parts `validation`, `sanity`, `seen` and `unseen`."""

    fit: FitConfig = msgspec.field(default_factory=FitConfig)
    """How to learn."""

    shares: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    """Blends of the old and the new weights that are tried, with 0 among them."""

    max_sanity_drop: float = 0.01
    """How much of its sanity value a blend may lose, in [0, 1]."""

    is_exported: bool = True
    """Whether it is written as ONNX, too, so that it serves without torch."""

    def __post_init__(self) -> None:
        if not all(0 <= share <= 1 for share in self.shares) or 0 not in self.shares:
            raise SettingsError("shares must be in [0, 1], with 0 among them", where="/shares")


@dataclass(frozen=True, slots=True)
class EncoderResult:
    """What came of a fine-tuning.

    Attributes:
        dimension: Length of its vectors.
        share: How much of what was learned is kept, in [0, 1]; 0 is the base as it was.
        trials: Every blend that was tried.
        metrics: nDCG@10 beside the base's, by part.
        no_onnx: Why it serves only with torch; empty where it does without.
    """

    dimension: int
    share: float
    trials: tuple[Trial, ...]
    metrics: tuple[Measured, ...]
    no_onnx: str


def train_encoder(task: EncoderTask, work: Path, result: Path, report: Report) -> EncoderResult:
    """Fine-tune an encoder and save what validation says to keep.

    Killed and called again with the same task and folders, it goes on from the last checkpoint
    and ends with the same weights on the same machine.

    Args:
        task: What to do.
        work: Scratch; it survives a crash.
        result: Where the model is saved, for sentence-transformers and as ONNX.
        report: Told how much is done, in [0, 1], and what.

    Raises:
        SettingsError: A library is not installed, or there is no such model.
        NotEnoughDataError: There is nothing to contrast with.
        DiskFullError: The disk has no room for it.
    """
    report(0.0, "loading the model")
    model = load_encoder(task.base_model, task.fit.max_tokens)
    n_bytes = sum(each.numel() * each.element_size() for each in model.parameters())
    check_room(work, _N_COPIES * n_bytes)
    try:
        return _train(model, task, work, result, report)
    except Exception as error:
        if _is_full(work):
            raise _say_full(_N_COPIES * n_bytes) from error
        raise


def check_room(folder: Path, n_bytes: int) -> None:
    """Refuse to begin where the disk has no room for the end.

    Raises:
        DiskFullError: It has less than that.
    """
    if shutil.disk_usage(folder).free < n_bytes:
        raise _say_full(n_bytes)


def _train(
    model: SentenceTransformer, task: EncoderTask, work: Path, result: Path, report: Report
) -> EncoderResult:
    """Measure the base, learn, blend, save."""
    report(0.02, "measuring the base model")
    parts = [VALIDATION, SANITY, *REPORTED]
    before = _measure(model, task.exam, parts)
    base = _copy_weights(model)
    fit_encoder(
        model,
        task.examples,
        task.fit,
        work,
        lambda tried: _mean(_measure(tried, task.exam, [VALIDATION]), VALIDATION) or 0.0,
        lambda share, said: report(0.05 + 0.75 * share, said),
    )
    learned = _copy_weights(model)
    blend = partial(_blend, model, base, learned)
    best, trials = _choose(blend, task, before, report)
    blend(best.share)
    after = _measure(model, task.exam, REPORTED)
    report(0.96, "saving the model")
    shutil.rmtree(result, ignore_errors=True)
    model.save_pretrained(str(result), create_model_card=False)
    no_onnx = "not asked for"
    if task.is_exported:
        no_onnx = export_encoder(model, result, task.exam.documents[:_N_COMPARED])
    rng = np.random.default_rng(task.fit.seed)
    return EncoderResult(
        dimension=int(model.get_embedding_dimension() or 0),
        share=best.share,
        trials=tuple(trials),
        metrics=tuple(_compare(part, after[part], before[part], rng) for part in after),
        no_onnx=no_onnx,
    )


def _choose(
    blend: Callable[[float], SentenceTransformer],
    task: EncoderTask,
    before: Values,
    report: Report,
) -> tuple[Trial, list[Trial]]:
    """Try every blend."""

    def attempt(share: float) -> Trial:
        report(0.8 + 0.15 * share, f"trying {share:.2f} of what was learned")
        values = before
        if share:
            values = _measure(blend(share), task.exam, [VALIDATION, SANITY])
        return Trial(share, _mean(values, VALIDATION) or 0.0, _mean(values, SANITY))

    return choose_share(task.shares, attempt, task.max_sanity_drop)


def _measure(model: SentenceTransformer, exam: Exam, parts: Sequence[str]) -> Values:
    """Measure a model."""
    how: dict[str, Any] = {
        "batch_size": _BATCH,
        "normalize_embeddings": True,
        "convert_to_numpy": True,
        "show_progress_bar": False,
    }
    return measure_encoder(
        exam,
        [part for part in parts if part in exam.parts],
        lambda texts: np.asarray(model.encode_query(list(texts), **how), np.float32),
        lambda texts: np.asarray(model.encode_document(list(texts), **how), np.float32),
    )


def _mean(values: Values, part: str) -> float | None:
    """Return the mean of a part; None where it is empty."""
    return float(values[part].mean()) if part in values else None


def _compare(
    part: str,
    ours: NDArray[np.float64],
    base: NDArray[np.float64],
    rng: np.random.Generator,
) -> Measured:
    """Put a value beside the base's, with the interval of their difference."""
    low = high = None
    if ours.size > 1:
        estimate = estimate_difference(ours, base, rng)
        low, high = estimate.low, estimate.high
    return Measured(
        measure=MEASURE,
        part=part,
        value=float(ours.mean()),
        baseline=float(base.mean()),
        low=low,
        high=high,
        n=ours.size,
    )


def _copy_weights(model: SentenceTransformer) -> dict[str, Any]:
    """Return a copy of the weights, in main memory."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def _blend(
    model: SentenceTransformer, base: dict[str, Any], learned: dict[str, Any], share: float
) -> SentenceTransformer:
    """Give a model the weights between two others."""
    weights = {
        name: (1 - share) * value + share * learned[name] if value.is_floating_point() else value
        for name, value in base.items()
    }
    model.load_state_dict(weights)
    return model


def _is_full(folder: Path) -> bool:
    """Say whether the disk takes no more; libraries hide that in errors of their own."""
    probe = folder / "probe"
    try:
        probe.write_bytes(bytes(_PROBE_BYTES))
    except OSError:
        return True
    finally:
        probe.unlink(missing_ok=True)
    return False


def _say_full(n_bytes: int) -> DiskFullError:
    """Say how much room is needed."""
    return DiskFullError(
        f"fine-tuning it takes {n_bytes / 2**20:,.0f} MiB of disk space that are not free",
        where="/base_model",
        hint="Make room, or take a smaller model. What serves today goes on serving.",
    )
