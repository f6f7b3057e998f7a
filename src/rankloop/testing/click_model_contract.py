"""What every click model promises; subclass, give a model and its people, inherit the tests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import pytest

from rankloop.bias.lists import Lists, concatenate
from rankloop.bias.perplexity import measure_perplexity
from rankloop.bias.simulation import Simulation, SimulationConfig
from rankloop.bias.simulation_rankers import RankerConfig
from rankloop.bias.simulation_truth import TruthConfig, draw_truth
from rankloop.errors import NotEnoughDataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rankloop.bias.base import ClickModel
    from rankloop.bias.simulation_users import Users

N_POSITIONS: Final = 5


class ClickModelContract(ABC):
    """What every `ClickModel` promises.

    A subclass says which model it is, how a log becomes what the model reads, and which people
    behave as the model believes.
    """

    @abstractmethod
    def fit(self, lists: Lists) -> ClickModel[Any, Any]:
        """Fold a log and fit the model to it, with default settings."""

    @abstractmethod
    def users(self) -> Users:
        """Return people who behave as the model believes."""

    @abstractmethod
    def config(self) -> object:
        """Return settings that differ from the default."""

    def truth(self) -> TruthConfig:
        """Return what queries and documents are drawn from."""
        return TruthConfig(n_queries=60, n_documents=N_POSITIONS, attraction=(1.0, 3.0))

    @pytest.fixture
    def simulation(self) -> Simulation:
        """Simulate 40,000 lists of five, whose order varies."""
        truth = draw_truth(np.random.default_rng(8), self.truth())
        settings = SimulationConfig(seed=8, n_searches=40_000, n_positions=N_POSITIONS)
        return Simulation(truth, self.users(), RankerConfig(noise_sd=0.2), settings)

    def test_chances_are_chances_and_none_past_the_end(self, simulation: Simulation) -> None:
        lists = simulation.run(0, 2_000).lists
        model = self.fit(lists)
        pairs = lists.pairs.copy()
        pairs[:, 3:] = -1
        short = Lists(pairs, lists.clicks & (pairs >= 0), lists.numbering)
        for predicted in (model.predict_clicks(pairs), model.predict_next_clicks(short)):
            assert predicted.shape == pairs.shape
            assert (predicted[:, :3] >= 0).all()
            assert (predicted <= 1).all()
            assert (predicted[:, 3:] == 0).all()

    def test_the_order_of_lists_does_not_matter(self, simulation: Simulation) -> None:
        lists = simulation.run(0, 3_000).lists
        order = np.random.default_rng(1).permutation(len(lists))
        one, other = self.fit(lists), self.fit(lists.select(order))
        assert one.attraction == pytest.approx(other.attraction, abs=1e-9)

    def test_a_log_twice_says_the_same(self, simulation: Simulation) -> None:
        lists = simulation.run(0, 20_000).lists
        one, other = self.fit(lists), self.fit(concatenate([lists, lists]))
        often = np.bincount(lists.pairs.ravel(), minlength=len(lists.numbering)) > 500
        assert one.attraction[often] == pytest.approx(other.attraction[often], abs=0.03)

    def test_clicks_given_documents_are_the_sum_over_all_clicks_above(
        self, simulation: Simulation
    ) -> None:
        lists = simulation.run(0, 2_000).lists
        model = self.fit(lists)
        patterns = np.array(list(product([False, True], repeat=N_POSITIONS)))
        for held in lists.pairs[:3]:
            pairs = np.tile(held, (len(patterns), 1))
            next_clicks = model.predict_next_clicks(Lists(pairs, patterns, lists.numbering))
            chance = np.where(patterns, next_clicks, 1 - next_clicks).prod(axis=1)
            assert chance.sum() == pytest.approx(1)
            assert model.predict_clicks(held[None])[0] == pytest.approx(chance @ patterns)

    def test_pairs_without_data_share_what_is_believed_beforehand(
        self, simulation: Simulation
    ) -> None:
        lists = simulation.run(0, 100).lists
        model = self.fit(lists)
        seen = np.bincount(lists.pairs.ravel(), minlength=len(lists.numbering)) > 0
        assert seen.any()
        assert not seen.all()
        assert len(set(model.attraction[~seen].tolist())) == 1
        assert 0 < model.attraction[~seen][0] < 1

    def test_finds_attraction_better_than_click_through_does(self, simulation: Simulation) -> None:
        lists = simulation.run().lists
        model = self.fit(lists)
        n_pairs = len(lists.numbering)
        n = np.bincount(lists.pairs.ravel(), minlength=n_pairs)
        clicks = np.bincount(lists.pairs[lists.clicks], minlength=n_pairs)
        often = n > 300
        truth = simulation.truth.attraction[often]
        naive = _error(truth, clicks[often] / n[often])
        assert _error(truth, model.attraction[often]) < 0.75 * naive

    def test_predicts_its_people_better_than_click_through_does(
        self, simulation: Simulation
    ) -> None:
        seen, unseen = simulation.run(0, 30_000).lists, simulation.run(30_000, 40_000).lists
        model = self.fit(seen)
        naive = np.broadcast_to(seen.clicks.mean(axis=0), unseen.pairs.shape)
        by_position = measure_perplexity(naive, unseen)
        assert measure_perplexity(model.predict_clicks(unseen.pairs), unseen).mean < (
            by_position.mean
        )
        assert measure_perplexity(model.predict_next_clicks(unseen), unseen).mean < (
            by_position.mean
        )

    def test_a_log_without_clicks_is_refused(self, simulation: Simulation) -> None:
        lists = simulation.run(0, 100).lists
        with pytest.raises(NotEnoughDataError):
            self.fit(Lists(lists.pairs, np.zeros_like(lists.clicks), lists.numbering))

    def test_an_empty_log_is_refused(self, simulation: Simulation) -> None:
        with pytest.raises(NotEnoughDataError):
            self.fit(simulation.run(0, 10).lists.select(slice(0)))

    def test_settings_survive_being_written_down(self) -> None:
        config = self.config()
        written = msgspec.json.encode(config)
        assert msgspec.json.decode(written, type=type(config)) == config
        assert config != type(config)()


def _error(truth: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    """Return the root mean square error, after the best change of scale."""
    scale = (truth @ found) / (found @ found)
    return float(np.sqrt(((truth - scale * found) ** 2).mean()))
