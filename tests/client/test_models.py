"""Models through the client, over a socket and in this process, in both colors of code."""

import asyncio

import numpy as np
import pytest

import rankloop
from rankloop.catalog.models import Decision, ModelCatalog
from rankloop.errors import ConflictError, InputError, NotFoundError
from rankloop.models.folder import ModelFolders
from rankloop.models.shelf import ModelShelf
from rankloop.tables.manifests import Measured
from rankloop.testing.trained import keep_adapter

GAIN = Measured(measure="nDCG@10", part="seen", value=0.6, baseline=0.5, low=0.05, high=0.15, n=90)


@pytest.fixture
def data_folder(data_folder):
    """Return a data folder with two adapters on record; the gate let the first pass."""
    data_folder.mkdir()
    catalog = ModelCatalog(data_folder / "catalog.db", lambda: 0)
    shelf = ModelShelf(ModelFolders(data_folder / "models"), catalog)
    for name in ("a1", "a2"):
        keep_adapter(shelf, name, np.eye(2, dtype=np.float32), metrics=[GAIN])
    catalog.move("a1", "shadow", Decision("gate", "it is better", {"low": 0.01}))
    catalog.close()
    return data_folder


def test_models_are_listed_promoted_and_rolled_back(loop):
    loop.retriever("products").configure({"stages": [{"type": "vector_search"}]})
    promoted = loop.models.promote("a1", why="it is better")
    serving = loop.models.list(retriever_id="products", state="promoted")
    done = loop.models.rollback("a1", why="it is slow")

    assert (promoted.state, promoted.is_serving) == ("promoted", True)
    assert [one.model_id for one in serving] == ["a1"]
    assert (done.rolled_back.state, done.serving) == ("retired", None)
    assert [step.why for step in loop.models.get("a1").history][-2:] == [
        "it is better",
        "it is slow",
    ]


def test_a_model_is_shown_with_what_it_was_made_of(loop):
    model = loop.models.get("a1")

    assert model.manifest.files.keys() == {"adapter.json", "matrix.npy"}
    assert (model.metrics[0].measure, model.metrics[0].low) == ("nDCG@10", 0.05)
    assert model.history[1].evidence == {"low": 0.01}
    assert len(loop.models.list()) == 2


def test_refusals_are_typed(loop):
    loop.retriever("products").configure({"stages": []})
    with pytest.raises(ConflictError, match="it is trained"):
        loop.models.promote("a2")
    with pytest.raises(NotFoundError, match="'nobody'"):
        loop.models.get("nobody")
    with pytest.raises(ConflictError, match="does not serve"):
        loop.models.rollback("a2")
    with pytest.raises(InputError, match="kind"):
        loop.models.list(kind="scorer")
    assert loop.models.promote("a2", force=True).is_serving is True


def test_asynchronous_code_has_the_same(data_folder):
    async def swap():
        async with rankloop.connect_async(str(data_folder)) as loop:
            await loop.retriever("products").configure({"stages": []})
            promoted = await loop.models.promote("a1")
            listed = await loop.models.list(state="promoted")
            done = await loop.models.rollback("a1")
            return promoted, listed, done, await loop.models.get("a1")

    promoted, listed, done, shown = asyncio.run(swap())
    assert (promoted.model_id, len(listed), done.serving, shown.state) == ("a1", 1, None, "retired")
