"""What became of the records of a file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rankloop.dialects.translation import LineRejection

MOST_REASONS: Final = 20
"""How many rejections a verdict spells out; it counts all of them."""


@dataclass(slots=True)
class ImportVerdict:
    """The answer to an import: accepted + duplicate + rejected is the number of records.

    Example:
        >>> from rankloop.dialects.translation import LineRejection
        >>> verdict = ImportVerdict()
        >>> verdict.reject([LineRejection(3, "missing_field", "/query", "a search needs a query")])
        >>> verdict.rejected, verdict.reasons[0].line
        (1, 3)
    """

    accepted: int = 0
    """Records that are stored now and were not before."""

    duplicate: int = 0
    """Records that were stored before, or stand twice in the file."""

    rejected: int = 0
    """Records that were not taken."""

    reasons: list[LineRejection] = field(default_factory=list)
    """The first rejections, by line."""

    notes: list[str] = field(default_factory=list)
    """What the import found out about the file, one sentence each."""

    def reject(self, rejections: Sequence[LineRejection]) -> None:
        """Count rejections and keep the first of them."""
        self.rejected += len(rejections)
        room = MOST_REASONS - len(self.reasons)
        if room > 0:
            self.reasons += sorted(rejections, key=lambda rejection: rejection.line)[:room]

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as `import --json` prints it."""
        return asdict(self)
