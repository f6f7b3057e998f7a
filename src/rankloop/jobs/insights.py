"""From the store's answers to what people read: every analytics answer is asked for here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from rankloop.analytics import documents, health, overview, positions, queries, timing
from rankloop.tables.pages import Page, PageRequest
from rankloop.tables.signals import Performance, Signals
from rankloop.tables.windows import InsightsWindow

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from rankloop.analytics.intervals import Clustering
    from rankloop.store.base import EventStore, Value
    from rankloop.tables.engagement import (
        DocumentRow,
        LowEngagementQuery,
        QueryRow,
        SkippedDocument,
        ZeroResultQuery,
    )
    from rankloop.tables.health import Health
    from rankloop.tables.overview import Overview, PositionRow
    from rankloop.tables.signals import DayRow

    Questions = Mapping[str, Mapping[str, Value]]
    Answers = Mapping[str, pa.Table]

LIST_LENGTH: Final = 20
"""Rows of each list within the signals; the parts have them all, paged."""

NOTES: Final = {
    "ctr": "Searches with a credited click, of those with known results.",
    "ctr_by_position": (
        "Descriptive: a position's rate mixes how likely it is looked at with what is shown "
        "there. It is not a propensity curve."
    ),
    "expected_clicks": (
        "Each shown position's click rate with everyone, over everything shown there."
    ),
}
"""How to read what is easily misread, by field."""

UNWEIGHTED: Final[list[float]] = [0.0]
"""Positions' rates where nobody asks for expected clicks."""

_OVERVIEW: Final[Questions] = {
    "signals_overview": {},
    "signals_rates": {},
    "signals_interactions": {},
    "signals_people": {},
    "signals_sessions": {},
}
"""What the overview needs."""

_SIGNALS: Final[Questions] = {
    **_OVERVIEW,
    "signals_positions": {"deepest": positions.DEEPEST},
    "signals_first_clicks": {},
    "signals_first_click_positions": {"deepest": positions.DEEPEST},
    "signals_reported_zero_results": {"limit": LIST_LENGTH},
}
"""What covers the log, whatever a position is worth."""

_CHOICES: Final[Questions] = {
    "signals_queries": {
        "min_searches": queries.MIN_SEARCHES,
        "limit": LIST_LENGTH,
        "offset": 0,
        "zero_limit": LIST_LENGTH,
    },
    "signals_ranked_documents": {
        "min_expected": documents.SHORTFALL.min_expected,
        "limit": LIST_LENGTH,
    },
}
"""What is chosen from, by clicks against those that positions get."""

_WITHOUT_ROBOTS: Final = frozenset(
    {
        "signals_interactions",
        "signals_interacting_people",
        "signals_interacted_documents",
        "signals_interacted_queries",
        "signals_reported_zero_results",
        "health_interactions",
        "health_searches",
    }
)
"""Questions that cannot leave robots out, or tell them apart themselves."""


@dataclass(frozen=True, slots=True)
class _Lists:
    """The lists within the signals."""

    skipped: list[SkippedDocument]
    low: list[LowEngagementQuery]
    zero: list[ZeroResultQuery]
    queries: list[QueryRow]
    documents: list[DocumentRow]


class Derivation(Protocol):
    """What brings the derived tables up to date before they are read."""

    def refresh(self) -> object:
        """Derive what has come in since the last time."""
        ...


class Insights:
    """Analytics over one store.

    Every method takes a retriever (all of them when left out) and a window (everything when left
    out), brings the derived tables up to date and answers with records of `rankloop.tables`. An
    empty store gives empty answers.
    """

    def __init__(self, store: EventStore, derivation: Derivation) -> None:
        self.store = store
        self.derivation = derivation

    def signals(
        self, retriever_id: str | None = None, window: InsightsWindow | None = None
    ) -> Signals:
        """Answer everything at once: what the report shows."""
        self.derivation.refresh()
        asked = _Asking(self.store, retriever_id, window or InsightsWindow())
        return asked.signals()

    def performance(
        self,
        retriever_id: str | None = None,
        window: InsightsWindow | None = None,
        page: PageRequest | None = None,
    ) -> Performance:
        """Answer with the overview and a page of days, newest first."""
        self.derivation.refresh()
        asked = _Asking(self.store, retriever_id, window or InsightsWindow())
        return Performance(overview=asked.overview(), days=asked.days(page or PageRequest()))

    def positions(
        self,
        retriever_id: str | None = None,
        window: InsightsWindow | None = None,
        page: PageRequest | None = None,
    ) -> Page[PositionRow]:
        """Answer with a page of positions, from 0 on; what lies deeper than 100 is the last row."""
        self.derivation.refresh()
        asked = _Asking(self.store, retriever_id, window or InsightsWindow())
        rows, deeper = asked.positions()
        wanted = page or PageRequest()
        whole = rows if deeper is None else [*rows, deeper]
        part = whole[wanted.offset : wanted.offset + wanted.page_size]
        return Page.of(part, len(whole), wanted)

    def queries(
        self,
        retriever_id: str | None = None,
        window: InsightsWindow | None = None,
        page: PageRequest | None = None,
    ) -> Page[QueryRow]:
        """Answer with a page of queries, most frequent first."""
        self.derivation.refresh()
        asked = _Asking(self.store, retriever_id, window or InsightsWindow())
        return asked.queries(page or PageRequest())

    def documents(
        self,
        retriever_id: str | None = None,
        window: InsightsWindow | None = None,
        page: PageRequest | None = None,
    ) -> Page[DocumentRow]:
        """Answer with a page of documents, most clicked first."""
        self.derivation.refresh()
        asked = _Asking(self.store, retriever_id, window or InsightsWindow())
        return asked.documents(page or PageRequest())

    def health(
        self, retriever_id: str | None = None, window: InsightsWindow | None = None
    ) -> Health:
        """Examine whether the instrumentation is sound."""
        self.derivation.refresh()
        asked = _Asking(self.store, retriever_id, window or InsightsWindow())
        return asked.health()


