"""A small index that every stage's test may ask."""

import numpy as np
import pytest

from rankloop.indexing.base import Document
from rankloop.testing.memory_index import MemoryIndex


@pytest.fixture
def shoes():
    """Return six documents `d0` … `d5`: three red shoes alike, a blue pair, a hat, an umbrella."""
    index = MemoryIndex(dimension=2)
    index.upsert(
        [
            Document("d0", "red shoes", np.array([1.0, 0.0], np.float32), {"color": "red"}),
            Document("d1", "old red shoes", np.array([1.0, 0.0], np.float32), {"color": "red"}),
            Document("d2", "worn red shoes", np.array([1.0, 0.1], np.float32), {"color": "red"}),
            Document("d3", "blue shoes", np.array([0.0, 1.0], np.float32), {"color": "blue"}),
            Document("d4", "a hat", np.array([0.6, 0.8], np.float32), {"color": ["blue", "red"]}),
            Document("d5", "umbrella", None, {}),
        ]
    )
    return index


@pytest.fixture(autouse=True)
def _give_the_class_its_index(request, shoes):
    if request.instance is not None:
        request.instance.index = shoes
