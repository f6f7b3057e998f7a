"""`rankloop train`: one model, from what people did, and what it does for queries."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from cyclopts import App, Parameter

from rankloop.cli.output import NO, OK, Output, to_epilogue
from rankloop.cli.target import HERE, Target
from rankloop.cli.working import watch
from rankloop.tables.fine_tuned import FineTuned

if TYPE_CHECKING:
    from rich.table import Table

ADAPTER_EXAMPLES: Final = """\
rankloop train adapter --retriever products --days 30
rankloop train adapter --base-model text-embedding-3-small --url http://127.0.0.1:8400"""

RANKER_EXAMPLES: Final = """\
rankloop train ranker --retriever products --days 90
rankloop train ranker --url http://127.0.0.1:8400 --json"""

ENCODER_EXAMPLES: Final = """\
rankloop train encoder --retriever products --days 90
rankloop train encoder --base-model ./all-MiniLM-L6-v2 --epochs 1 --max-tokens 128"""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """What an encoder starts from, and how it learns."""

    base_model: str | None = None
    """A folder, or a name on the hub; what fills the index by default."""

    epochs: int = 2
    """Times that each pair is seen."""

    batch: int = 64
    """Pairs of a step."""

    max_tokens: int | None = None
    """Tokens of a text that count; as many as the model takes by default."""

    lora_rank: int | None = None
    """Rank of the changes (LoRA); all weights move by default."""

    seed: int = 17
    """The same seed makes the same encoder."""


BY_DEFAULT: Final = Fit()

train = App(
    name="train",
    help="Train one model on what people did; `rankloop learn` trains what the data allow.",
    help_epilogue=to_epilogue(ADAPTER_EXAMPLES),
)


@train.command(help_epilogue=to_epilogue(ADAPTER_EXAMPLES))
def adapter(
    target: Target = HERE,
    *,
    base_model: str | None = None,
    retriever: str | None = None,
    days: float | None = None,
    min_interactions: int = 2,
    seed: int = 1,
) -> int:
    """Train a step that moves queries to where their documents are.

    Documents keep their vectors, so a model behind an endpoint will do. Exit
    status 1 where the adapter is no better than none.

    Args:
        target: The data folder or the server.
        base_model: The model whose query vectors move; what fills the index by default.
        retriever: Whose queries; the only retriever by default.
        days: From the last days only.
        min_interactions: Different people who clicked a document.
        seed: The same seed makes the same adapter.
    """
    return train_model(
        target,
        "train_adapter",
        {
            "base_model": base_model,
            "retriever_id": retriever,
            "days": days,
            "min_interactions": min_interactions,
            "seed": seed,
        },
    )


@train.command(help_epilogue=to_epilogue(RANKER_EXAMPLES))
def ranker(
    target: Target = HERE,
    *,
    retriever: str | None = None,
    days: float | None = None,
    seed: int = 1,
) -> int:
    """Train an order on clicks, with position taken out of them.

    Several ways are trained on the earlier days, compared on the later ones, and
    the best is trained again on all. It serves once it is promoted.

    Args:
        target: The data folder or the server.
        retriever: Whose results; the only retriever by default.
        days: From the last days only.
        seed: The same seed makes the same ranker.
    """
    told = {"retriever_id": retriever, "days": days, "seed": seed}
    return train_model(target, "train_ranker", told)


@train.command(help_epilogue=to_epilogue(ENCODER_EXAMPLES))
def encoder(
    target: Target = HERE,
    *,
    retriever: str | None = None,
    days: float | None = None,
    min_interactions: int = 2,
    fit: Fit = BY_DEFAULT,
) -> int:
    """Fine-tune the embedding model itself.

    Once it is promoted, all documents are embedded anew in the background.
    Exit status 1 where the encoder is no better than its base.

    Args:
        target: The data folder or the server.
        retriever: Whose queries; the only retriever by default.
        days: From the last days only.
        min_interactions: Different people who clicked a document.
        fit: What to start from, and how to learn.
    """
    told = {"retriever_id": retriever, "days": days, "min_interactions": min_interactions}
    return train_model(target, "train_encoder", {**told, **asdict(fit)})


def train_model(target: Target, kind: str, told: dict[str, Any]) -> int:
    """Run a training and show what came of it.

    Args:
        target: The data folder or the server.
        kind: The kind of job, whose result is a `FineTuned`.
        told: What it is told; None is left out.

    Returns:
        The exit status: 1 where the model is no better than what serves.
    """
    import msgspec

    output = target.open_output()
    with target.connect() as loop:
        job = watch(loop, loop.jobs.start(kind, **told), output)
    job.check_done()
    model = msgspec.convert(job.result, FineTuned)
    output.document(model)
    _show(output, model)
    return OK if model.is_better else NO


def _show(output: Output, model: FineTuned) -> None:
    """Show what came of a training."""
    from rich.text import Text

    for warning in model.warnings:
        output.say(Text(warning, style="yellow"))
    style = "green" if model.is_better else "bold red"
    output.say(Text.assemble((model.decision, style), f"  {model.model_id}: {model.why}"))
    if model.metrics:
        output.say(_to_table(model))


def _to_table(model: FineTuned) -> "Table":
    """Lay out what a model does, with intervals."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for head in ("measure", "queries", "n", "before", "after", "difference"):
        table.add_column(head)
    for row in model.metrics:
        difference = f"{row.value - row.baseline:+.3f}"
        if row.low is not None and row.high is not None:
            difference += f" ({row.low:+.3f} to {row.high:+.3f})"
        cells = (row.measure, row.part, f"{row.n:,}", f"{row.baseline:.3f}", f"{row.value:.3f}")
        table.add_row(*(Text(cell) for cell in (*cells, difference)))
    return table
