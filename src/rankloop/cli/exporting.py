"""`rankloop export` and `rankloop erase`: data out, and people out."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter

from rankloop.cli.output import NO, OK
from rankloop.cli.target import HERE, Target
from rankloop.cli.yielding import show_yield
from rankloop.errors import InputError

EXPORT_EXAMPLES: Final = """\
rankloop export click-log --format parquet --out clicks.parquet
rankloop export interactions --out last-week.ndjson --days 7
rankloop export searches --format csv --out s.csv --url http://127.0.0.1:8400
rankloop export pairs --format triplets --out triplets.jsonl --days 30
rankloop export features --format parquet --out features.parquet --days 7
rankloop export judgments --format trec --out qrels.txt --source-weights human:3"""

ERASE_EXAMPLES: Final = """\
rankloop erase --user-id user_123
rankloop erase --user-id user_123 --user-id user_456 --yes"""

Kind = Literal["interactions", "searches", "click-log", "pairs", "judgments", "features"]
Format = Literal["ndjson", "parquet", "csv", "letor", "trec", "srw", "triplets", "triplets-parquet"]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True, slots=True)
class Narrowing:
    """What an export is made of."""

    retriever: str | None = None
    """Only rows of this retriever; pairs and judgments are of one."""

    days: float | None = None
    """Only rows of the last days."""

    min_interactions: int | None = None
    """For pairs: distinct people who clicked a positive; 2 if left out."""

    weights: str | None = None
    """For judgments: what steps count for, such as click:1,purchase:10."""

    source_weights: str | None = None
    """For judgments: what sources count for, such as clicks:1,human:3."""

    def to_filters(self) -> dict[str, Any]:
        """Return what was said, by the names of `ExportFilters`."""
        said = {
            "retriever_id": self.retriever,
            "days": self.days,
            "min_interactions": self.min_interactions,
            "weights": self.weights,
            "source_weights": self.source_weights,
        }
        return {name: value for name, value in said.items() if value is not None}


EVERYTHING: Final = Narrowing()


def export(
    kind: Kind,
    target: Target = HERE,
    *,
    out: Path,
    format: Format = "ndjson",  # noqa: A002 the option's name
    narrowing: Narrowing = EVERYTHING,
) -> int:
    """Write a table to a file, with PATH.manifest.json beside it.

    The manifest has the window, the filters, the rows and the checksum. The
    file appears once it is whole. The click log has one row for each document
    shown, with what followed. Pairs also come as triplets, triplets-parquet;
    judgments as letor, trec, srw. Features are what rankers saw of results.

    Args:
        kind: What to export; click-log has a row per impression.
        target: The data folder or the server.
        out: The file to write.
        format: ndjson, parquet or csv, and what the kind has besides.
        narrowing: Which rows.
    """
    import msgspec

    output = target.open_output()
    if not out.parent.is_dir():
        raise InputError(f"there is no folder {out.parent}", where="--out")
    with target.connect() as loop, output.progress(f"export {kind}"):
        manifest = loop.exports.download(kind, out, format, **narrowing.to_filters())
    beside = out.with_name(f"{out.name}.manifest.json")
    beside.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    output.document(manifest)
    output.say(
        f"{manifest.rows:,} rows, {manifest.bytes:,} bytes in {out}; {beside.name} beside it."
    )
    if manifest.yields:
        show_yield(output, manifest.yields)
    return OK


def erase(
    target: Target = HERE,
    *,
    user_id: Annotated[list[str], Parameter(negative=())],
    yes: bool = False,
) -> int:
    """Erase everything held about users, for good, and print the receipt.

    Exit status 1 if nothing was erased: not confirmed.

    Args:
        target: The data folder or the server.
        user_id: The user, by plain id or pseudonym; repeatable.
        yes: Do not ask.
    """
    output = target.open_output()
    if not yes and not _is_confirmed(len(user_id)):
        output.note("Nothing was erased.")
        output.document({"rows": {}, "users": 0, "confirmed": False})
        return NO
    with target.connect() as loop:
        receipt = loop.users.erase(user_id)
    output.document(receipt)
    for table, n_rows in receipt.rows.items():
        output.say(f"{n_rows:>12,}  rows erased from {table}")
    for what, touched in (("models", receipt.models), ("exports", receipt.exports)):
        if touched:
            output.say(f"{what} that held some of them: {', '.join(touched)}")
    return OK


def _is_confirmed(n_users: int) -> bool:
    """Ask on a terminal; elsewhere `--yes` is needed.

    Raises:
        InputError: There is nobody to ask.
    """
    if not sys.stdin.isatty():
        raise InputError(
            "erasing cannot be undone, and there is nobody to ask",
            where="--yes",
            hint="Add --yes where the command runs by itself.",
        )
    who = "this user" if n_users == 1 else f"these {n_users} users"
    sys.stderr.write(f"Erase everything about {who}? It cannot be undone. [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
