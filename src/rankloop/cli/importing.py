"""`rankloop import`: files of searches and interactions, into a folder or to a server."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import Parameter

from rankloop.cli.output import OK, Output
from rankloop.cli.target import HERE, Target
from rankloop.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rankloop.capture.file_verdicts import ImportVerdict

EXAMPLES: Final = """\
rankloop import log.ndjson --format native
rankloop import ubi.ndjson.gz --format ubi --retriever products
rankloop import log.tsv.gz --format yandex --start 2011-05-01
rankloop import log.ndjson --format native --url http://127.0.0.1:8400"""

Format = Literal["native", "ubi", "yandex", "csv"]
N_REASONS_SHOWN: Final = 5


def import_files(
    files: Annotated[list[Path], Parameter(negative=())],
    /,
    target: Target = HERE,
    *,
    format: Format,  # noqa: A002 the option's name
    retriever: str | None = None,
    start: str = "2001-01-01T00:00:00Z",
) -> int:
    """Import files, plain or gzip; importing one again changes nothing.

    - native: NDJSON of searches and interactions, as the API takes them
    - ubi: OpenSearch User Behavior Insights, queries and events
    - yandex: the tab-separated click log of the Yandex challenges
    - csv: a header, then one interaction or impression a line

    Exit status 0 where the files could be read, whatever was rejected. A
    damaged file keeps what came before the damage; import the mended file
    again to complete it. Through --url only the native format is taken:
    other formats are translated beside the data.

    Args:
        files: The files, imported in this order.
        target: The data folder, or a server for the native format.
        format: What the files are written in.
        retriever: Where records belong that name no retriever.
        start: When every session of a yandex log begins; it has no clock.
    """
    output = target.open_output()
    begin = read_start(start)
    _check_exist(files)
    with output.progress("import", len(files)) as tick:
        progress = _to_progress(files, tick)
        if target.url is None:
            verdict = _import_here(target.folder, files, format, retriever, begin, progress)
        else:
            from rankloop.cli.importing_remotely import import_remotely

            if format != "native":
                raise InputError(
                    f"through --url only the native format is taken, not {format}",
                    where="--format",
                    hint="Stop the server and import into its folder with --data.",
                )
            with target.connect() as loop:
                verdict = import_remotely(loop, files, retriever, progress)
    output.document(verdict.to_dict())
    _show(output, verdict)
    return OK


def read_start(text: str) -> datetime:
    """Read a moment; without a zone it is UTC.

    Raises:
        InputError: It is none.

    Example:
        >>> read_start("2011-05-01").isoformat()
        '2011-05-01T00:00:00+00:00'
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{text!r} is not a moment", where="--start", hint="Write it as 2001-01-01T00:00:00Z."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _import_here(
    folder: Path,
    files: list[Path],
    format: Format,  # noqa: A002 as above
    retriever: str | None,
    start: datetime,
    progress: "Callable[[int, int], None]",
) -> "ImportVerdict":
    """Import into a folder in this process."""
    from rankloop.wiring import open_engine

    engine = open_engine(folder)
    try:
        return engine.importer.run(files, format, retriever, start, progress)
    finally:
        engine.close()


def _check_exist(files: list[Path]) -> None:
    """Refuse before anything is imported if a file is absent."""
    for file in files:
        if file.is_dir():
            raise InputError(f"{file} is a folder", where="files", hint="Name the files in it.")
        if not file.is_file():
            raise InputError(f"there is no file {file}", where="files")


def _to_progress(
    files: list[Path], tick: "Callable[[float], None]"
) -> "Callable[[int, int], None]":
    """Turn the progress of one file after the other into that of all, in bytes."""
    total = sum(file.stat().st_size for file in files) or 1
    done_before = 0
    last = 0

    def progress(done: int, size: int) -> None:
        nonlocal done_before, last
        if done < last:
            done_before += size
        last = done
        tick(len(files) * (done_before + done) / total)

    return progress


def _show(output: Output, verdict: "ImportVerdict") -> None:
    """Say what became of the records, and why some were not taken."""
    from rich.text import Text

    output.say(
        f"{verdict.accepted:>12,}  accepted\n{verdict.duplicate:>12,}  duplicate\n"
        f"{verdict.rejected:>12,}  rejected"
    )
    for note in verdict.notes:
        output.say(Text(f"note: {note}"))
    for reason in verdict.reasons[:N_REASONS_SHOWN]:
        where = f" {reason.pointer}" if reason.pointer else ""
        output.say(Text(f"line {reason.line}:{where} {reason.detail} [{reason.code}]"))
    if verdict.rejected > N_REASONS_SHOWN:
        output.say(f"and {verdict.rejected - N_REASONS_SHOWN:,} more: --json shows the first 20")
