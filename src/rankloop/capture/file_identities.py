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
from rankloop.store.identifiers import read_digests

if TYPE_CHECKING:
    from collections.abc import Callable

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
        hashes = self._hash(kind)
        if not hashes.size:
            return hashes
        names = _Names(lambda: self._run(f"file_identities_{kind}").column(0), hashes.size)
        known = ledger.find_known(names, hashes)
        is_twice = np.unique(hashes).size < hashes.size
        if known:
            self._staging.lend("import_known", pa.table({"name": pa.array(known, pa.string())}))
            self._run(f"file_known_{kind}")
        if is_twice:
            self._run(f"file_twice_{kind}")
        return self._hash(kind) if known or is_twice else hashes

    def _hash(self, kind: str) -> Hashes:
        """Hash the identifiers of the staged rows, in their order, as the ledger hashes them."""
        return read_digests(self._run(f"file_hashes_{kind}").column(0))

    def _run(self, name: str) -> pa.Table:
        """Run one statement without parameters."""
        return self._staging.execute(read_statement("capture", name).text)

    def _count(self, statement: str) -> int:
        """Run a statement that answers with one number."""
        count: int = self._staging.execute(statement).column(0)[0].as_py()
        return count


class _Names(Sequence[str]):
    """The staged identifiers, fetched only when one is asked for: most imports are all new."""

    def __init__(self, fetch: Callable[[], pa.ChunkedArray], size: int) -> None:
        self._fetch = fetch
        self._size = size
        self._column: pa.ChunkedArray | None = None

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        if self._column is None:
            self._column = self._fetch().combine_chunks()
        if isinstance(place, slice):
            texts: list[str] = self._column[place].to_pylist()
            return texts
        text: str = self._column[place].as_py()
        return text

    def __len__(self) -> int:
        return self._size
