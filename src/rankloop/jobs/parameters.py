"""What jobs are told: fields that several kinds have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from rankloop.tables.fields import Days, End, Start, Text, check_window, to_start
from rankloop.tables.windows import InsightsWindow

if TYPE_CHECKING:
    from datetime import datetime


class JobParameters(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What every job can be told."""

    retriever_id: (
        Annotated[Text, Meta(description="Whose; the only retriever when left out.")] | None
    ) = None


class WindowParameters(JobParameters, frozen=True, kw_only=True):
    """What a job over a part of the log can be told."""

    days: Days | None = None
    start: Start | None = None
    end: End | None = None

    def __post_init__(self) -> None:
        check_window(self.days, self.start, self.end)

    def to_window(self, now: datetime) -> InsightsWindow:
        """Return the part of the log.

        Args:
            now: What `days` counts back from; take it in a step, so that a job that goes on after
                a crash goes on with the same log.
        """
        return InsightsWindow(to_start(self.days, self.start, now), self.end)
