"""Native files to a server, line by line through the client."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from rankloop.capture.file_lines import read_blocks
from rankloop.capture.file_verdicts import ImportVerdict
from rankloop.dialects.formats import check_format
from rankloop.dialects.translation import LineRejection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from rankloop.client.client import Client
    from rankloop.client.interactions import Interactions
    from rankloop.client.searches import Searches

BLOCK_BYTES: Final = 8 * 1024 * 1024
"""About how much text is in memory at once; here lines become objects, ten times as large."""

SEPARATOR: Final = "\x1f"


@dataclass(slots=True)
class _Lane:
    """Rows of one kind, and the lines they came from."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def send(self, through: Searches | Interactions, verdict: ImportVerdict) -> None:
        """Send the rows and count what became of them."""
        if not self.rows:
            return
        answer = through.create_many(self.rows)
        verdict.accepted += answer.accepted
        verdict.duplicate += answer.duplicate
        verdict.reject(
            [
                LineRejection(self.lines[each.index], each.code, each.pointer, each.detail)
                for each in answer.rejected
            ]
        )


def import_remotely(
    loop: Client,
    files: Sequence[Path],
    retriever: str | None,
    progress: Callable[[int, int], None],
) -> ImportVerdict:
    """Send files in the native format to a server.

    A row without an identifier gets the same as an import beside the data would give it, so that
    it does not matter which way a file takes the second time.

    Args:
        loop: The server.
        files: Plain text or gzip.
        retriever: Where records belong that name no retriever.
        progress: Told the bytes read of a file and its size.

    Raises:
        FileError: A file cannot be read; what was sent before stands.
        UnavailableError: The server went away; importing again completes it.
    """
    verdict = ImportVerdict()
    for path in files:
        namer = LineNamer(retriever)
        for place, block in enumerate(read_blocks(path, progress, BLOCK_BYTES)):
            if place == 0:
                check_format(path.name, "native", block.head())
            verdict.reject(block.faults)
            columns = (block.lines.column(name).to_pylist() for name in ("n", "body"))
            searches, interactions = _sort(zip(*columns, strict=True), namer, verdict)
            # Searches first, so that interactions find the lists they name.
            searches.send(loop.searches, verdict)
            interactions.send(loop.interactions, verdict)
    return verdict


class LineNamer:
    """Names rows by their line and by how many equal lines came before.

    Example:
        >>> namer = LineNamer("products")
        >>> first, second = namer.name("{}"), namer.name("{}")
        >>> len(first), first == second
        (32, False)
    """

    def __init__(self, retriever: str | None) -> None:
        self.retriever = retriever or ""
        self._seen: Counter[bytes] = Counter()

    def name(self, line: str) -> str:
        """Return the identifier of a line without one; the end of the line does not matter."""
        seed = line.rstrip("\r\n")
        key = hashlib.md5(seed.encode(), usedforsecurity=False).digest()
        text = SEPARATOR.join(("native", self.retriever, str(self._seen[key]), seed))
        self._seen[key] += 1
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _sort(
    lines: Iterable[tuple[int, str]], namer: LineNamer, verdict: ImportVerdict
) -> tuple[_Lane, _Lane]:
    """Tell searches from interactions by `interaction_type`, and name the nameless."""
    searches, interactions = _Lane(), _Lane()
    for number, body in lines:
        try:
            row = msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            verdict.reject([LineRejection(number, "malformed_json", "", str(error))])
            continue
        if not isinstance(row, dict):
            verdict.reject([LineRejection(number, "wrong_type", "", "must be an object")])
            continue
        is_interaction = "interaction_type" in row
        identifiers = ("interaction_id",) if is_interaction else ("search_id", "execution_id")
        if not any(row.get(name) is not None for name in identifiers):
            row[identifiers[0]] = namer.name(body)
        if namer.retriever and row.get("retriever_id") is None:
            row["retriever_id"] = namer.retriever
        lane = interactions if is_interaction else searches
        lane.rows.append(row)
        lane.lines.append(number)
    return searches, interactions
