"""Simulation: people of a known kind before a ranker of a known kind, as many searches as wanted.

Searches are numbered, and each thousand of them draws from a generator of its own, so that a log
is the same in one piece as in many, and two processes may make its parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
from scipy.special import expit, logit

from rankloop.bias.lists import Circumstances, Lists, concatenate
from rankloop.bias.simulation_rankers import RankerConfig, rank
from rankloop.bias.simulation_users import PositionUsers, Users, Views
from rankloop.errors import InputError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from rankloop.bias.cells import Cells
    from rankloop.bias.simulation_truth import Truth

T = TypeVar("T", bound=np.generic)

BLOCK: Final = 8_192
"""Searches that share a generator. Another number would make another log of the same seed."""

N_TASTES: Final = 4
"""Dimensions of people's tastes."""

N_ROBOTS: Final = 7
"""How many robots share the robots' searches."""

# Generators beside those of the blocks, whose key has one number after the seed.
DRIFT_STREAM: Final = (0, 1)
TASTE_STREAM: Final = (0, 2)
PEOPLE_STREAM: Final = (0, 3)

_PER_SEARCH: Final = (
    "query",
    "person",
    "week",
    "is_robot",
    "is_explored",
    "logging_probability",
)


@dataclass(frozen=True, slots=True)
class SimulationConfig:
    """Settings of a simulated log."""

    seed: int = 1
    """Everything follows from it, the truth and the number of searches."""

    n_searches: int = 50_000
    """How many searches the log has; they are spread evenly over the weeks."""

    n_positions: int = 10
    """How many results a list shows at most."""

    n_weeks: int = 1
    """Over how many weeks the searches are spread."""

    n_people: int = 10_000
    """How many people search; each search is by one of them, all alike often."""

    drift_sd: float = 0.0
    """Standard deviation of what each week adds to an attraction's log-odds; the ranker follows."""

    taste_sd: float = 0.0
    """Standard deviation of what one's own taste adds to log-odds; the ranker knows the person."""

    robot_share: float = 0.0
    """Share of searches by robots, which look at everything."""

    robot_clicks: float = 0.3
    """Chance that a robot clicks a result, whatever it is."""

    def __post_init__(self) -> None:
        if min(self.n_searches, self.n_positions, self.n_weeks, self.n_people) < 1:
            raise SettingsError("n_searches, n_positions, n_weeks and n_people must be at least 1")
        if self.drift_sd < 0 or self.taste_sd < 0:
            raise SettingsError("drift_sd and taste_sd must be 0 or more")
        if not (0 <= self.robot_share <= 1 and 0 <= self.robot_clicks <= 1):
            raise SettingsError("robot_share and robot_clicks must be in [0, 1]")


@dataclass(frozen=True, slots=True)
class SimulatedLog:
    """Some consecutive searches; arrays are `[n_searches]`, matrices have a column a position.

    Attributes:
        first: Number of the first of them.
        lists: What was shown and clicked.
        query: int64, place in the truth's `query_keys`.
        person: int64, who searched, from 0; robots have the numbers after the people's.
        week: int64, from 0.
        is_robot: bool.
        is_explored: bool, True where an adjacent pair changed places.
        logging_probability: float64 in (0, 1] by place; see `Ranked`.
    """

    first: int
    lists: Lists
    query: NDArray[np.int64]
    person: NDArray[np.int64]
    week: NDArray[np.int64]
    is_robot: NDArray[np.bool_]
    is_explored: NDArray[np.bool_]
    logging_probability: NDArray[np.float64]

    def to_cells(self, n_shards: int = 1) -> Cells:
        """Count the lists by pair, position, previous click, week and group of people."""
        return self.lists.to_cells(Circumstances(self.week, self.person % n_shards, n_shards))


