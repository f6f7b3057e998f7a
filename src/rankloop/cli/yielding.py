"""The yield report for people: what became of the candidates for training pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rankloop.tables.pairs import RULES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rankloop.cli.output import Output

ADVICE: Final = {
    "more_data": "Too few to train on.",
    "adapter": "Enough for a query adapter.",
    "encoder": "Enough for a whole encoder.",
}
"""What so many pairs are good for."""


def show_yield(output: Output, yields: Mapping[str, Any]) -> None:
    """Print what became of a log on its way to pairs, rule by rule.

    Args:
        output: Where people read.
        yields: The fields of `Yield`.
    """
    output.say(f"{yields['positives']:>12,}  positives, of {yields['clicked']:,} pairs clicked")
    _show_removals(output, yields["positive_removals"])
    output.say(f"{yields['hard_negatives']:>12,}  hard negatives, of what was shown for them")
    _show_removals(output, yields["negative_removals"])
    output.say(f"{yields['random_negatives']:>12,}  negatives drawn by chance")
    for need in yields["needs"]:
        more = need["searches_needed"]
        tail = "" if more is None else f"; about {more:,} more searches would bring them"
        output.say(f"{need['have']:,} {need['what']} of {need['need']:,}{tail}.")
    if yields["missing"]:
        output.say(f"Missing: {', '.join(yields['missing'])}.")
    output.say(ADVICE[yields["advice"]])


def _show_removals(output: Output, removals: Sequence[Mapping[str, Any]]) -> None:
    """Print the rules that took something away."""
    for one in removals:
        if one["removed"]:
            rule = one["rule"]
            output.say(f"{-one['removed']:>12,}  {RULES.get(rule, rule)}")
