"""`rankloop models`: trained models, which of them rank, and letting them in and out of service."""

from typing import TYPE_CHECKING, Final, Literal

from cyclopts import App

from rankloop.cli.figures import UNKNOWN
from rankloop.cli.output import OK, to_epilogue
from rankloop.cli.target import HERE, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from rankloop.client.models import ModelFilters
    from rankloop.tables.manifests import Measured
    from rankloop.tables.models import Model, ModelDetails, ModelStep

LIST_EXAMPLES: Final = """\
rankloop models list
rankloop models list --retriever products --kind adapter --state promoted"""
SHOW_EXAMPLES: Final = "rankloop models show products-adapter-7"
PROMOTE_EXAMPLES: Final = """\
rankloop models promote products-adapter-7
rankloop models promote products-adapter-7 --force --why "checked by hand" """.rstrip()
ROLLBACK_EXAMPLES: Final = 'rankloop models rollback products-adapter-7 --why "too slow"'

Kind = Literal["adapter", "encoder", "ranker"]
State = Literal["trained", "rejected", "shadow", "promoted", "retired"]

models = App(
    name="models",
    help="List and show trained models, let them rank, and take them back.",
    help_epilogue=to_epilogue(f"{LIST_EXAMPLES}\n{PROMOTE_EXAMPLES}\n{ROLLBACK_EXAMPLES}"),
)


@models.command(name="list", help_epilogue=to_epilogue(LIST_EXAMPLES))
def list_models(
    target: Target = HERE,
    *,
    retriever: str | None = None,
    kind: Kind | None = None,
    state: State | None = None,
) -> int:
    """List trained models, newest first.

    Args:
        target: The data folder or the server.
        retriever: Only those of this retriever.
        kind: Only adapters, encoders or rankers.
        state: Only those that have come so far.
    """
    output = target.open_output()
    filters: ModelFilters = {}
    if retriever is not None:
        filters["retriever_id"] = retriever
    if kind is not None:
        filters["kind"] = kind
    if state is not None:
        filters["state"] = state
    with target.connect() as loop:
        known = loop.models.list(**filters)
    output.document(known)
    output.say(_to_table(known.results) if known.results else "There is no such model.")
    for model in known:
        for remark in _to_remarks(model):
            output.note(f"{model.model_id}: {remark}")
    return OK


@models.command(help_epilogue=to_epilogue(SHOW_EXAMPLES))
def show(model_id: str, target: Target = HERE) -> int:
    """Show what a model was made of, how good it was found to be, and its steps.

    Args:
        model_id: The model.
        target: The data folder or the server.
    """
    output = target.open_output()
    with target.connect() as loop:
        model = loop.models.get(model_id)
    output.document(model)
    for line in _to_lines(model):
        output.say(line)
    if model.metrics:
        output.say(_to_measures(model.metrics))
    output.say(_to_steps(model.history))
    return OK


@models.command(help_epilogue=to_epilogue(PROMOTE_EXAMPLES))
def promote(
    model_id: str, target: Target = HERE, *, force: bool = False, why: str | None = None
) -> int:
    """Let a model rank, in place of the one of its kind that does.

    The gate must have let it pass. A server does not restart, and no request
    fails meanwhile.

    Args:
        model_id: The model.
        target: The data folder or the server.
        force: Also against the gate; that goes on record.
        why: The reason, for the record.
    """
    output = target.open_output()
    with target.connect() as loop:
        model = loop.models.promote(model_id, force=force, why=why)
    output.document(model)
    output.say(f"{model_id} ranks for {model.retriever_id} from now on.")
    for remark in _to_remarks(model):
        output.note(remark)
    return OK


@models.command(help_epilogue=to_epilogue(ROLLBACK_EXAMPLES))
def rollback(model_id: str, target: Target = HERE, *, why: str | None = None) -> int:
    """Take a model out of service; the one before it ranks again, if there was one.

    Args:
        model_id: The model.
        target: The data folder or the server.
        why: The reason, for the record.
    """
    output = target.open_output()
    with target.connect() as loop:
        done = loop.models.rollback(model_id, why=why)
    output.document(done)
    kind, retriever = done.rolled_back.kind, done.rolled_back.retriever_id
    after = done.serving.model_id if done.serving else f"no {kind}"
    output.say(f"{model_id} is out of service; {after} ranks for {retriever} from now on.")
    return OK


def _to_table(known: "Sequence[Model]") -> "Table":
    """Lay out models."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    # Whole, however narrow the screen: it is what other commands are told.
    table.add_column("model", no_wrap=True, overflow="fold", min_width=_find_width(known))
    for name in ("kind", "retriever", "state", "ranks", "made", "measured"):
        table.add_column(name)
    for model in known:
        table.add_row(
            Text(model.model_id),
            model.kind,
            Text(model.retriever_id),
            model.state,
            "yes" if model.is_serving else "no",
            f"{model.created_at:%Y-%m-%d %H:%M}",
            _to_change(model.metrics[0]) if model.metrics else UNKNOWN,
        )
    return table


def _find_width(known: "Sequence[Model]") -> int:
    """Return how many characters the longest name has."""
    return max(len(model.model_id) for model in known)


def _to_change(measured: "Measured") -> str:
    """Write a measure before and after, and what it gained."""
    before_after = f"{measured.measure} {measured.baseline:.3f} → {measured.value:.3f}"
    return f"{before_after} {measured.part}{_to_gain(measured)}"


def _to_gain(measured: "Measured") -> str:
    """Write the interval of a gain; nothing where there is none."""
    if measured.low is None or measured.high is None:
        return ""
    return f" ({measured.low:+.3f} to {measured.high:+.3f})"


def _to_remarks(model: "Model") -> list[str]:
    """Say what is not as it should be with a model."""
    remarks = [model.problem] if model.problem else []
    if model.erased_at:
        remarks.append(
            f"it may have learned from users erased on {model.erased_at[-1]:%Y-%m-%d}: "
            "train it again"
        )
    return remarks


def _to_lines(model: "ModelDetails") -> list[str]:
    """Say in a few lines what a model is."""
    ranks = "ranks now" if model.is_serving else "does not rank"
    lines = [
        f"{model.model_id}: {model.kind} for {model.retriever_id}, {model.state}, {ranks}",
        f"made {model.created_at:%Y-%m-%d %H:%M} UTC on {model.base or UNKNOWN}",
    ]
    if model.manifest is not None:
        window = model.manifest.window
        lines.append(f"of {window.n_searches:,} searches with {window.n_clicks:,} clicks")
    return lines + _to_remarks(model)


def _to_measures(metrics: "Sequence[Measured]") -> "Table":
    """Lay out measures."""
    from rich.table import Table

    names = ("measure", "queries", "before", "after", "change, 95%", "n")
    table = Table(*names, box=None, pad_edge=False, title="Measures", title_justify="left")
    for one in metrics:
        change = f"{one.value - one.baseline:+.3f}{_to_gain(one)}"
        figures = (f"{one.baseline:.3f}", f"{one.value:.3f}", change, f"{one.n:,}")
        table.add_row(one.measure, one.part, *figures)
    return table


def _to_steps(history: "Sequence[ModelStep]") -> "Table":
    """Lay out the steps of a model."""
    from rich.table import Table
    from rich.text import Text

    names = ("when", "state", "by", "why")
    table = Table(*names, box=None, pad_edge=False, title="Steps", title_justify="left")
    for step in history:
        at = f"{step.at:%Y-%m-%d %H:%M}"
        table.add_row(at, step.state_after, step.decided_by, Text(step.why))
    return table
