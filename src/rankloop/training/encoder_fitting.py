"""Fine-tuning with sentence-transformers: one model, its batches, its checkpoints.

This module and the one that exports are the only ones of the room that load torch.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rankloop.errors import SettingsError
from rankloop.indexing.embedder_onnx import read_prompts
from rankloop.training.encoder_examples import draw_columns
from rankloop.training.encoder_low_rank import add_low_rank, merge_low_rank
from rankloop.training.encoder_watching import VALUE, build_evaluator, build_reporter

if TYPE_CHECKING:
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )

    from rankloop.training.encoder_examples import Examples
    from rankloop.training.encoder_watching import Measure, Report

CHECKPOINTS: Final = "checkpoints"
WEIGHTS_FILE: Final = "weights.safetensors"
_STATE_FILE: Final = "trainer_state.json"
_NO_LIBRARY: Final = "pip install 'rankloop[train]'."


@dataclass(frozen=True, slots=True)
class FitConfig:
    """How an encoder learns."""

    n_epochs: int = 2
    """Times that as many rows are drawn as there are pairs, 1 or more."""

    batch: int = 64
    """Pairs of a step, 2 or more; each is contrasted with the documents of the others."""

    learning_rate: float | None = None
    """Highest step size; 2e-5 when left out, 2e-4 for LoRA, whose matrices start at 0."""

    warmup_share: float = 0.1
    """Share of the steps in which the step size grows, in [0, 1)."""

    scale: float = 20.0
    """What cosines are multiplied with before they are compared, above 0."""

    n_negatives: int = 1
    """Documents passed over that stand beside each positive, 0 or more."""

    max_tokens: int | None = None
    """Tokens of a text that count; as many as the model takes when left out."""

    n_tokens_held: int = 65_536
    """Tokens whose gradients are in memory at a time; a larger batch is computed in parts."""

    lora_rank: int | None = None
    """Rank of the change of each matrix (LoRA); every weight moves when left out."""

    guide: str | None = None
    """A model that masks negatives which it finds as good as the positive; `base` for the base."""

    n_evaluations: int = 5
    """How often the model is measured on the way, 1 or more."""

    patience: int = 2
    """Evaluations without a gain after which it ends, 1 or more."""

    seed: int = 17

    def __post_init__(self) -> None:
        least = {"n_epochs": 1, "batch": 2, "n_negatives": 0, "n_evaluations": 1, "patience": 1}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise SettingsError(f"{name} must be {low} or more", where=f"/{name}")
        for name in ("lora_rank", "max_tokens"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise SettingsError(f"{name} must be 1 or more", where=f"/{name}")
        if not 0 <= self.warmup_share < 1:
            raise SettingsError("warmup_share must be in [0, 1)", where="/warmup_share")
        if self.learning_rate is not None and not 0 < self.learning_rate < 1:
            raise SettingsError("learning_rate must be in (0, 1)", where="/learning_rate")


def load_encoder(model: str, max_tokens: int | None = None) -> SentenceTransformer:
    """Load a model for training, on a GPU where there is one.

    Args:
        model: A folder, or a name on the hub (which is then fetched, once).
        max_tokens: Tokens of a text that count; as many as the model takes when left out.

    Raises:
        SettingsError: sentence-transformers is not installed, or there is no such model.
    """
    try:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging
    except ImportError as error:
        raise SettingsError(
            "fine-tuning needs sentence-transformers, which is not installed",
            where="/base_model",
            hint=_NO_LIBRARY,
        ) from error
    hide_progress: Any = logging.disable_progress_bar
    hide_progress()
    try:
        loaded = SentenceTransformer(model)
    except (OSError, ValueError, KeyError) as error:
        name = Path(model).name
        raise SettingsError(
            f"there is no model {name!r} that can be loaded",
            where="/base_model",
            hint="Give a folder that holds a sentence-transformers model, or, where the hub can "
            "be reached, a name on it.",
        ) from error
    if max_tokens is not None:
        loaded.max_seq_length = min(max_tokens, loaded.max_seq_length or max_tokens)
    return loaded


def fit_encoder(
    model: SentenceTransformer,
    examples: Examples,
    config: FitConfig,
    folder: Path,
    measure: Measure,
    report: Report,
) -> SentenceTransformer:
    """Fine-tune a model; go on from the last checkpoint where there is one.

    The loss is InfoNCE over the documents of a batch: `log softmax(scale * cosine)` of each
    positive among all positives and negatives of the batch. No text stands twice in a batch.

    Args:
        model: What to start from; it is changed.
        examples: What to learn from.
        config: How.
        folder: Where checkpoints stand, each about three times the model.
        measure: Says how good a model is; the best that was measured is returned.
        report: Told about every step.

    Source: Henderson et al., Efficient Natural Language Response Suggestion for Smart Reply, 2017;
        Gao et al., Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup, 2021
        (parts of a batch); Solatorio, GISTEmbed, 2024 (guide); Hu et al., LoRA, ICLR 2022.
    """
    from datasets import Dataset
    from transformers import EarlyStoppingCallback
    from transformers.trainer_callback import PrinterCallback

    guide = _load_guide(model, config)
    if config.lora_rank is not None:
        add_low_rank(model, config.lora_rank, config.seed)
    n_rows = len(examples.rows) * config.n_epochs
    columns = draw_columns(examples, n_rows, config.n_negatives, np.random.default_rng(config.seed))
    n_steps = math.ceil(n_rows / config.batch)
    trainer = _choose_trainer()(
        model=model,
        args=_write_arguments(model, config, folder / CHECKPOINTS, n_steps),
        train_dataset=Dataset.from_dict(columns),
        loss=_build_loss(model, guide, config),
        evaluator=build_evaluator(measure),
        callbacks=[EarlyStoppingCallback(config.patience), build_reporter(report)],
    )
    trainer.remove_callback(PrinterCallback)
    last = find_checkpoint(folder / CHECKPOINTS)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    merge_low_rank(model)
    return model


def find_checkpoint(folder: Path) -> Path | None:
    """Return the last checkpoint that was written whole; None where there is none.

    The state of the trainer is the last file of a checkpoint to be written.
    """
    whole = []
    for path in folder.glob("checkpoint-*"):
        try:
            step = int(json.loads((path / _STATE_FILE).read_bytes())["global_step"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        whole.append((step, path))
    return max(whole)[1] if whole else None


def _choose_trainer() -> type[SentenceTransformerTrainer]:
    """Return the library's trainer, with checkpoints of ours.

    The library's own hold the whole model with a page about it that quotes texts, and cannot be
    read back while changes of low rank are in it.
    """
    from safetensors.torch import load_file, save_file
    from sentence_transformers import SentenceTransformerTrainer

    class Trainer(SentenceTransformerTrainer):
        """Trains, quotes nothing, and writes down weights only."""

        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            """Add nothing."""

        def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:  # noqa: ANN401
            """Write the weights."""
            folder = Path(output_dir or str(self.args.output_dir))
            folder.mkdir(parents=True, exist_ok=True)
            weights = {name: value.contiguous() for name, value in self.model.state_dict().items()}
            save_file(weights, folder / WEIGHTS_FILE)

        def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:  # noqa: ANN401
            """Read the weights back."""
            weights = load_file(Path(resume_from_checkpoint) / WEIGHTS_FILE)
            (model or self.model).load_state_dict(weights)

    return Trainer


def _write_arguments(
    model: SentenceTransformer, config: FitConfig, folder: Path, n_steps: int
) -> SentenceTransformerTrainingArguments:
    """Write down for the library how to train."""
    import torch
    from sentence_transformers import SentenceTransformerTrainingArguments
    from sentence_transformers.base.sampler import BatchSamplers

    every = max(1, n_steps // config.n_evaluations)
    default_rate = 2e-5 if config.lora_rank is None else 2e-4
    has_gpu = torch.cuda.is_available()
    return SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        num_train_epochs=1,
        per_device_train_batch_size=config.batch,
        learning_rate=config.learning_rate or default_rate,
        warmup_steps=config.warmup_share,
        batch_sampler=BatchSamplers.NO_DUPLICATES,
        eval_strategy="steps",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=1,
        load_best_model_at_end=True,
        metric_for_best_model=f"eval_{VALUE}",
        greater_is_better=True,
        logging_steps=1,
        bf16=has_gpu and torch.cuda.is_bf16_supported(),
        dataloader_pin_memory=has_gpu,
        restore_callback_states_from_checkpoint=True,
        prompts=_name_prompts(model, config.n_negatives),
        seed=config.seed,
        report_to="none",
        disable_tqdm=True,
    )


def _name_prompts(model: SentenceTransformer, n_negatives: int) -> dict[str, str] | None:
    """Say what the model wants before each column's texts, as when it serves."""
    before_queries, before_documents = read_prompts(model.prompts)
    if not before_queries and not before_documents:
        return None
    columns = ["positive", *(f"negative_{k + 1}" for k in range(n_negatives))]
    return {"anchor": before_queries, **dict.fromkeys(columns, before_documents)}


