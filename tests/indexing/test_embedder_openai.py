import socket

import numpy as np
import pytest

from rankloop.errors import ConflictError, UnavailableError
from rankloop.indexing.embedder_openai import EndpointConfig, OpenAIEmbedder

MODEL = "text-embedding-3-small"


@pytest.fixture
def waits():
    return []


@pytest.fixture
def embedder(embedding_server, waits):
    endpoint = EndpointConfig(
        embedding_server.base_url,
        "sk-1",
        batch_size=4,
        max_retries=3,
        query_timeout_s=60,
        timeout_s=60,
    )
    embedder = OpenAIEmbedder(MODEL, endpoint, 384, sleep=waits.append)
    yield embedder
    embedder.close()


def test_vectors_mean_what_their_texts_mean(embedder, embedding_server):
    vectors = embedder.embed_documents(["a cat sat", "a kitten lay", "stock markets fell"])
    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-6)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2
    assert embedding_server.calls == [{"n": 3, "model": MODEL, "key": "Bearer sk-1"}]


def test_documents_go_in_batches_and_keep_their_order(embedder, embedding_server):
    texts = [f"text about {thing}" for thing in ("cats", "ships", "law", "rain", "tea", "gold")]
    together = embedder.embed_documents(texts)
    assert [call["n"] for call in embedding_server.calls] == [4, 2]
    alone = np.concatenate([embedder.embed_documents([text]) for text in texts])
    assert together == pytest.approx(alone, abs=1e-4)


def test_the_vector_of_a_query_is_kept(embedder, embedding_server):
    first = embedder.embed_queries(["red shoes"])
    again = embedder.embed_queries(["red shoes", "blue shoes", "red shoes"])
    assert (again[0] == first[0]).all()
    assert (again[2] == first[0]).all()
    assert [call["n"] for call in embedding_server.calls] == [1, 1]


def test_the_least_used_query_is_forgotten_first(embedding_server):
    endpoint = EndpointConfig(embedding_server.base_url, n_cached=2, query_timeout_s=60)
    embedder = OpenAIEmbedder(MODEL, endpoint)
    for text in ("a", "b", "a", "c", "a", "b"):
        embedder.embed_queries([text])
    assert len(embedding_server.calls) == 4
    embedder.close()


def test_nothing_to_embed_is_no_call(embedder, embedding_server):
    assert embedder.embed_documents([]).shape == (0, 384)
    assert embedder.embed_queries([]).shape == (0, 384)
    assert embedding_server.calls == []


def test_the_length_of_the_vectors_is_asked_once(embedding_server):
    endpoint = EndpointConfig(embedding_server.base_url, timeout_s=60)
    embedder = OpenAIEmbedder(MODEL, endpoint)
    assert (embedder.dimension, embedder.dimension, embedder.model_id) == (384, 384, MODEL)
    assert len(embedding_server.calls) == 1
    assert embedding_server.calls[0]["key"] == ""
    embedder.close()


def test_refusals_for_now_are_tried_again_after_longer_and_longer_waits(
    embedder, embedding_server, waits
):
    embedding_server.behave(statuses=[429, 500, 503])
    assert embedder.embed_documents(["a"]).shape == (1, 384)
    assert len(embedding_server.calls) == 4
    assert [0.125 * 2**i <= wait_s <= 0.375 * 2**i for i, wait_s in enumerate(waits)] == [True] * 3


def test_a_wait_that_the_endpoint_asks_for_is_kept(embedder, embedding_server, waits):
    embedding_server.behave(statuses=[429], retry_after="3")
    embedder.embed_documents(["a"])
    assert waits == [3.0]


def test_patience_ends(embedder, embedding_server):
    embedding_server.behave(statuses=[500] * 4)
    with pytest.raises(UnavailableError, match="answers with status 500"):
        embedder.embed_documents(["a"])
    assert len(embedding_server.calls) == 4


def test_a_failure_half_way_raises_and_says_nothing_of_the_texts(embedder, embedding_server):
    embedding_server.behave(statuses=[200, 500, 500, 500, 500])
    with pytest.raises(UnavailableError) as caught:
        embedder.embed_documents([f"secret {i}" for i in range(8)])
    assert "secret" not in str(caught.value)
    assert [call["n"] for call in embedding_server.calls] == [4] * 5


def test_a_query_is_tried_once(embedder, embedding_server, waits):
    embedding_server.behave(statuses=[429])
    with pytest.raises(UnavailableError, match="status 429"):
        embedder.embed_queries(["a"])
    assert (len(embedding_server.calls), waits) == (1, [])


def test_a_refusal_for_good_is_not_tried_again(embedder, embedding_server):
    embedding_server.behave(statuses=[401])
    with pytest.raises(UnavailableError, match="refuses 'text-embedding-3-small' with status 401"):
        embedder.embed_documents(["a"])
    assert len(embedding_server.calls) == 1


def test_a_slow_endpoint_does_not_answer(embedding_server):
    embedding_server.behave(delay_s=0.5)
    embedder = OpenAIEmbedder(
        MODEL, EndpointConfig(embedding_server.base_url, query_timeout_s=0.05)
    )
    with pytest.raises(UnavailableError, match="does not answer"):
        embedder.embed_queries(["a"])
    embedder.close()


def test_an_endpoint_that_is_down_does_not_answer(waits):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    endpoint = EndpointConfig(f"http://127.0.0.1:{port}/v1", max_retries=2)
    embedder = OpenAIEmbedder(MODEL, endpoint, sleep=waits.append)
    with pytest.raises(UnavailableError, match="does not answer"):
        embedder.embed_documents(["a"])
    assert len(waits) == 2
    embedder.close()


def test_vectors_of_another_length_are_refused_and_both_are_named(embedder, embedding_server):
    embedding_server.behave(cut=84)
    with pytest.raises(ConflictError, match=r"text-embedding-3-small makes .* 300, not 384"):
        embedder.embed_documents(["a"])


def test_an_answer_that_lacks_a_vector_is_no_answer(embedder, embedding_server):
    embedding_server.behave(drop=1)
    with pytest.raises(UnavailableError, match="1 embeddings of 2"):
        embedder.embed_documents(["a", "b"])


def test_a_key_is_in_no_description():
    assert "sk-1" not in repr(EndpointConfig(api_key="sk-1"))
