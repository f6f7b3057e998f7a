"""How much of a fine-tuned encoder to keep: weights between the old and the new, by validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rankloop.errors import NotEnoughDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class Trial:
    """One blend that was tried.

    Attributes:
        share: How far its weights lie from the old ones to the new ones, in [0, 1].
        validation: Its nDCG@10 on queries that it is chosen by.
        sanity: Its nDCG@10 on what it may not unlearn; None where nothing is asked.
    """

    share: float
    validation: float
    sanity: float | None


def choose_share(
    shares: Sequence[float], attempt: Callable[[float], Trial], max_sanity_drop: float
) -> tuple[Trial, list[Trial]]:
    """Choose the blend that is best on validation among those that have unlearned nothing.

    `(1 - share) * old + share * new`; share 0 is the old encoder and always allowed. Of equals
    the one nearest to the old wins.

    Args:
        shares: What to try, in [0, 1], with 0 among them.
        attempt: Measures the blend of a share.
        max_sanity_drop: How much of its sanity value a blend may lose, in [0, 1].

    Returns:
        The chosen one, and all that were tried, by share.

    Raises:
        NotEnoughDataError: The old one is not among them, so there is nothing to compare with.

    Source: Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022 (WiSE-FT).

    Example:
        >>> values = {0.0: Trial(0, 0.6, 0.9), 0.5: Trial(0.5, 0.7, 0.9), 1.0: Trial(1, 0.8, 0.7)}
        >>> choose_share([0.0, 0.5, 1.0], values.__getitem__, 0.01)[0].share
        0.5
    """
    trials = [attempt(share) for share in sorted(set(shares))]
    if not trials or trials[0].share != 0:
        raise NotEnoughDataError("the old encoder must be among the blends", where="shares")
    floor = (trials[0].sanity or 0.0) * (1 - max_sanity_drop)
    allowed = [trial for trial in trials if trial.sanity is None or trial.sanity >= floor]
    best = max(allowed, key=lambda trial: (trial.validation, -trial.share))
    return best, trials