class Simulation:
    """A log of any length, made when asked for.

    Args:
        truth: Queries, documents, attractions, scores.
        users: How people read; by position, as 1 / rank, where it is left out.
        ranker: How production orders; frozen where it is left out.
        config: Size, seed and what makes a log hard.

    Example:
        >>> from rankloop.bias.simulation_truth import draw_truth
        >>> truth = draw_truth(np.random.default_rng(1))
        >>> simulation = Simulation(truth, config=SimulationConfig(n_searches=1000))
        >>> log = simulation.run()
        >>> log.lists.clicks.shape, log.lists.clicks[:, [0, 9]].sum(axis=0).tolist()
        ((1000, 10), [366, 1])
    """

    def __init__(
        self,
        truth: Truth,
        users: Users | None = None,
        ranker: RankerConfig | None = None,
        config: SimulationConfig | None = None,
    ) -> None:
        self.truth = truth
        self.users: Users = users or PositionUsers()
        self.ranker = ranker or RankerConfig()
        self.config = config or SimulationConfig()
        self._popularity = np.cumsum(truth.popularity)
        self._popularity[-1] = 1.0

    def run(self, first: int = 0, last: int | None = None) -> SimulatedLog:
        """Return the searches numbered from `first` up to, without, `last`; all by default.

        Raises:
            InputError: There are no such searches.
        """
        last = self.config.n_searches if last is None else last
        if not 0 <= first < last <= self.config.n_searches:
            raise InputError(
                f"there are no searches {first} to {last}",
                hint=f"The log has {self.config.n_searches}.",
            )
        blocks = [self._run_block(number) for number in range(first // BLOCK, -(-last // BLOCK))]
        return _join(blocks, first, last)

    def iter_logs(self, n_searches: int = 262_144) -> Iterator[SimulatedLog]:
        """Yield the whole log in parts of `n_searches`, which bounds the memory they take."""
        for first in range(0, self.config.n_searches, n_searches):
            yield self.run(first, min(first + n_searches, self.config.n_searches))

    def _run_block(self, number: int) -> SimulatedLog:
        """Make one whole block, from its own generator."""
        config = self.config
        rng = np.random.default_rng([config.seed, number])
        query = np.searchsorted(self._popularity, rng.random(BLOCK), side="right")
        person, is_robot = self._draw_people(rng)
        search = np.arange(number * BLOCK, (number + 1) * BLOCK)
        week = np.minimum(search * config.n_weeks // config.n_searches, config.n_weeks - 1)
        candidates = self._candidates[query]
        attraction = self._attract(candidates, week, person, is_robot)
        scores = np.where(candidates >= 0, self.truth.score[candidates], -np.inf)
        if self._is_moving:
            scores += attraction - self.truth.attraction[candidates]
        ranked = rank(scores, config.n_positions, self.ranker, rng)
        is_shown = ranked.places >= 0
        pairs = np.where(is_shown, _take(candidates, ranked.places), -1)
        views = Views(
            attraction=np.where(is_shown, _take(attraction, ranked.places), 0.0),
            satisfaction=np.where(is_shown, self.truth.satisfaction[pairs], 0.0),
            patience=self._people.patience[person],
        )
        clicks = self.users.click(views, rng) & is_shown
        if config.robot_share:
            at_random = rng.random(clicks.shape) < config.robot_clicks
            clicks = np.where(is_robot[:, None], at_random & is_shown, clicks)
        return SimulatedLog(
            first=number * BLOCK,
            lists=Lists(pairs, clicks, self.truth.pairs),
            query=query,
            person=person,
            week=week,
            is_robot=is_robot,
            is_explored=ranked.is_explored,
            logging_probability=ranked.logging_probability,
        )

    def _draw_people(self, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Say who makes each search of a block."""
        n_people = self.config.n_people
        person = rng.integers(0, n_people, BLOCK)
        if not self.config.robot_share:
            return person, np.zeros(BLOCK, dtype=bool)
        is_robot = rng.random(BLOCK) < self.config.robot_share
        person[is_robot] = n_people + person[is_robot] % N_ROBOTS
        return person, is_robot

    def _attract(
        self,
        candidates: NDArray[np.int64],
        week: NDArray[np.int64],
        person: NDArray[np.int64],
        is_robot: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        """Say how attractive each candidate is, in its week and to its person."""
        if not self._is_moving:
            return self.truth.attraction[candidates]
        log_odds = self._log_odds[week[:, None], candidates]
        if self.config.taste_sd:
            likes = np.einsum(
                "sd,scd->sc", self._people.tastes[person], self._pair_tastes[candidates]
            )
            log_odds = log_odds + self.config.taste_sd * likes * ~is_robot[:, None]
        return np.asarray(expit(log_odds), dtype=np.float64)

    @property
    def _is_moving(self) -> bool:
        """Whether attraction depends on the week or the person."""
        return bool(self.config.drift_sd or self.config.taste_sd)

    @cached_property
    def _candidates(self) -> NDArray[np.int64]:
        """`[n_queries, n_candidates]`, the pairs of each query; -1 where it has fewer."""
        query = self.truth.pairs.query
        n_queries = self.truth.popularity.size
        n_pairs = np.bincount(query, minlength=n_queries)
        candidates = np.full((n_queries, int(n_pairs.max(initial=0))), -1, dtype=np.int64)
        place = np.arange(query.size) - (np.cumsum(n_pairs) - n_pairs)[query]
        candidates[query, place] = np.arange(query.size)
        return candidates

    @cached_property
    def _log_odds(self) -> NDArray[np.float64]:
        """`[n_weeks, n_pairs]`, log-odds of attraction: a random walk where attractions drift."""
        rng = np.random.default_rng([self.config.seed, *DRIFT_STREAM])
        start = logit(np.clip(self.truth.attraction, 1e-6, 1 - 1e-6))
        steps = rng.standard_normal((self.config.n_weeks, start.size)) * self.config.drift_sd
        steps[0] = 0
        return np.asarray(start + steps.cumsum(axis=0), dtype=np.float64)

    @cached_property
    def _pair_tastes(self) -> NDArray[np.float64]:
        """`[n_pairs, N_TASTES]`, what each document has of what people may like."""
        rng = np.random.default_rng([self.config.seed, *TASTE_STREAM])
        tastes = rng.standard_normal((len(self.truth.pairs), N_TASTES))
        return np.asarray(tastes / np.sqrt(N_TASTES), dtype=np.float64)

    @cached_property
    def _people(self) -> _People:
        rng = np.random.default_rng([self.config.seed, *PEOPLE_STREAM])
        n_people = self.config.n_people + N_ROBOTS
        return _People(rng.standard_normal(n_people), rng.standard_normal((n_people, N_TASTES)))


@dataclass(frozen=True, slots=True)
class _People:
    """What stays the same about each person, robots last: how soon they stop, what they like."""

    patience: NDArray[np.float64]
    tastes: NDArray[np.float64]


def _take(values: NDArray[T], places: NDArray[np.int64]) -> NDArray[T]:
    """Put candidates' values in shown order; places past the end hold any."""
    return np.take_along_axis(values, np.maximum(places, 0), axis=1)


def _join(blocks: list[SimulatedLog], first: int, last: int) -> SimulatedLog:
    """Put blocks after each other and cut out what was asked for."""
    kept = slice(first - blocks[0].first, last - blocks[0].first)
    if len(blocks) == 1:
        joined = {name: getattr(blocks[0], name)[kept] for name in _PER_SEARCH}
        return SimulatedLog(first, blocks[0].lists.select(kept), **joined)
    joined = {
        name: np.concatenate([getattr(block, name) for block in blocks])[kept]
        for name in _PER_SEARCH
    }
    lists = concatenate(block.lists for block in blocks).select(kept)
    return SimulatedLog(first, lists, **joined)
