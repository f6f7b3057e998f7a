"""File import: whole blocks of records straight into the store, each in one transaction.

What was imported before is recognized, so a broken import is mended by doing it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from rankloop.capture.delivery import now_us
from rankloop.capture.file_identities import Ledgers
from rankloop.capture.file_lines import BLOCK_BYTES, read_blocks
from rankloop.capture.file_rules import ImportContext
from rankloop.capture.file_run import FileRun
from rankloop.capture.file_verdicts import ImportVerdict
from rankloop.dialects.csv_rows import COLUMNS, CsvTranslator
from rankloop.dialects.formats import FORMATS, check_format
from rankloop.dialects.native import NativeTranslator
from rankloop.dialects.ubi import UbiTranslator
from rankloop.dialects.yandex import YandexTranslator
from rankloop.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rankloop.capture.checks import Checker
    from rankloop.capture.identifiers import IdentifierLedger
    from rankloop.dialects.translation import Engine, Translator
    from rankloop.store.base import EventStore

TRANSLATORS: Final[dict[str, Callable[[Engine, Path, datetime], Translator]]] = {
    "native": lambda engine, _path, _start: NativeTranslator(engine),
    "ubi": lambda engine, _path, _start: UbiTranslator(engine),
    "yandex": lambda engine, _path, start: YandexTranslator(engine, _to_micros(start)),
    "csv": lambda engine, path, _start: CsvTranslator(engine, path.name),
}
"""Every format by its name."""

START: Final = datetime(2001, 1, 1, tzinfo=UTC)
"""When the sessions of a log without a clock begin."""


@dataclass(frozen=True, slots=True)
class FileImportConfig:
    """Settings of the import."""

    block_bytes: int = BLOCK_BYTES
    """About how much text of a file is taken in by one transaction."""


class FileImport:
    """Take files in.

    Args:
        store: Where the rows go.
        checker: The law.
        searches: Ledger of `to_search_identity` names.
        interactions: Ledger of interaction ids.
        secret: Key of the pseudonyms, as the checker makes them; None where ids stay as they are.
        config: Size of the transactions.
    """

    def __init__(
        self,
        store: EventStore,
        checker: Checker,
        searches: IdentifierLedger,
        interactions: IdentifierLedger,
        secret: bytes | None = None,
        config: FileImportConfig | None = None,
    ) -> None:
        self._store = store
        self._checker = checker
        self._ledgers = Ledgers(searches, interactions)
        self._secret = secret
        self._config = config or FileImportConfig()

    def run(
        self,
        paths: Sequence[Path],
        format: str,  # noqa: A002 the command line's word
        retriever_id: str | None = None,
        start: datetime = START,
        progress: Callable[[int, int], None] | None = None,
    ) -> ImportVerdict:
        """Import files, one after the other.

        Args:
            paths: Plain text or gzip.
            format: `native`, `ubi`, `yandex` or `csv`.
            retriever_id: Where records belong that name no retriever.
            start: When the sessions of a `yandex` log begin; it has a time zone.
            progress: Told the bytes read of a file and its size, again and again.

        Returns:
            What became of the records.

        Raises:
            FileError: A file is absent, empty, damaged, cut off or in another format. Blocks that
                were done before stand; importing the mended file again completes them.
            InputError: There is no such format.
        """
        if format not in FORMATS:
            raise InputError(
                f"there is no format {format!r}",
                where="format",
                hint=f"Known: {', '.join(FORMATS)}.",
            )
        context = ImportContext(format, retriever_id, now_us(), self._secret)
        verdict = ImportVerdict()
        for path in paths:
            self._take_file(path, context, start, progress or _say_nothing, verdict)
        return verdict

    def _take_file(
        self,
        path: Path,
        context: ImportContext,
        start: datetime,
        progress: Callable[[int, int], None],
        verdict: ImportVerdict,
    ) -> None:
        """Import one file."""
        blocks = read_blocks(path, progress, self._config.block_bytes)
        with self._store.staging() as staging:
            translator = TRANSLATORS[context.source](staging, path, start)
            run = FileRun(staging, translator, self._checker, self._ledgers, context)
            for place, block in enumerate(blocks):
                if place == 0:
                    columns = COLUMNS if context.source == "csv" else frozenset()
                    check_format(path.name, context.source, block.head(), columns)
                run.take_block(block, verdict)
            run.finish(verdict)


def _to_micros(moment: datetime) -> int:
    """Return microseconds since 1970, UTC."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _say_nothing(_done: int, _size: int) -> None:
    """Show no progress."""
