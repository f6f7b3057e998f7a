"""`rankloop retrievers` and `rankloop search`: pipelines by version, and what they rank."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cyclopts import App, Parameter

from rankloop.cli.figures import to_rank
from rankloop.cli.output import OK, to_epilogue
from rankloop.cli.target import HERE, Target
from rankloop.errors import FileError, InputError

if TYPE_CHECKING:
    from rich.table import Table

    from rankloop.cli.output import Output
    from rankloop.tables.serving import PipelineVersion, ServedRanking, StageMove

PUT_EXAMPLES: Final = """\
rankloop retrievers put products pipeline.json
rankloop retrievers put products - --url http://127.0.0.1:8400 < pipeline.json"""

GET_EXAMPLES: Final = "rankloop retrievers get products > pipeline.json"
LIST_EXAMPLES: Final = """\
rankloop retrievers list
rankloop retrievers list products"""
RESTORE_EXAMPLES: Final = "rankloop retrievers restore products 3"
REMOVE_EXAMPLES: Final = "rankloop retrievers remove products"

SEARCH_EXAMPLES: Final = """\
rankloop search "wireless earbuds" --retriever products
rankloop search "new arrivals" --retriever products --user-id user_123 --explain
rankloop search shoes --retriever products --filters '{"price": {"$lte": 50}}'"""

LONGEST_FIELD: Final = 60
"""Most characters of a document's text on screen."""

retrievers = App(
    name="retrievers",
    help="Give retrievers their pipelines, see them, and go back to an older version.",
    help_epilogue=to_epilogue(f"{PUT_EXAMPLES}\n{GET_EXAMPLES}\n{LIST_EXAMPLES}"),
)


@retrievers.command(help_epilogue=to_epilogue(PUT_EXAMPLES))
def put(retriever_id: str, file: Path, target: Target = HERE) -> int:
    """Put a pipeline into use, as a new version.

    Args:
        retriever_id: The retriever; made if there is none of this name.
        file: JSON with stages, and embedder or signal_weights where wanted; - for standard input.
        target: The data folder or the server.
    """
    output = target.open_output()
    configuration = _read_object(file)
    with target.connect() as loop:
        made = loop.retriever(retriever_id).configure(configuration)
    output.document(made)
    output.say(f"{made.pipeline} is in use: {_to_stages(made)}.")
    return OK


@retrievers.command(help_epilogue=to_epilogue(GET_EXAMPLES))
def get(retriever_id: str, target: Target = HERE) -> int:
    """Write the pipeline in use as JSON, as `put` takes it.

    Args:
        retriever_id: The retriever.
        target: The data folder or the server.
    """
    output = target.open_output()
    with target.connect() as loop:
        version = loop.retriever(retriever_id).get()
    output.document(version)
    if not output.is_json:
        output.people.print(json.dumps(_to_configuration(version), indent=2), markup=False)
        output.note(f"{version.pipeline}, made {version.created_at:%Y-%m-%d %H:%M} UTC")
    return OK


@retrievers.command(name="list", help_epilogue=to_epilogue(LIST_EXAMPLES))
def list_retrievers(retriever_id: str | None = None, target: Target = HERE) -> int:
    """List the pipelines in use, or every version of one.

    Args:
        retriever_id: The retriever whose versions to list; all retrievers when left out.
        target: The data folder or the server.
    """
    output = target.open_output()
    with target.connect() as loop:
        known = loop.retriever(retriever_id).versions() if retriever_id else loop.retrievers()
    output.document(known)
    output.say(_to_table(known.results) if known.results else "There is no retriever.")
    return OK


@retrievers.command(help_epilogue=to_epilogue(RESTORE_EXAMPLES))
def restore(retriever_id: str, version: int, target: Target = HERE) -> int:
    """Put an older version into use again, as a new one.

    Args:
        retriever_id: The retriever.
        version: The version, as `rankloop retrievers list ID` shows it.
        target: The data folder or the server.
    """
    output = target.open_output()
    with target.connect() as loop:
        made = loop.retriever(retriever_id).restore(version)
    output.document(made)
    output.say(f"{made.pipeline} is in use, the same as version {version}.")
    return OK


