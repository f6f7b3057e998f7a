"""A small index, and pipelines on it."""

import numpy as np
import pytest

from rankloop.indexing.base import Document
from rankloop.retrieval.parts import Parts
from rankloop.retrieval.pipeline import Pipeline
from rankloop.retrieval.specification import read_pipeline
from rankloop.testing.memory_index import MemoryIndex

SHOES = (
    ("a", "red running shoes", (1.0, 0.0), {"brand": "apex", "price": 50}),
    ("b", "blue running shoes", (0.8, 0.6), {"brand": "bolt", "price": 70}),
    ("c", "running socks", (0.6, 0.8), {"brand": "apex", "price": 10}),
    ("d", "leather shoes for the office", (0.0, 1.0), {"brand": "duke", "price": 120}),
    ("e", "umbrella", (-1.0, 0.0), {"brand": "echo", "price": 15}),
)


@pytest.fixture
def index():
    index = MemoryIndex(dimension=2)
    index.upsert(
        [
            Document(name, text, np.array(vector, np.float32), payload)
            for name, text, vector, payload in SHOES
        ]
    )
    return index


@pytest.fixture
def parts(index):
    parts = Parts(index)
    yield parts
    parts.workers.shutdown()


@pytest.fixture
def build(parts):
    """Return a builder of pipelines from stages."""

    def build(*stages, **changes):
        return Pipeline(read_pipeline({"stages": list(stages), **changes}), parts)

    return build
