"""Each click model keeps the promise of all of them."""

from dataclasses import replace

from rankloop.bias.base import PriorConfig
from rankloop.bias.cascade import CascadeModel
from rankloop.bias.click_models import MODELS
from rankloop.bias.dbn import DBNConfig, DynamicBayesianNetwork
from rankloop.bias.dcm import DependentClickModel
from rankloop.bias.expectation import EMConfig
from rankloop.bias.pbm import PositionBasedModel
from rankloop.bias.simplified_dbn import SimplifiedDBN
from rankloop.bias.simulation_users import (
    BrowsingUsers,
    CascadeUsers,
    PositionUsers,
    SatisfiableUsers,
)
from rankloop.bias.tails import fold_tails
from rankloop.bias.ubm import UserBrowsingModel
from rankloop.testing.click_model_contract import ClickModelContract


class TestPositionBasedModel(ClickModelContract):
    def fit(self, lists):
        return PositionBasedModel.fit(lists.to_cells(), EMConfig(n_rounds=200))

    def users(self):
        return PositionUsers()

    def config(self):
        return EMConfig(n_rounds=7, examination=(1.0, 0.5))


class TestUserBrowsingModel(ClickModelContract):
    def fit(self, lists):
        return UserBrowsingModel.fit(lists.to_cells(), EMConfig(n_rounds=200))

    def users(self):
        return BrowsingUsers()

    def config(self):
        return EMConfig(prior_clicks=1.0)


class TestCascadeModel(ClickModelContract):
    def fit(self, lists):
        return CascadeModel.fit(lists.to_cells())

    def users(self):
        return CascadeUsers()

    def config(self):
        return PriorConfig(1.0, 2.0)


class TestDependentClickModel(ClickModelContract):
    def fit(self, lists):
        return DependentClickModel.fit(fold_tails(lists))

    def users(self):
        return CascadeUsers(go_on=(0.2, 0.2, 0.1, 0.1, 0.1))

    def config(self):
        return PriorConfig(1.0, 2.0)


class TestSimplifiedDBN(ClickModelContract):
    def fit(self, lists):
        return SimplifiedDBN.fit(fold_tails(lists))

    def users(self):
        return SatisfiableUsers(persistence=1.0)

    def truth(self):
        # The last click is taken to have satisfied, so most clicks must.
        return replace(super().truth(), satisfaction=(8.0, 2.0))

    def config(self):
        return PriorConfig(1.0, 2.0)


class TestDynamicBayesianNetwork(ClickModelContract):
    def fit(self, lists):
        return DynamicBayesianNetwork.fit(fold_tails(lists))

    def users(self):
        return SatisfiableUsers(persistence=0.8)

    def config(self):
        return DBNConfig(n_rounds=3)


def test_no_model_is_missing_here():
    held = {test.__name__.removeprefix("Test") for test in ClickModelContract.__subclasses__()}
    assert held == {model.__name__ for model in MODELS.values()}
