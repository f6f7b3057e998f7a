"""How much there is, where people click and how soon."""

from __future__ import annotations

import msgspec

from rankloop.tables.rates import Rate
from rankloop.tables.records import Record


class ValueSum(Record, frozen=True):
    """Money that interactions carried, in one currency."""

    currency: str | None
    """Currency as sent; null where none was."""

    value: float
    """Sum in units of the currency."""

    interactions: int
    """Interactions that carried a value."""


class RobotTraffic(Record, frozen=True):
    """What robots and other programs did."""

    searches: int
    """Lists shown to them."""

    interactions: int
    """Interactions credited to those lists."""


class Overview(Record, frozen=True):
    """How much there is, and the rates that say most about it.

    Robots are left out of every number but those that name them, unless they were asked for.
    """

    searches: int
    """Lists shown; page 2 of a search is a list of its own."""

    impressions: int
    """Documents shown in them."""

    interactions: int
    """What people did, each once."""

    clicked_searches: int
    """Lists with a credited click."""

    clicked_impressions: int
    """Documents shown and clicked at least once."""

    orphan_interactions: int
    """Interactions with a document that no list is known to have shown; in no rate."""

    duplicate_clicks: int
    """Further clicks on an impression that had been clicked."""

    converted_searches: int
    """Lists with a credited purchase or cart."""

    zero_result_searches: int
    """Lists known to be empty."""

    unknown_result_searches: int
    """Lists of which the results are not known; in no rate but `reformulation`."""

    repeated_searches: int
    """Lists shown again unchanged within 30 minutes; counted like the others."""

    robots: RobotTraffic
    """Programs' share in the log, counted above or not."""

    users: int
    """Different users who searched (who interacted, in a log without searches)."""

    sessions: int
    """Different sessions as sent."""

    visits: int
    """Stretches of one person's searches, ended by a pause of 30 minutes or by midnight UTC."""

    ctr: Rate
    """Searches with a credited click, of those with known results."""

    impression_ctr: Rate
    """Clicked impressions, of all."""

    conversion_rate: Rate
    """Searches with a credited purchase or cart, of those with known results."""

    zero_result_rate: Rate
    """Empty lists, of the searches with known results."""

    abandonment: Rate
    """Searches without any credited interaction, of those with known results."""

    reformulation: Rate
    """Searches after which, without a click, the same person asked something else within minutes;
    of all searches."""

    values: list[ValueSum] = msgspec.field(default_factory=list)
    """Money by currency."""

    interactions_by_type: dict[str, int] = msgspec.field(default_factory=dict)
    """How many interactions have each type; one with two types counts for both."""


class PositionRow(Record, frozen=True):
    """One place as displayed."""

    position: int
    """From 0."""

    impressions: int
    """Documents shown there; 0 where the position was left out though deeper ones were shown."""

    clicks: int
    """Impressions that were clicked."""

    ctr: Rate
    """Clicks of impressions: descriptive, since it mixes place and what was placed there."""


class FirstClickPosition(Record, frozen=True):
    """How many searches were clicked first at one place."""

    position: int
    """From 0; 100 stands for everything deeper too."""

    searches: int
    """Searches whose first click was there."""

    share: float
    """Of the searches with a click, in [0, 1]."""


class FirstClick(Record, frozen=True):
    """Where people click first, and how many do not click."""

    average_position: float | None
    """Mean position of a search's first click in time, from 0; null without clicks."""

    n: int
    """Searches with a click."""

    low: float | None
    """Lower end of the 95% interval of the mean."""

    high: float | None
    """Upper end."""

    no_click_share: Rate
    """Searches without a click, which the mean cannot see, of those with known results."""

    by_position: list[FirstClickPosition]
    """From position 0 to the deepest first click, without gaps."""


class ClickedWithin(Record, frozen=True):
    """How many searches are clicked soon."""

    within_s: int
    """Seconds from the list to its first click."""

    share: Rate
    """Of all searches with known results, clicked or not."""


class TimeToFirstClick(Record, frozen=True):
    """How long people look before they click."""

    n: int
    """Searches with a click, which the quartiles are taken over."""

    median_s: float | None
    """Half of them were clicked sooner, in seconds."""

    lower_quartile_s: float | None
    """A quarter was."""

    upper_quartile_s: float | None
    """Three quarters were."""

    clicked_within: list[ClickedWithin]
    """Shares of all searches, so that those without a click are not forgotten."""
