"""The gate: better and sound pass, everything else stays out and hears why."""

import pytest

from rankloop.errors import SettingsError
from rankloop.evaluation.off_policy import Gain
from rankloop.experiments.gate import (
    GateConfig,
    OfflineEvidence,
    Sanity,
    ShadowEvidence,
    judge_offline,
    judge_shadow,
)


def gain(value, low):
    return Gain("nDCG@10", value, 0.01, low, 2 * value - low, 0.7, 0.95, 1_000.0, 0.01, 0.02, 64)


def shadow(**fields):
    usual = {"n_searches": 1_000, "n_failed": 0, "p95_ms": 3.0, "overlap_at_10": 0.8}
    return ShadowEvidence(**{**usual, "is_replayed": True, **fields})


def test_what_is_surely_better_goes_on():
    verdict = judge_offline(OfflineEvidence(gain(0.02, 0.004)))

    assert verdict.outcome == "shadow"
    assert "+0.0200 nDCG@10 (+0.0040 to +0.0360)" in verdict.why


@pytest.mark.parametrize("low", [0.0, -0.001])
def test_what_is_only_perhaps_better_stays_out(low):
    verdict = judge_offline(OfflineEvidence(gain(0.02, low)))

    assert verdict.outcome == "rejected"
    assert "not shown to be better" in verdict.why


def test_a_log_that_cannot_tell_admits_nothing():
    verdict = judge_offline(OfflineEvidence(None, "45% of it was looked at"))

    assert verdict.outcome == "rejected"
    assert verdict.why == "the log cannot tell: 45% of it was looked at"


def test_a_fall_on_the_fixed_queries_keeps_a_gain_out():
    evidence = OfflineEvidence(gain(0.02, 0.004), sanity=Sanity("nDCG@10", 0.70, 0.68, 50))

    assert judge_offline(evidence).why == "nDCG@10 fell from 0.700 to 0.680 on the fixed queries"
    assert judge_offline(evidence, GateConfig(max_sanity_drop=0.05)).outcome == "shadow"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"n_searches": 99}, "99 searches"),
        ({"n_failed": 2}, "2 of 1000"),
        ({"p95_ms": 50.0}, "50 ms"),
    ],
    ids=["few", "failing", "slow"],
)
def test_a_shadow_that_is_not_sound_stays_out(fields, why):
    verdict = judge_shadow(shadow(**fields))

    assert verdict.outcome == "rejected"
    assert why in verdict.why


def test_a_slow_pipeline_is_not_the_models_fault():
    slow = shadow(p95_ms=50.0, usual_p95_ms=40.0)

    assert judge_shadow(slow).outcome == "promoted"
    assert judge_shadow(slow, GateConfig(max_slowdown=1.2)).outcome == "rejected"


def test_a_sound_shadow_serves_and_the_verdict_says_what_it_rests_on():
    verdict = judge_shadow(shadow())

    assert verdict.outcome == "promoted"
    assert "1,000 replayed searches" in verdict.why
    assert verdict.evidence["overlap_at_10"] == 0.8


@pytest.mark.parametrize(
    "field",
    [
        {"max_sanity_drop": -1},
        {"max_failed_share": 2},
        {"min_shadow_searches": 0},
        {"max_slowdown": 0.5},
    ],
)
def test_settings_out_of_range_are_named(field):
    with pytest.raises(SettingsError) as caught:
        GateConfig(**field)

    assert caught.value.where == next(iter(field))
