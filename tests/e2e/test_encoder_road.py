"""An embedding model from pairs to rankings and back, by the calls that an application makes."""

import time

import pytest

import rankloop
from rankloop.testing.small_encoder import write_encoder, write_pairs
from rankloop.training.splits import hold_out_queries


def wait_until(is_so, timeout_s=120):
    give_up_at = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < give_up_at
        time.sleep(0.1)


@pytest.mark.slow
def test_a_model_is_fine_tuned_promoted_and_taken_back(data_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    base, pairs = write_encoder(tmp_path), write_pairs()
    unasked = [pair for pair in pairs if hold_out_queries([pair.query])[0]]
    with rankloop.connect(data_folder) as loop:
        products = loop.retriever("products")
        embedder = {"kind": "local", "model": str(base)}
        products.configure({"stages": [{"type": "vector_search"}], "embedder": embedder})
        products.upsert([{"document_id": one.positive_id, "text": one.positive} for one in pairs])

        def count_found():
            return sum(
                products.execute(pair.query, limit=1).results[0].document_id == pair.positive_id
                for pair in unasked
            )

        before = count_found()
        model = loop.training.fine_tune(
            base_model=str(base), training_data=pairs, epochs=15, batch=16, learning_rate=3e-3
        )
        assert (model.decision, model.is_better) == ("trained", True)
        assert count_found() == before

        loop.models.promote(model.model_id, force=True, why="a test")
        wait_until(lambda: loop.models.get(model.model_id).is_serving)
        assert count_found() > before

        loop.models.rollback(model.model_id, why="a test")
        wait_until(lambda: not loop.models.get(model.model_id).is_serving)
        assert count_found() == before
