"""Judgments that were brought in: one file a source, in the data folder."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

import msgspec

from rankloop.errors import InputError, NotFoundError
from rankloop.events.queries import to_query_key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rankloop.tables.judgments import ImportedJudgment

RESERVED = frozenset({"clicks", "votes"})
"""Sources that are read off the log."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_KEY = re.compile(r"[0-9a-f]{16}")


class KeptJudgment(msgspec.Struct, frozen=True):
    """One judgment as it is kept."""

    query_key: str
    """The information need."""

    query: str
    """Its text; empty where only the key was given."""

    document_id: str
    """The document."""

    relevance: float
    """In [0, 1]: the rating by the largest of its file."""


class JudgmentShelf:
    """The imported judgments of one data folder, a file of lines for each source.

    Args:
        folder: Where the files go; made on first use.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def put(self, source: str, judgments: Sequence[ImportedJudgment]) -> int:
        """Keep the judgments of a source in place of those it had; return how many.

        A pair that is judged several times has the mean. A query that is a key already (16
        hexadecimal digits) stays one.

        Raises:
            InputError: The name is none, or reserved.
        """
        path = self._path(source)
        most = max((each.rating for each in judgments), default=0.0) or 1.0
        ratings: dict[tuple[str, str], list[float]] = {}
        texts: dict[str, str] = {}
        for each in judgments:
            is_key = _KEY.fullmatch(each.query) is not None
            query_key = each.query if is_key else to_query_key(each.query)
            texts.setdefault(query_key, "" if is_key else each.query)
            ratings.setdefault((query_key, each.document_id), []).append(each.rating / most)
        rows = [
            KeptJudgment(query_key, texts[query_key], document_id, sum(each) / len(each))
            for (query_key, document_id), each in sorted(ratings.items())
        ]
        with self._lock:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            draft = path.with_suffix(".new")
            draft.write_bytes(msgspec.json.Encoder().encode_lines(rows))
            draft.replace(path)
        return len(rows)

    def read(self) -> dict[str, list[KeptJudgment]]:
        """Return the judgments of every source, by name."""
        decoder = msgspec.json.Decoder(KeptJudgment)
        return {
            path.stem: decoder.decode_lines(path.read_bytes())
            for path in sorted(self._folder.glob("*.ndjson"))
        }

    def read_queries(self) -> dict[str, str]:
        """Return the texts of the queries that were judged, by key."""
        return {
            row.query_key: row.query for rows in self.read().values() for row in rows if row.query
        }

    def remove(self, source: str) -> None:
        """Forget the judgments of a source.

        Raises:
            NotFoundError: There are none of it.
        """
        try:
            self._path(source).unlink()
        except FileNotFoundError as error:
            raise NotFoundError(f"there are no judgments of {source!r}", where="/source") from error

    def _path(self, source: str) -> Path:
        """Return the file of a source."""
        if source in RESERVED or _NAME.fullmatch(source) is None:
            raise InputError(
                f"{source!r} cannot name a source of judgments",
                where="/source",
                hint="Use 1 to 64 of a-z, 0-9, - and _; clicks and votes come from the log.",
            )
        return self._folder / f"{source}.ndjson"
