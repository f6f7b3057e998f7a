"""One file on its way in: translate, check, name, drop what is known, append."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rankloop.capture.file_identities import Identities
from rankloop.capture.file_lanes import Lanes
from rankloop.dialects.statements import read_statement
from rankloop.dialects.translation import rename_pointer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    from rankloop.capture.checks import Checker
    from rankloop.capture.file_identities import Ledgers
    from rankloop.capture.file_lines import LineBlock
    from rankloop.capture.file_rules import ImportContext
    from rankloop.capture.file_verdicts import ImportVerdict
    from rankloop.dialects.translation import LineRejection, Translated, Translator
    from rankloop.store.base import Staging


class FileRun:
    """The import of one file.

    Args:
        staging: A private place in the store.
        translator: From the file's format to our wire form.
        checker: The law.
        ledgers: What was accepted before.
        context: What holds for all rows.
    """

    def __init__(
        self,
        staging: Staging,
        translator: Translator,
        checker: Checker,
        ledgers: Ledgers,
        context: ImportContext,
    ) -> None:
        self._staging = staging
        self._translator = translator
        self._lanes = Lanes(staging, checker, context)
        self._identities = Identities(staging, ledgers, context)

    def take_block(self, block: LineBlock, verdict: ImportVerdict) -> None:
        """Take in what can be of a block of lines."""
        portions = self._translator.translate(block.lines)
        verdict.reject([*block.faults, *self._take(portions, verdict)])

    def finish(self, verdict: ImportVerdict) -> None:
        """Take in what waited for the end of the file."""
        verdict.reject(self._take(self._translator.finish(), verdict))

    def _take(self, portions: Iterable[Translated], verdict: ImportVerdict) -> list[LineRejection]:
        """Store portions, each in one transaction; count, and return what was not taken."""
        rejections: list[LineRejection] = []
        for portion in portions:
            verdict.notes += portion.notes
            rejections += portion.rejections
            n_records = self._ask("file_count")
            if not n_records:
                continue
            refused = self._rename(self._lanes.stage())
            self._identities.name_rows()
            hashes = self._identities.drop_known()
            self._append(is_placed=portion.is_placed)
            self._identities.note_stored(hashes)
            rejections += refused
            if portion.is_weighed:
                self._weigh(refused, verdict)
            else:
                n_accepted = sum(kind.size for kind in hashes.values())
                verdict.accepted += n_accepted
                verdict.duplicate += n_records - n_accepted - len(refused)
        return rejections

    def _append(self, *, is_placed: bool) -> None:
        """Unfold the lists and move everything into the store in one transaction."""
        self._run("file_impressions")
        if is_placed:
            self._run("file_places")
        self._staging.append("import_searches", "import_impressions", "import_interactions")

    def _weigh(self, refused: Sequence[LineRejection], verdict: ImportVerdict) -> None:
        """Count records where a line may stand for several."""
        n_records, n_accepted = self._ask("file_weights"), self._ask("file_weights_accepted")
        lines = [rejection.line for rejection in refused]
        n_refused = self._ask("file_weights_refused", {"lines": lines}) if lines else 0
        verdict.rejected += n_refused - len(refused)  # The lines themselves are counted later.
        verdict.accepted += n_accepted
        verdict.duplicate += n_records - n_accepted - n_refused

    def _rename(self, rejections: Sequence[LineRejection]) -> list[LineRejection]:
        """Say pointers in the words of the file's format."""
        names = self._translator.pointers
        return [
            replace(rejection, pointer=rename_pointer(rejection.pointer, names))
            for rejection in rejections
        ]

    def _run(self, name: str) -> pa.Table:
        """Run one statement without parameters."""
        return self._staging.execute(read_statement("capture", name).text)

    def _ask(self, name: str, parameters: dict[str, list[int]] | None = None) -> int:
        """Run a statement that answers with one number."""
        answer = self._staging.execute(read_statement("capture", name).text, parameters)
        return int(answer.column(0)[0].as_py() or 0)
