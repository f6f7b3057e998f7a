"""The rules of attribution as numbers."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from rankloop.attribution.base import AttributionConfig
from rankloop.errors import SettingsError


@pytest.mark.parametrize(
    ("name", "value"),
    [("window_s", 0), ("session_gap_s", -1), ("reformulation_s", 1e12), ("repeat_window_s", 0)],
)
def test_a_length_of_time_is_above_0_and_at_most_a_year(name, value):
    with pytest.raises(SettingsError) as caught:
        AttributionConfig(**{name: value})
    assert caught.value.where == f"attribution.{name}"


@pytest.mark.parametrize("name", ["robot_searches_per_hour", "robot_interactions_per_hour"])
def test_a_robot_does_something(name):
    with pytest.raises(SettingsError):
        AttributionConfig(**{name: 0})


def test_every_rule_changes_the_number_of_the_rules():
    config = AttributionConfig()
    numbers = {config.rules}
    for field in fields(config):
        numbers.add(replace(config, **{field.name: getattr(config, field.name) + 1}).rules)
    assert len(numbers) == 1 + len(fields(config))
    assert all(0 < number < 2**63 for number in numbers)


def test_whole_and_fractional_seconds_are_the_same_rules():
    assert AttributionConfig(window_s=60).rules == AttributionConfig(window_s=60.0).rules


def test_the_margin_is_an_hour_at_least():
    assert AttributionConfig(repeat_window_s=60).margin_us == 3_600_000_000
    assert AttributionConfig(repeat_window_s=7_200).margin_us == 7_200_000_000
