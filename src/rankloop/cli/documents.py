"""`rankloop documents`: a file of documents into the index of a retriever."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from rankloop.cli.output import OK, Output
from rankloop.cli.target import HERE, Target
from rankloop.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rankloop.capture.file_lines import LineBlock
    from rankloop.client.documents import RetrieverDocuments

EXAMPLES: Final = """\
rankloop documents products.ndjson --retriever products
rankloop documents products.ndjson.gz --retriever products --url http://127.0.0.1:8400"""

BLOCK_BYTES: Final = 8 * 1024 * 1024
"""About how much text is in memory at once."""

N_REASONS_SHOWN: Final = 5


def documents(
    file: Annotated[Path, Parameter(negative=())], /, target: Target = HERE, *, retriever: str
) -> int:
    """Put documents into a retriever's index, or replace those of the same name.

    The file is NDJSON, plain or gzip, one document a line: document_id, text or
    fields, and optionally vector and payload. Where the retriever has an
    embedder, it makes the vectors that are absent. Importing a file again
    changes nothing. Exit status 0 where the file could be read, whatever was
    rejected.

    Args:
        file: The documents.
        target: The data folder, or a server.
        retriever: Whose documents.
    """
    from rankloop.capture.file_lines import read_blocks

    output = target.open_output()
    if not file.is_file():
        raise InputError(f"there is no file {file}", where="file")
    upload = _Upload()
    with target.connect() as loop, output.progress("documents", 1) as tick:
        through = loop.retriever(retriever)
        for block in read_blocks(file, _to_progress(tick), BLOCK_BYTES):
            upload.send(through, block)
    output.document(upload.to_dict())
    _show(output, upload)
    return OK


class _Upload:
    """What became of a file so far."""

    def __init__(self) -> None:
        self.accepted = 0
        self.duplicate = 0
        self.reasons: list[dict[str, Any]] = []

    def send(self, through: "RetrieverDocuments", block: "LineBlock") -> None:
        """Send the documents of a block."""
        import msgspec

        for fault in block.faults:
            self._reject(fault.line, fault.code, fault.pointer, fault.detail)
        rows: list[dict[str, Any]] = []
        lines: list[int] = []
        columns = (block.lines.column(name).to_pylist() for name in ("n", "body"))
        for number, body in zip(*columns, strict=True):
            try:
                rows.append(msgspec.json.decode(body, type=dict[str, Any]))
                lines.append(number)
            except msgspec.ValidationError:
                self._reject(number, "wrong_type", "", "must be an object")
            except (msgspec.DecodeError, RecursionError) as error:
                self._reject(number, "malformed_json", "", str(error))
        if not rows:
            return
        verdicts = through.upsert(rows)
        self.accepted += verdicts.accepted
        self.duplicate += verdicts.duplicate
        for one in verdicts.rejected:
            self._reject(lines[one.index], one.code, one.pointer, one.detail)

    def to_dict(self) -> dict[str, Any]:
        """Return the counts and the reasons, by line."""
        self.reasons.sort(key=lambda reason: reason["line"])
        return {
            "accepted": self.accepted,
            "duplicate": self.duplicate,
            "rejected": len(self.reasons),
            "reasons": self.reasons,
        }

    def _reject(self, line: int, code: str, pointer: str, detail: str) -> None:
        self.reasons.append({"line": line, "code": code, "pointer": pointer, "detail": detail})


def _to_progress(tick: "Callable[[float], None]") -> "Callable[[int, int], None]":
    """Turn bytes read into a share."""

    def progress(done: int, size: int) -> None:
        tick(done / max(size, 1))

    return progress


def _show(output: Output, upload: _Upload) -> None:
    """Tell people what became of the file."""
    output.say(
        f"accepted {upload.accepted:,}, duplicate {upload.duplicate:,},"
        f" rejected {len(upload.reasons):,}"
    )
    for reason in upload.reasons[:N_REASONS_SHOWN]:
        where = f" {reason['pointer']}" if reason["pointer"] else ""
        output.say(f"  line {reason['line']}{where}: {reason['detail']} ({reason['code']})")
    if len(upload.reasons) > N_REASONS_SHOWN:
        output.say(f"  and {len(upload.reasons) - N_REASONS_SHOWN:,} more; --json lists them all")
