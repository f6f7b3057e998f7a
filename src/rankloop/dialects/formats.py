"""Which file formats there are, and how a file betrays the one it is written in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from rankloop.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMATS: Final = ("native", "ubi", "yandex", "csv")
"""What `rankloop import --format` takes."""

_FOREIGN: Final = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"PAR1": "a Parquet file",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"SQLite format 3": "an SQLite database",
    b"\x89PNG": "a picture",
    b"%PDF": "a PDF document",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
}
_UBI_FIELDS: Final = frozenset({"action_name", "user_query", "query_response_hit_ids"})
_NATIVE_FIELDS: Final = frozenset({"interaction_type", "results"})
_MIN_CSV_COLUMNS: Final = 2
_YANDEX_ACTIONS: Final = frozenset({"Q", "C"})
_MIN_YANDEX_COLUMNS: Final = 4


def name_foreign(head: bytes) -> str | None:
    """Say what a file is that is no text at all; None where it may be text.

    Example:
        >>> name_foreign(b"PAR1..."), name_foreign(b"a file of lines")
        ('a Parquet file', None)
    """
    for magic, meaning in _FOREIGN.items():
        if head.startswith(magic):
            return meaning
    return "binary" if b"\x00" in head else None


def guess_format(lines: Sequence[str], columns: frozenset[str]) -> str | None:
    r"""Say which format the first lines of a file are written in; None where it is not plain.

    Args:
        lines: The first lines that are not blank.
        columns: The names that a CSV file's columns may have.

    Example:
        >>> guess_format(['{"action_name": "click"}'], frozenset())
        'ubi'
        >>> guess_format(["17\t0\tQ\t12\t3\t91\t92"], frozenset())
        'yandex'
    """
    votes = [vote for line in lines if (vote := _guess_line(line)) is not None]
    if votes:
        return max(set(votes), key=votes.count)
    if lines and len(columns.intersection(_split_header(lines[0]))) >= _MIN_CSV_COLUMNS:
        return "csv"
    return None


def check_format(
    name: str, wanted: str, lines: Sequence[str], columns: frozenset[str] = frozenset()
) -> None:
    """Refuse a file whose first lines are plainly of another format.

    Args:
        name: The file's name, for the message.
        wanted: The format it was said to be in.
        lines: Its first lines that are not blank.
        columns: The names that a CSV file's columns may have.

    Raises:
        FileError: The file is in another format; the hint names it.
    """
    guess = guess_format(lines, columns)
    if guess == wanted:
        return
    if guess in FORMATS:
        raise FileError(
            f"{name} looks like {guess}, not like {wanted}",
            where=f"{name}:1",
            hint=f"Try --format {guess}.",
        )
    begins_with = {line.lstrip()[:1] for line in lines}
    if "".join(lines[:1]).lstrip().startswith("[") and wanted in ("native", "ubi"):
        raise FileError(
            f"{name} holds a JSON array", where=f"{name}:1", hint="Write one JSON object a line."
        )
    if wanted in ("native", "ubi") and "{" not in begins_with:
        raise FileError(
            f"{name} is not {wanted}: no line among the first {len(lines)} is a JSON object",
            where=f"{name}:1",
            hint=f"Formats are {', '.join(FORMATS)}.",
        )
    if wanted == "yandex":
        raise FileError(
            f"{name} is not yandex: no line has tab-separated columns with Q or C in the third",
            where=f"{name}:1",
            hint=f"Formats are {', '.join(FORMATS)}.",
        )


def _guess_line(line: str) -> str | None:
    """Guess by one line."""
    cells = line.split("\t")
    if len(cells) >= _MIN_YANDEX_COLUMNS and cells[2].strip() in _YANDEX_ACTIONS:
        return "yandex"
    if not line.lstrip().startswith("{"):
        return None
    try:
        record: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return None
    if _NATIVE_FIELDS.intersection(record):
        return "native"
    if _UBI_FIELDS.intersection(record) or _is_bulk_action(record):
        return "ubi"
    return None


def _is_bulk_action(record: dict[str, Any]) -> bool:
    """Say whether a record is an action line of OpenSearch's bulk form."""
    return len(record) == 1 and isinstance(record.get("index", record.get("create")), dict)


def _split_header(line: str) -> list[str]:
    """Split what may be a CSV header."""
    return [cell.strip().strip('"') for cell in line.lstrip("\ufeff").split(",")]