class _Asking:
    """One retriever and window, and the questions asked about them."""

    def __init__(self, store: EventStore, retriever_id: str | None, window: InsightsWindow) -> None:
        self._store = store
        self._retriever_id = retriever_id
        self._window = window

    def signals(self) -> Signals:
        """Ask for everything: first what covers the log, then details of what is listed."""
        answers = self._ask_all(_SIGNALS)
        clustering = overview.read_clustering(answers["signals_people"])
        rates = overview.read_rates(answers["signals_rates"], clustering)
        rows, deeper = positions.build_positions(answers["signals_positions"], clustering)
        first_click = positions.build_first_click(rates, answers["signals_first_click_positions"])
        summary = self._summarize(answers)
        reported = answers["signals_reported_zero_results"]
        lists = (
            self._list(reported, positions.to_rates(rows, deeper))
            if summary.searches
            else self._list_without_searches(reported)
        )
        return Signals(
            retriever_id=self._retriever_id,
            window=self._window,
            overview=summary,
            ctr_by_position=rows,
            deeper=deeper,
            average_first_click_position=first_click.average_position,
            first_click=first_click,
            time_to_first_click=timing.build_time_to_first_click(
                answers["signals_first_clicks"], rates
            ),
            skipped_documents=lists.skipped,
            low_engagement_queries=lists.low,
            zero_result_queries=lists.zero,
            top_queries=lists.queries,
            top_documents=lists.documents,
            missing=overview.name_missing(summary),
            notes=NOTES,
        )

    def overview(self) -> Overview:
        """Ask for the overview alone."""
        return self._summarize(self._ask_all(_OVERVIEW))

    def days(self, page: PageRequest) -> Page[DayRow]:
        """Ask for a page of days."""
        answer, total = self._ask_page("signals_days", "n_days", page)
        return Page.of(timing.build_days(answer, self._read_clustering()), total, page)

    def positions(self) -> tuple[list[PositionRow], PositionRow | None]:
        """Ask for the axis of positions."""
        answer = self._ask("signals_positions", {"deepest": positions.DEEPEST})
        return positions.build_positions(answer, self._read_clustering())

    def queries(self, page: PageRequest) -> Page[QueryRow]:
        """Ask for a page of queries; of those that interactions name, without searches."""
        worth: Mapping[str, Value] = {"position_rates": UNWEIGHTED}
        answer, total = self._ask_page("signals_queries", "n_queries", page, worth)
        if total == 0:
            answer, total = self._ask_page("signals_interacted_queries", "n_queries", page)
            return Page.of(queries.build_interacted_queries(answer), total, page)
        details = self._ask_query_details(answer["query_key"].to_pylist(), UNWEIGHTED)
        rows = queries.build_queries(answer.to_pylist(), details)
        return Page.of(rows, total, page)

    def documents(self, page: PageRequest) -> Page[DocumentRow]:
        """Ask for a page of documents; of those interacted with, where none was shown."""
        answer, total = self._ask_page("signals_documents", "n_documents", page)
        if total == 0:
            answer, total = self._ask_page("signals_interacted_documents", "n_documents", page)
            return Page.of(documents.build_interacted_documents(answer), total, page)
        keys = answer["document_key"].to_pylist()
        details = self._ask_document_details(keys, UNWEIGHTED)
        return Page.of(documents.build_documents(keys, details), total, page)

    def health(self) -> Health:
        """Ask what the log shows about the way it was made."""
        answers = self._ask_all({"health_searches": {}, "health_interactions": {}})
        return health.examine(
            answers["health_searches"],
            answers["health_interactions"],
            self._retriever_id,
            self._window,
        )

    def _summarize(self, answers: Answers) -> Overview:
        """Put the overview together; people are those who interacted, without searches."""
        totals = answers["signals_overview"]
        people = _read_row(answers["signals_people"]) | _read_row(answers["signals_sessions"])
        if totals["searches"][0].as_py() == 0:
            people |= _read_row(self._ask("signals_interacting_people"))
        clustering = overview.read_clustering(answers["signals_people"])
        return overview.build_overview(
            totals,
            overview.read_rates(answers["signals_rates"], clustering),
            answers["signals_interactions"],
            people,
            include_robots=self._window.include_robots,
        )

    def _list(self, reported: pa.Table, position_rates: list[float]) -> _Lists:
        """Choose what is worth listing, ask for its details, and list it."""
        worth: Mapping[str, Value] = {"position_rates": position_rates}
        answers = self._ask_all({name: {**more, **worth} for name, more in _CHOICES.items()})
        asked = queries.choose_queries(answers["signals_queries"], LIST_LENGTH)
        shown = documents.choose_documents(answers["signals_ranked_documents"], LIST_LENGTH)
        keys = sorted({*asked.rows, *reported["query_key"].to_pylist()})
        about_queries = self._ask_query_details(keys, position_rates)
        about_documents = self._ask_document_details(shown.listed, position_rates)
        found = documents.find_skipped(shown, about_documents, LIST_LENGTH)
        losing = self._ask(
            "signals_document_queries",
            {"document_keys": [shown.keys[place] for place in found], **worth},
        )
        return _Lists(
            skipped=documents.build_skipped(shown, found, about_documents, losing),
            low=queries.build_low_engagement(asked, about_queries, LIST_LENGTH),
            zero=queries.build_zero_results(about_queries, reported, LIST_LENGTH),
            queries=queries.build_top_queries(asked, about_queries),
            documents=documents.build_documents(shown.clicked, about_documents)
            or self.documents(PageRequest(page_size=LIST_LENGTH)).results,
        )

    def _list_without_searches(self, reported: pa.Table) -> _Lists:
        """List what interactions alone can tell."""
        first = PageRequest(page_size=LIST_LENGTH)
        return _Lists(
            skipped=[],
            low=[],
            zero=queries.build_zero_results({}, reported, LIST_LENGTH),
            queries=self.queries(first).results,
            documents=self.documents(first).results,
        )

    def _ask_query_details(
        self, keys: list[str], position_rates: list[float]
    ) -> dict[str, dict[str, object]]:
        """Ask for the details of queries, by key."""
        answer = self._ask(
            "signals_query_details", {"query_keys": keys, "position_rates": position_rates}
        )
        return queries.read_details(answer)

    def _ask_document_details(
        self, keys: list[int], position_rates: list[float]
    ) -> dict[int, dict[str, object]]:
        """Ask for the details of documents, by key."""
        answer = self._ask(
            "signals_document_details", {"document_keys": keys, "position_rates": position_rates}
        )
        return documents.read_details(answer)

    def _read_clustering(self) -> Clustering:
        """Ask what the lists are clustered by."""
        return overview.read_clustering(self._ask("signals_people"))

    def _ask_page(
        self,
        question: str,
        total: str,
        page: PageRequest,
        more: Mapping[str, Value] | None = None,
    ) -> tuple[pa.Table, int]:
        """Ask for a page, and read the size of the whole off its rows.

        A page behind the end has no row to read it off, so the first page is asked then.
        """
        paged: dict[str, Value] = {"limit": page.page_size, "offset": page.offset}
        answer = self._ask(question, {**paged, **(more or {})})
        sized = answer
        if answer.num_rows == 0 and page.offset:
            sized = self._ask(question, {"limit": 1, "offset": 0, **(more or {})})
        return answer, sized[total][0].as_py() if sized.num_rows else 0

    def _ask_all(self, questions: Questions) -> Answers:
        """Ask several questions, one after the other: each keeps every core busy."""
        return {name: self._ask(name, more) for name, more in questions.items()}

    def _ask(self, question: str, more: Mapping[str, Value] | None = None) -> pa.Table:
        """Ask one question about the retriever and the window."""
        window = self._window
        parameters: dict[str, Value] = {
            "retriever_id": self._retriever_id,
            "start": window.start,
            "end": window.end,
            "surface": window.segment.surface,
            "device": window.segment.device,
            **(more or {}),
        }
        if question not in _WITHOUT_ROBOTS:
            parameters["include_robots"] = window.include_robots
        return self._store.ask(question, parameters)


def _read_row(answer: pa.Table) -> dict[str, int]:
    """Read an answer of one row."""
    row: dict[str, int] = answer.to_pylist()[0]
    return row
