"""The gate: a model serves only if the evidence says that it is better, and every verdict has one.

    trained ─▶ offline evidence ─▶ shadow ─▶ promoted
                    │                 │
                    └──── rejected ◀──┘

Offline, the log says what the model would have earned. In shadow it ranks beside what serves,
without being seen, and must be quick and sound. Interleaving and A/B tests, where people see it,
stand between shadow and promotion once they exist; until then a promotion rests on the log.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from rankloop.errors import SettingsError

if TYPE_CHECKING:
    from rankloop.evaluation.off_policy import Gain

Outcome = Literal["shadow", "promoted", "rejected"]
"""Where a model goes."""

STATED_LEVEL: Final = 0.025
"""Of models that are no better, the share that the offline evidence lets pass at most."""


@dataclass(frozen=True, slots=True)
class GateConfig:
    """What the gate asks for."""

    min_gain: float = 0.0
    """The lower bound of the gain must lie above it; in nDCG, 0 to 1."""

    max_sanity_drop: float = 0.01
    """Most that a measure on the fixed sanity queries may fall, as a share of what it was."""

    min_shadow_searches: int = 100
    """Searches that a shadow must have ranked."""

    max_failed_share: float = 0.001
    """Most of them that may fail."""

    max_p95_ms: float = 20.0
    """Longest time that 95 of 100 of them may take, milliseconds."""

    max_slowdown: float = 1.5
    """How many times as long as what serves they may take in any case, at least 1: where the
    machine is busy, or the pipeline slow, that is not the model's fault."""

    def __post_init__(self) -> None:
        for name in ("max_sanity_drop", "max_failed_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise SettingsError(f"{name} must be in [0, 1]", where=name)
        if self.max_slowdown < 1:
            raise SettingsError("max_slowdown must be at least 1", where="max_slowdown")
        if self.min_shadow_searches < 1 or self.max_p95_ms <= 0:
            raise SettingsError("the gate needs a shadow", where="min_shadow_searches")


@dataclass(frozen=True, slots=True)
class Sanity:
    """A measure on queries that never change, before and after."""

    measure: str
    before: float
    after: float
    n_queries: int


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What the log would say if people looked down the list more, or less, than is estimated.

    Attributes:
        etas: Exponents that were tried: examination rank^-eta.
        values: The gain under each; None where the log cannot tell.
        lows: Its lower bound; None likewise.
        eta: The exponent nearest to what is estimated.
        crossover: The nearest exponent at which the decision would turn; None where none does.
    """

    etas: tuple[float, ...]
    values: tuple[float | None, ...]
    lows: tuple[float | None, ...]
    eta: float
    crossover: float | None


@dataclass(frozen=True, slots=True)
class OfflineEvidence:
    """What the log says of a model.

    Attributes:
        gain: What it would earn beyond what serves; None where the log cannot tell.
        refusal: Why the log cannot tell; empty where it can.
        sanity: How it does on fixed queries; None where there are none.
        clicks: The same gain in clicks per search, for the eye; nothing rests on it.
        sensitivity: How far the gain hangs on the curve of examination.
    """

    gain: Gain | None
    refusal: str = ""
    sanity: Sanity | None = None
    clicks: Gain | None = None
    sensitivity: Sensitivity | None = None


@dataclass(frozen=True, slots=True)
class ShadowEvidence:
    """How a model did beside what serves.

    Attributes:
        n_searches: Searches that it ranked, live or replayed.
        n_failed: Searches that it failed to rank.
        p95_ms: Time that 95 of 100 took at most, milliseconds.
        overlap_at_10: Mean share of the first ten results that both show.
        is_replayed: Whether the searches were taken from the log, for want of live ones.
        usual_p95_ms: Time that 95 of 100 took at most with what serves, milliseconds.
    """

    n_searches: int
    n_failed: int
    p95_ms: float
    overlap_at_10: float
    is_replayed: bool
    usual_p95_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a model goes, why, and what that rests on.

    Attributes:
        outcome: `shadow`, `promoted` or `rejected`.
        why: One sentence with the figure that decided.
        evidence: Everything that was looked at, as plain data.
    """

    outcome: Outcome
    why: str
    evidence: dict[str, Any]


def judge_offline(evidence: OfflineEvidence, config: GateConfig | None = None) -> Verdict:
    """Decide whether a model may rank in shadow.

    Example:
        >>> judge_offline(OfflineEvidence(None, "there are no clicks")).why
        'the log cannot tell: there are no clicks'
    """
    config = config or GateConfig()
    plain = asdict(evidence)
    gain, sanity = evidence.gain, evidence.sanity
    if gain is None:
        return Verdict("rejected", f"the log cannot tell: {evidence.refusal}", plain)
    found = f"{gain.value:+.4f} {gain.measure} ({gain.low:+.4f} to {gain.high:+.4f})"
    if not gain.low > config.min_gain:
        return Verdict("rejected", f"it is not shown to be better: {found}", plain)
    if sanity is not None and sanity.after < sanity.before * (1 - config.max_sanity_drop):
        change = f"{sanity.measure} fell from {sanity.before:.3f} to {sanity.after:.3f}"
        return Verdict("rejected", f"{change} on the fixed queries", plain)
    return Verdict("shadow", f"it is shown to be better: {found}", plain)


def judge_shadow(evidence: ShadowEvidence, config: GateConfig | None = None) -> Verdict:
    """Decide whether a model may serve after its time in shadow.

    Example:
        >>> judge_shadow(ShadowEvidence(500, 0, 3.2, 0.8, is_replayed=True)).outcome
        'promoted'
        >>> judge_shadow(ShadowEvidence(500, 9, 3.2, 0.8, is_replayed=True)).why
        'it failed to rank 9 of 500 searches'
    """
    config = config or GateConfig()
    plain = asdict(evidence)
    n, n_failed = evidence.n_searches, evidence.n_failed
    if n < config.min_shadow_searches:
        why = f"it ranked {n} searches in shadow, {config.min_shadow_searches} are needed"
        return Verdict("rejected", why, plain)
    if n_failed > config.max_failed_share * n:
        return Verdict("rejected", f"it failed to rank {n_failed} of {n} searches", plain)
    allowed_ms = max(config.max_p95_ms, config.max_slowdown * evidence.usual_p95_ms)
    if evidence.p95_ms > allowed_ms:
        why = f"5 of 100 searches took over {evidence.p95_ms:.0f} ms, {allowed_ms:.0f} may"
        return Verdict("rejected", why, plain)
    how = "replayed" if evidence.is_replayed else "live"
    why = f"it ranked {n:,} {how} searches, 95 of 100 in {evidence.p95_ms:.1f} ms"
    return Verdict("promoted", f"{why}, sharing {evidence.overlap_at_10:.0%} of the top ten", plain)
