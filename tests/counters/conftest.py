"""A shop with counters."""

import pytest

from rankloop.counters.base import CountersConfig
from rankloop.testing.counted_shop import CountedShop


@pytest.fixture
def open_shop():
    shops = []

    def build(**config):
        shops.append(CountedShop(CountersConfig(**config)))
        return shops[-1]

    yield build
    for shop in shops:
        shop.close()


@pytest.fixture
def shop(open_shop):
    return open_shop()
