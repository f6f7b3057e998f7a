"""How likely each position is looked at, how sure that is, and what the log lacks to tell it."""

from __future__ import annotations

from typing import Literal

from rankloop.tables.records import Record
from rankloop.tables.windows import InsightsWindow

BiasStatus = Literal["identified", "weak", "not_identifiable"]
"""Whether the log tells position and document apart: well, barely, or not at all."""

BiasMethod = Literal["fixed_effects", "shrunk", "power_law", "none"]
"""Every rank by itself; drawn to a power law; one exponent for all; nothing could be estimated."""

BiasLack = Literal["impressions", "clicks", "positions", "repeats", "swaps"]
"""What is missing where nothing could be estimated."""


class BiasPosition(Record, frozen=True):
    """One position, or several deep ones together."""

    position: int
    """The first position, from 0."""

    last_position: int
    """The last one; the same but for deep positions that are pooled."""

    propensity: float | None
    """How likely it is looked at, relative to position 0; null where it is not identified."""

    std_error: float | None
    """Standard error of the propensity's logarithm; null where it is not identified."""

    low: float | None
    """Lower end of the 95% interval; null where it is not identified."""

    high: float | None
    """Upper end of the 95% interval; null where it is not identified."""

    naive: float | None
    """Click rate relative to that of position 0, which mixes place and content."""

    light: Literal["green", "amber", "red"]
    """Standard error up to 0.10, up to 0.25, or above."""

    impressions: int
    """Documents shown there."""

    clicks: int
    """Those that were clicked."""

    isotonic: float | None
    """The nearest curve that never rises, for the eye; null where it is not identified."""


class BiasSwap(Record, frozen=True):
    """Two neighbors to exchange now and then, so that the log can compare them."""

    upper: int
    """The upper position, from 0."""

    lower: int
    """The lower one."""

    clicks: int
    """Clicks on exchanged documents still wanted for a standard error of about 0.1."""


class BiasDrift(Record, frozen=True):
    """Whether documents' attraction changes from week to week and the ranking follows."""

    status: Literal["none", "found", "unchecked"]
    """`unchecked` where there is one week, or where weeks cost over half of the information."""

    cost: float
    """Share of the information that telling weeks apart loses, in [0, 1]."""

    largest: float
    """Largest difference between estimates with and without weeks, in standard errors."""


class BiasContextPosition(Record, frozen=True):
    """One position in one context."""

    position: int
    """The first position, from 0."""

    propensity: float | None
    """How likely it is looked at there, relative to position 0; null where not identified."""

    low: float | None
    """Lower end of the 95% interval."""

    high: float | None
    """Upper end of the 95% interval."""


class BiasContext(Record, frozen=True):
    """The curve of one surface and device."""

    surface: str | None
    """Where lists were shown; null where unknown."""

    device: str | None
    """On what kind of device; null where unknown."""

    method: BiasMethod
    """How its curve was made."""

    clicks: int
    """Clicks that tell its positions apart."""

    positions: list[BiasContextPosition]
    """Its curve."""


class BiasContexts(Record, frozen=True):
    """Whether surfaces and devices are looked at alike."""

    is_different: bool
    """Whether one curve for all misleads; then ask with `segment`."""

    p_value: float
    """Chance of such differences where all share one curve."""

    contexts: list[BiasContext]
    """Those with clicks enough."""


class BiasGuess(Record, frozen=True):
    """What would follow if examination fell as a power of the rank."""

    eta: float
    """The exponent; 0 is no position bias."""

    changed_share: float
    """Share of clicked queries whose best document is another than without correction."""


class Bias(Record, frozen=True):
    """What the log says about position bias.

    Where it cannot tell, `status` is `not_identifiable`, no position has a propensity, `lack` names
    what is missing and `advice` says what to do.
    """

    retriever_id: str | None
    """Which retriever; null for all."""

    window: InsightsWindow
    """Which part of the log."""

    status: BiasStatus
    """Whether the propensities may be used."""

    method: BiasMethod
    """How they were made."""

    lack: BiasLack | None
    """What the log lacks; null where something was estimated."""

    advice: str
    """What to do next."""

    positions: list[BiasPosition]
    """The curve, from position 0."""

    components: list[list[int]]
    """Positions that hang together; more than one list means scales that cannot be compared."""

    harvest_share: float
    """Share of clicks that fell on documents shown at several positions, in [0, 1]."""

    fiedler: float
    """How hard it is to cut the positions in two; 0 where position 0 stands alone."""

    impressions: int
    """Documents shown to people."""

    clicks: int
    """Those that were clicked."""

    effects: list[str]
    """What attraction may differ by: the pair, and the week where that costs little."""

    is_clustered: bool
    """Whether errors allow for people clicking many times; they do from 16 groups of people on."""

    eta: float | None
    """Exponent of the nearest power law; null where nothing was estimated."""

    tau: float | None
    """How far positions lie around it, in logarithms; null where that was not estimated."""

    swaps: list[BiasSwap]
    """Neighbors to exchange so that every light turns green."""

    drift: BiasDrift
    """Whether attraction moves from week to week."""

    contexts: BiasContexts | None
    """Whether surfaces and devices differ; null where there are no two with clicks enough."""

    sensitivity: list[BiasGuess]
    """What guesses would change; empty where something was estimated."""