@retrievers.command(help_epilogue=to_epilogue(REMOVE_EXAMPLES))
def remove(retriever_id: str, target: Target = HERE) -> int:
    """Take a retriever and its documents out of use; what people did with it stays.

    Args:
        retriever_id: The retriever.
        target: The data folder or the server.
    """
    output = target.open_output()
    with target.connect() as loop:
        loop.retriever(retriever_id).remove()
    output.document({"retriever_id": retriever_id, "removed": True})
    output.say(f"{retriever_id} is removed.")
    return OK


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What of a ranking is wanted, and for whom."""

    limit: int = 10
    """Results wanted."""

    offset: int = 0
    """Results skipped."""

    user_id: str | None = None
    """Whose history counts."""

    session_id: str | None = None
    """Whose session counts."""

    filters: str | None = None
    """Conditions as JSON, such as {"price": {"$lte": 50}}."""

    explain: bool = False
    """Say for each result what moved it, and by how much."""


USUAL: Final = Wanted()
"""The first ten results, for nobody in particular."""


def search(query: str, target: Target = HERE, wanted: Wanted = USUAL, *, retriever: str) -> int:
    """Rank documents for a query, as a program would; it is recorded as a search.

    Args:
        query: What to look for.
        target: The data folder or the server.
        wanted: Which results, and for whom.
        retriever: The retriever whose pipeline ranks.
    """
    output = target.open_output()
    given: dict[str, Any] = {"user_id": wanted.user_id, "session_id": wanted.session_id}
    if wanted.filters is not None:
        given["filters"] = _to_object(wanted.filters, "--filters")
    with target.connect() as loop:
        ranking = loop.retriever(retriever).execute(
            query,
            limit=wanted.limit,
            offset=wanted.offset,
            explain=wanted.explain,
            **given,
        )
    output.document(ranking)
    _show(ranking, output)
    return OK


def _show(ranking: "ServedRanking", output: "Output") -> None:
    """Show a ranking to people."""
    from rich.table import Table
    from rich.text import Text

    table = Table("rank", "document", "score", "text", box=None, pad_edge=False)
    for result in ranking:
        table.add_row(
            to_rank(result.position),
            Text(result.document_id),
            f"{result.score:.4g}",
            Text(_to_line(result.payload or {})),
        )
        for move in result.explain or ():
            table.add_row("", Text(f"  {move.stage}", style="dim"), "", _to_move(move))
    output.say(table if ranking.results else "Nothing was found.")
    for skipped in ranking.skipped:
        output.note(f"{skipped.stage} was skipped: {skipped.detail}")
    output.note(
        f"{ranking.total:,} documents, {ranking.took_ms:.1f} ms, {ranking.pipeline}, "
        f"search {ranking.search_id}"
    )


def _to_move(move: "StageMove") -> str:
    """Write what a stage did with a result."""
    before = "new" if move.position_before is None else to_rank(move.position_before)
    reasons = ", ".join(f"{name} {_to_short(value)}" for name, value in move.notes.items())
    return f"{before} → {to_rank(move.position_after)}" + (f" ({reasons})" if reasons else "")


def _to_short(value: object) -> str:
    """Write a reason's value."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _to_line(payload: dict[str, Any]) -> str:
    """Write the first text of a document, cut to a line."""
    texts = [value for value in payload.values() if isinstance(value, str) and value.strip()]
    line = " ".join(texts[0].split()) if texts else ""
    return line if len(line) <= LONGEST_FIELD else f"{line[: LONGEST_FIELD - 1]}…"


def _to_table(versions: "list[PipelineVersion]") -> "Table":
    """Lay out pipelines."""
    from rich.table import Table

    table = Table("pipeline", "made", "stages", "embedder", box=None, pad_edge=False)
    for version in versions:
        embedder = (version.embedder or {}).get("model") or "none"
        made = f"{version.created_at:%Y-%m-%d %H:%M}"
        table.add_row(version.pipeline, made, _to_stages(version), str(embedder))
    return table


def _to_stages(version: "PipelineVersion") -> str:
    """Write a pipeline's stages in one line."""
    return " → ".join(str(stage.get("type")) for stage in version.stages) or "no stage"


def _to_configuration(version: "PipelineVersion") -> dict[str, Any]:
    """Return what `put` takes."""
    parts = {
        "stages": version.stages,
        "embedder": version.embedder,
        "signal_weights": version.signal_weights,
        "timeout_ms": version.timeout_ms,
    }
    return {name: value for name, value in parts.items() if value}


def _read_object(file: Path) -> dict[str, Any]:
    """Read a JSON object from a file or standard input.

    Raises:
        FileError: The file cannot be read.
        InputError: It holds something else.
    """
    if str(file) == "-":
        return _to_object(sys.stdin.read(), "standard input")
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{file} cannot be read as text", where=str(file)) from error
    return _to_object(text, str(file))


def _to_object(text: str, where: str) -> dict[str, Any]:
    """Read a JSON object."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InputError(f"{where} is not JSON", where=where, hint=str(error)) from error
    if not isinstance(value, dict):
        raise InputError(f"{where} is not a JSON object", where=where, hint='Write {"stages": []}.')
    return value
