"""Identities of imported rows: names for those that brought none, and no row twice.

A row without an identifier is named after its line and how many equal lines came before it in
the file. So a second import names it the same and changes nothing, and equal lines stay two rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, overload

import numpy as np
import pyarrow as pa

from rankloop.dialects.statements import read_statement

if TYPE_CHECKING:
    from rankloop.capture.file_rules import ImportContext
    from rankloop.capture.identifiers import IdentifierLedger
    from rankloop.store.base import Staging
    from rankloop.store.identifiers import Hashes

KINDS: tuple[Literal["interactions", "searches"], ...] = ("interactions", "searches")


@dataclass(frozen=True, slots=True)
class Ledgers:
    """Which identifiers were ever accepted."""

    searches: IdentifierLedger
    interactions: IdentifierLedger


class Identities:
    """Name the staged rows of one file and take out what is known.

    Args:
        staging: Where the rows are.
        ledgers: What was accepted before.
        context: Format and retriever, which are part of a name.
    """

    def __init__(self, staging: Staging, ledgers: Ledgers, context: ImportContext) -> None:
        self._staging = staging
        self._ledgers = ledgers
        self._names = {"format": context.source, "retriever": context.retriever_id or ""}
        staging.execute(read_statement("capture", "file_seen").text)

    def name_rows(self) -> None:
        """Give every row without an identifier the one that follows from its line."""
        self._run("file_unnamed")
        if self._count("SELECT count(*) FROM import_unnamed"):
            statement = read_statement("capture", "file_named")
            self._staging.execute(statement.text, statement.pick(self._names))
            self._run("file_seen_more")
            for kind in KINDS:
                self._run(f"file_named_{kind}")

    def drop_known(self) -> dict[str, Hashes]:
        """Take out rows that were accepted before or stand twice.

        Returns:
            By kind, the hashes of the identifiers that are left, to be noted once stored.
        """
        return {
            "interactions": self._drop("interactions", self._ledgers.interactions),
            "searches": self._drop("searches", self._ledgers.searches),
        }

    def note_stored(self, hashes: dict[str, Hashes]) -> None:
        """Tell the ledgers what is in the store now."""
        self._ledgers.interactions.add_stored(hashes["interactions"])
        self._ledgers.searches.add_stored(hashes["searches"])

    def _drop(self, kind: str, ledger: IdentifierLedger) -> Hashes:
        """Take out the known rows of one kind."""
        named = self._run(f"file_identities_{kind}")
        hashes = _to_hashes(named)
        known = ledger.find_known(_Texts(named.column("name")), hashes) if hashes.size else set()
        is_twice = np.unique(hashes).size < hashes.size
        if known:
            self._staging.lend("import_known", pa.table({"name": pa.array(known, pa.string())}))
            self._run(f"file_known_{kind}")
        if is_twice:
            self._run(f"file_twice_{kind}")
        return _to_hashes(self._run(f"file_identities_{kind}")) if known or is_twice else hashes

    def _run(self, name: str) -> pa.Table:
        """Run one statement without parameters."""
        return self._staging.execute(read_statement("capture", name).text)

    def _count(self, statement: str) -> int:
        """Run a statement that answers with one number."""
        count: int = self._staging.execute(statement).column(0)[0].as_py()
        return count


class _Texts(Sequence[str]):
    """A text column as a sequence that makes Python texts only of what is asked for."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._column = column

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            texts: list[str] = self._column[place].to_pylist()
            return texts
        text: str = self._column[place].as_py()
        return text

    def __len__(self) -> int:
        return len(self._column)


def _to_hashes(named: pa.Table) -> Hashes:
    """Return the hash column as `[n]` uint64."""
    hashes: Hashes = named.column("hash").to_numpy().astype(np.uint64)
    return hashes