def _build_loss(
    model: SentenceTransformer, guide: SentenceTransformer | None, config: FitConfig
) -> Any:  # noqa: ANN401 a library that is not always there
    """Choose the loss: whole batches or parts of them, with a guide or without."""
    from sentence_transformers.sentence_transformer.losses import (
        CachedGISTEmbedLoss,
        CachedMultipleNegativesRankingLoss,
        GISTEmbedLoss,
        MultipleNegativesRankingLoss,
    )

    n_tokens = model.max_seq_length or 512
    is_cached = config.batch * (2 + config.n_negatives) * n_tokens > config.n_tokens_held
    parts = {"mini_batch_size": max(1, config.n_tokens_held // (3 * n_tokens))} if is_cached else {}
    if guide is not None:
        guided: Any = CachedGISTEmbedLoss if is_cached else GISTEmbedLoss
        return guided(
            model,
            guide,
            temperature=1 / config.scale,
            margin_strategy="relative",
            margin=0.05,
            **parts,
        )
    plain: Any = CachedMultipleNegativesRankingLoss if is_cached else MultipleNegativesRankingLoss
    return plain(model, scale=config.scale, **parts)


def _load_guide(model: SentenceTransformer, config: FitConfig) -> SentenceTransformer | None:
    """Load what masks negatives."""
    if config.guide is None:
        return None
    if config.guide == "base":
        from copy import deepcopy

        return deepcopy(model)
    return load_encoder(config.guide, config.max_tokens)
