"""Simulated people: what they look at in a list, and what they click.

Each class is one theory of how people read a list. They share a view of lists that have been
ranked, and draw everything by chance from the generator they are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from rankloop.errors import SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Views:
    """Lists as people meet them; matrices are `[n_lists, n_positions]`.

    Attributes:
        attraction: float64 in [0, 1], chance of a click if looked at; 0 past the list's end.
        satisfaction: float64 in [0, 1], chance that who clicked wants no more.
        patience: `[n_lists]` float64, a standard normal number of each list's person, the same in
            all their lists; above 0 for people who stop sooner.
    """

    attraction: NDArray[np.float64]
    satisfaction: NDArray[np.float64]
    patience: NDArray[np.float64]


class Users(Protocol):
    """People who read lists by one theory."""

    def click(self, views: Views, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Read the lists and return what is clicked, in the shape of `views.attraction`."""
        ...


def power_law(n_positions: int, eta: float = 1.0) -> tuple[float, ...]:
    """Return an examination that falls as `rank^-eta`.

    Example:
        >>> power_law(4, eta=2.0)
        (1.0, 0.25, 0.1111111111111111, 0.0625)
    """
    return tuple(float(rank**-eta) for rank in range(1, n_positions + 1))


@dataclass(frozen=True, slots=True)
class PositionUsers:
    """People who look at a place by its position alone, whatever stands around it.

    A place is looked at with chance `examination[position]`, and clicked if it attracts.
    """

    examination: tuple[float, ...] = power_law(10)
    """Chance that each position is looked at, each in [0, 1]; not looked at past its end."""

    patience_sd: float = 0.0
    """How much people differ: a person's chances are the curve to the power exp(sd * patience)."""

    def __post_init__(self) -> None:
        _check_shares("examination", self.examination)
        if self.patience_sd < 0:
            raise SettingsError("patience_sd must be 0 or more")

    def click(self, views: Views, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Look by position, click what attracts."""
        looked_at = _fit_width(self.examination, views.attraction.shape[1])[None, :]
        if self.patience_sd:
            looked_at = looked_at ** np.exp(self.patience_sd * views.patience)[:, None]
        return rng.random(views.attraction.shape) < looked_at * views.attraction


@dataclass(frozen=True, slots=True)
class TrustingUsers:
    """People who look by position, and believe the top places whatever stands there.

    A click on a place that is looked at has chance `true_click * a + false_click[position] *
    (1 - a)` for attraction a.
    """

    examination: tuple[float, ...] = power_law(10)
    """Chance that each position is looked at, each in [0, 1]."""

    true_click: float = 0.98
    """Chance that an attractive result which is looked at is clicked."""

    false_click: tuple[float, ...] = tuple(0.65 / rank for rank in range(1, 11))
    """Chance by position that an unattractive result which is looked at is clicked."""

    def __post_init__(self) -> None:
        _check_shares("examination", self.examination)
        _check_shares("true_click", (self.true_click,))
        _check_shares("false_click", self.false_click)

    def click(self, views: Views, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Look by position, click what attracts or stands high."""
        width = views.attraction.shape[1]
        false_click = _fit_width(self.false_click, width)
        chance = self.true_click * views.attraction + false_click * (1 - views.attraction)
        return rng.random(chance.shape) < _fit_width(self.examination, width) * chance


@dataclass(frozen=True, slots=True)
class BrowsingUsers:
    """People whose next look depends on the position and on how far up they last clicked.

    A place is looked at with chance `reach[position] * decay^(position - previous click - 1)`,
    the distance counted from the top where nothing was clicked yet.
    """

    reach: tuple[float, ...] = tuple(rank**-0.3 for rank in range(1, 11))
    """Chance to look at each position right below a click, each in [0, 1]."""

    decay: float = 0.8
    """What each place without a click in between takes from that chance, in [0, 1]."""

    def __post_init__(self) -> None:
        _check_shares("reach", self.reach)
        _check_shares("decay", (self.decay,))

    def examination(self, n_positions: int) -> NDArray[np.float64]:
        """Return the chance to look, `[n_positions, n_positions + 1]`.

        Column c is for a previous click at position c - 1; column 0 for none.
        """
        position = np.arange(n_positions)[:, None]
        distance = position - np.arange(-1, n_positions)[None, :] - 1
        reach = _fit_width(self.reach, n_positions)[:, None]
        return np.where(distance >= 0, reach * self.decay ** np.maximum(distance, 0), 0.0)

    def click(self, views: Views, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Walk down the lists, all at once."""
        n_lists, n_positions = views.attraction.shape
        examination = self.examination(n_positions)
        luck = rng.random((n_positions, n_lists))
        clicks = np.empty((n_positions, n_lists), dtype=bool)
        previous = np.zeros(n_lists, dtype=np.int64)
        for position in range(n_positions):
            chance = examination[position][previous] * views.attraction[:, position]
            clicks[position] = luck[position] < chance
            previous[clicks[position]] = position + 1
        return np.ascontiguousarray(clicks.T)


@dataclass(frozen=True, slots=True)
class CascadeUsers:
    """People who read from the top, never skip, and may stop after a click.

    With the default they stop at the first click. `go_on` is the chance, by position, to read on
    after a click there, whatever was clicked.
    """

    go_on: tuple[float, ...] = (0.0,) * 10
    """Chance to read on after a click at each position, each in [0, 1]."""

    def __post_init__(self) -> None:
        _check_shares("go_on", self.go_on)

    def click(self, views: Views, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Walk down the lists, all at once."""
        n_positions = views.attraction.shape[1]
        go_on = np.broadcast_to(_fit_width(self.go_on, n_positions), views.attraction.shape)
        return _walk(views.attraction, go_on, 1.0, rng)


@dataclass(frozen=True, slots=True)
class SatisfiableUsers:
    """People who read from the top until what they clicked satisfies them, or they tire.

    This is the dynamic Bayesian network: after each result that did not satisfy they read on with
    chance `persistence`.
    """

    persistence: float = 0.9
    """Chance to read on, in [0, 1]; the paper's gamma."""

    def __post_init__(self) -> None:
        _check_shares("persistence", (self.persistence,))

    def click(self, views: Views, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Walk down the lists, all at once."""
        go_on = self.persistence * (1 - views.satisfaction)
        return _walk(views.attraction, go_on, self.persistence, rng)


def _walk(
    attraction: NDArray[np.float64],
    after_click: NDArray[np.float64],
    after_skip: float,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Read from the top: go on with one chance after a click and with another after none."""
    n_lists, n_positions = attraction.shape
    luck = rng.random((n_positions, 2, n_lists))
    clicks = np.empty((n_positions, n_lists), dtype=bool)
    is_reading = np.ones(n_lists, dtype=bool)
    for position in range(n_positions):
        clicked = is_reading & (luck[position, 0] < attraction[:, position])
        chance = np.where(clicked, after_click[:, position], after_skip)
        is_reading &= luck[position, 1] < chance
        clicks[position] = clicked
    return np.ascontiguousarray(clicks.T)


def _fit_width(values: tuple[float, ...], n_positions: int) -> NDArray[np.float64]:
    """Cut a curve to the width of the lists, or go on with zeros."""
    fitted = np.zeros(n_positions)
    held = np.asarray(values[:n_positions], dtype=np.float64)
    fitted[: held.size] = held
    return fitted


def _check_shares(name: str, values: tuple[float, ...]) -> None:
    """Refuse chances that are none."""
    if not values or not all(0 <= value <= 1 for value in values):
        raise SettingsError(f"{name} must be in [0, 1]", where=name)
