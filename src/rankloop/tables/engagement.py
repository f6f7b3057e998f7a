"""Queries and documents, and what people do with them."""

from __future__ import annotations

from typing import Literal

from rankloop.tables.rates import Rate
from rankloop.tables.records import Record

ExpectedBy = Literal["position_ctr"]
"""Where expected clicks come from: the click rate that each shown position has with everyone."""

Rule = Literal["ctr_below_5_percent", "fewer_clicks_than_expected"]
"""Why a query is listed: the flat rule, or the test against what its positions get elsewhere."""


class LosingQuery(Record, frozen=True):
    """The query in which a document lost most clicks."""

    query_key: str
    """The information need."""

    query: str
    """One of its texts, as typed."""

    impressions: int
    """How often the document was shown for it."""

    clicks: int
    """Impressions that were clicked."""

    expected_clicks: float
    """Clicks that the positions it was shown at get from everyone."""


class SkippedDocument(Record, frozen=True):
    """A document that is ranked high and passed over."""

    document_id: str
    """The document."""

    impressions: int
    """How often it was shown."""

    clicks: int
    """Impressions that were clicked."""

    expected_clicks: float
    """Clicks that the positions it was shown at get from everyone."""

    expected_by: ExpectedBy
    """Where the expectation comes from."""

    lost_clicks: float
    """Expected less observed; the list is sorted by it."""

    p_value: float
    """Chance of so few clicks, were the document like the others at its positions."""

    average_position: float
    """Mean position it was shown at, from 0; under 10, else it is not ranked high."""

    ctr: Rate
    """Clicked impressions, of all."""

    loses_most_in: LosingQuery | None
    """The query to look at first."""


class DocumentRow(Record, frozen=True):
    """One document and what became of it."""

    document_id: str
    """The document."""

    impressions: int
    """How often it was shown."""

    clicks: int
    """Impressions that were clicked (all clicks, in a log without searches)."""

    conversions: int
    """Impressions that led to a purchase or a cart (all of those, in a log without searches)."""

    interactions: int | None
    """Interactions with it; only counted in a log without searches."""

    average_position: float | None
    """Mean position it was shown at, from 0."""

    ctr: Rate
    """Clicked impressions, of all."""


class LowEngagementQuery(Record, frozen=True):
    """A query whose results people leave alone."""

    query_key: str
    """The information need."""

    query: str
    """One of its texts, as typed."""

    searches: int
    """Lists shown."""

    clicked_searches: int
    """Lists with a credited click."""

    ctr: Rate
    """Searches with a credited click, of those with known results."""

    clicks: int
    """Documents shown and clicked."""

    expected_clicks: float
    """Clicks that the positions shown get from everyone."""

    expected_by: ExpectedBy
    """Where the expectation comes from."""

    lost_clicks: float
    """Expected less observed; negative where only the flat rule hit."""

    p_value: float | None
    """Chance of so few clicks, were the query like the others; null where not tested."""

    rules: list[Rule]
    """Which rules hit, one at least."""


class ZeroResultQuery(Record, frozen=True):
    """A query that found nothing."""

    query_key: str
    """The information need."""

    query: str
    """One of its texts, as typed."""

    searches: int
    """Lists shown."""

    zero_result_searches: int
    """Lists known to be empty."""

    zero_result_rate: Rate
    """Empty lists, of the searches with known results."""

    reported: int
    """`zero_results` interactions that name the query but no search."""


class QueryRow(Record, frozen=True):
    """One query and what became of it."""

    query_key: str
    """The information need."""

    query: str
    """One of its texts, as typed."""

    searches: int
    """Lists shown."""

    impressions: int
    """Documents shown."""

    clicks: int
    """Documents shown and clicked."""

    interactions: int | None
    """Interactions that name the query; only counted in a log without searches."""

    zero_result_searches: int
    """Lists known to be empty."""

    abandoned_searches: int
    """Searches without any credited interaction."""

    reformulated_searches: int
    """Searches after which the same person asked something else."""

    average_first_click_position: float | None
    """Mean position of the first click, from 0; null without clicks."""

    ctr: Rate
    """Searches with a credited click, of those with known results."""
