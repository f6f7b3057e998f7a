"""What the instrumentation doctor looks for, one record a symptom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from rankloop.tables.health import Severity


@dataclass(frozen=True, slots=True)
class Symptom:
    """Rows that show a fault, among rows that could, and how many are too many."""

    code: str
    """Stable name in snake_case."""

    among: Literal["searches", "interactions"]
    """Which rows: of `health_searches`, or of `health_interactions`."""

    column: str
    """Column with the number of rows that show the fault."""

    of: str
    """Column with the number of rows that could."""

    message: str
    """What to say, with `{count}`, `{n}` and `{share}`."""

    advice: str
    """What to do next."""

    info: float = 0.0
    """Share above which it is worth mentioning."""

    warning: float | None = None
    """Share above which answers are weaker; None for never."""

    error: float | None = None
    """Share above which answers are wrong; None for never."""

    least: int = 1
    """Fewest rows that could show the fault before it is judged."""

    source: str | None = None
    """Only rows of this source; None for all."""

    def judge(self, count: int, n: int) -> Severity | None:
        """Say how bad a count is; None where it is not worth mentioning.

        Example:
            >>> orphans = Symptom("o", "interactions", "o", "n", "", "", warning=0.05, error=0.2)
            >>> orphans.judge(0, 10), orphans.judge(1, 100), orphans.judge(30, 100)
            (None, 'info', 'error')
        """
        if count == 0 or n < self.least or count <= self.info * n:
            return None
        if self.error is not None and count > self.error * n:
            return "error"
        if self.warning is not None and count > self.warning * n:
            return "warning"
        return "info"


SYMPTOMS: Final = (
    Symptom(
        code="orphan_interactions",
        among="interactions",
        column="orphans",
        of="with_document",
        message="{count} of {n} interactions with a document ({share}) belong to no known list.",
        advice=(
            "Send the list before the click, with the same search_id or session_id, and with the "
            "same document ids. Orphans count for popularity and in no rate."
        ),
        warning=0.05,
        error=0.20,
    ),
    Symptom(
        code="unknown_search_ids",
        among="interactions",
        column="lost_searches",
        of="with_search",
        message="{count} of {n} interactions ({share}) name a search that never arrived.",
        advice="Post every list shown to /v1/searches with the search_id that clients send.",
        warning=0.02,
        error=0.20,
    ),
    Symptom(
        code="documents_not_shown",
        among="interactions",
        column="not_shown",
        of="with_search",
        message="{count} of {n} interactions ({share}) name a document that their list lacks.",
        advice=(
            "Send the list as it was displayed, after filters, promotions and client-side "
            "sorting, with the document ids that clicks carry."
        ),
        warning=0.02,
        error=0.20,
    ),
    Symptom(
        code="credited_by_guess",
        among="interactions",
        column="guessed",
        of="with_document",
        message="{count} of {n} interactions ({share}) were credited by session or user.",
        advice="Send search_id with every interaction; then nothing has to be guessed.",
        info=0.05,
    ),
    Symptom(
        code="position_mismatch",
        among="interactions",
        column="misplaced",
        of="placed",
        message="{count} of {n} positions sent ({share}) are not where the list showed it.",
        advice=(
            "Send the position as displayed, from 0, page offset included. Rates use the list's "
            "own positions, so a list that is sent in another order than shown is wrong."
        ),
        warning=0.02,
        error=0.20,
        least=10,
    ),
    Symptom(
        code="clicks_without_position",
        among="interactions",
        column="clicks_without_position",
        of="clicks",
        message="{count} of {n} clicks ({share}) say no position.",
        advice="Send position with every click: it is what a mixed-up list is noticed by.",
        info=0.05,
    ),
    Symptom(
        code="clicks_without_query",
        among="interactions",
        column="clicks_without_query",
        of="orphan_clicks",
        message="{count} of {n} clicks without a list ({share}) name no query either.",
        advice="Send metadata.query, so that the click still says what it was an answer to.",
        info=0.05,
    ),
    Symptom(
        code="anonymous_searches",
        among="searches",
        column="anonymous",
        of="searches",
        message="{count} of {n} lists ({share}) name neither user nor session.",
        advice=(
            "Send user_id or session_id with lists. Without them each list counts as a person of "
            "its own: intervals are too narrow, and clicks without search_id stay orphans."
        ),
        warning=0.20,
    ),
    Symptom(
        code="searches_without_session",
        among="searches",
        column="without_session",
        of="searches",
        message="{count} of {n} lists ({share}) name no session.",
        advice="Send session_id with lists and interactions.",
        info=0.05,
    ),
    Symptom(
        code="searches_without_user",
        among="searches",
        column="without_user",
        of="searches",
        message="{count} of {n} lists ({share}) name no user.",
        advice="Send user_id where there is one; it is stored as a keyed pseudonym.",
        info=0.05,
    ),
    Symptom(
        code="anonymous_interactions",
        among="interactions",
        column="anonymous",
        of="interactions",
        message="{count} of {n} interactions ({share}) name neither user nor session.",
        advice="Send user_id or session_id with interactions.",
        warning=0.20,
    ),
    Symptom(
        code="unknown_results",
        among="searches",
        column="without_results",
        of="searches",
        message="{count} of {n} lists ({share}) do not say what was shown.",
        advice="Send results with every list, an empty one where nothing was found.",
        warning=0.05,
        error=0.50,
    ),
    Symptom(
        code="searches_without_impressions",
        among="searches",
        column="without_impressions",
        of="searches",
        message="{count} of {n} lists ({share}) have results of which none is stored.",
        advice="Import those lists again, and report this: the store lost rows.",
        error=0.0,
    ),
    Symptom(
        code="every_list_is_empty",
        among="searches",
        column="empty",
        of="searches",
        message="{count} of {n} lists ({share}) are empty: the tracker may be at fault.",
        advice="Check that results are sent as a list of objects with document_id.",
        info=0.80,
        warning=0.80,
        error=0.95,
        least=30,
    ),
    Symptom(
        code="duplicate_clicks",
        among="searches",
        column="duplicates",
        of="credited_clicks",
        message="{count} of {n} credited clicks ({share}) repeat a click on the same impression.",
        advice=(
            "Some are people who come back. Many mean that one click is sent twice: give it one "
            "interaction_id, and do not send it from two places."
        ),
        warning=0.40,
    ),
    Symptom(
        code="robot_searches",
        among="searches",
        column="robots",
        of="searches",
        message="{count} of {n} lists ({share}) were shown to robots or other programs.",
        advice=(
            "They are kept and left out of rates. Keep crawlers out of the search, or send actor "
            "with the lists that are made for programs."
        ),
        warning=0.20,
    ),
    Symptom(
        code="clock_ahead",
        among="interactions",
        column="ahead",
        of="interactions",
        message="{count} of {n} interactions ({share}) are dated over a minute after they arrived.",
        advice="Clients' clocks are ahead: leave timestamp out, or correct it by the server's.",
        warning=0.01,
    ),
    Symptom(
        code="search_clock_ahead",
        among="searches",
        column="ahead",
        of="searches",
        message="{count} of {n} lists ({share}) are dated over a minute after they arrived.",
        advice="The clock of the server that posts lists is ahead: synchronize it.",
        warning=0.01,
    ),
    Symptom(
        code="late_interactions",
        among="interactions",
        column="behind",
        of="interactions",
        message="{count} of {n} interactions ({share}) arrived over a day after their date.",
        advice="Send interactions as they happen; check clients' clocks and time zones.",
        warning=0.05,
        source="api",
    ),
    Symptom(
        code="late_searches",
        among="searches",
        column="behind",
        of="searches",
        message="{count} of {n} lists ({share}) arrived over a day after their date.",
        advice="Post lists as they are shown; check the server's clock and time zone.",
        warning=0.05,
        source="api",
    ),
    Symptom(
        code="clicks_before_lists",
        among="interactions",
        column="early",
        of="with_search",
        message="{count} of {n} interactions ({share}) are dated before the list they belong to.",
        advice="Two clocks disagree: date both lists and interactions by the same one.",
        warning=0.01,
    ),
)
"""Everything that is looked for."""
