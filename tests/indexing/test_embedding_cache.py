"""Vectors on the disk: made once, kept through failures, forgotten when there are too many."""

import numpy as np
import pytest

from rankloop.errors import UnavailableError
from rankloop.indexing.embedder_openai import EndpointConfig, OpenAIEmbedder
from rankloop.indexing.embedding_cache import BATCH, EmbeddingCache


class Maker:
    """Makes a vector of each text, and remembers which it was asked for."""

    def __init__(self, fails_after=10**9, dimension=3):
        self.asked = []
        self.fails_after = fails_after
        self.dimension = dimension

    def __call__(self, texts):
        if len(self.asked) >= self.fails_after:
            raise UnavailableError("the embedding endpoint does not answer", where="embedder")
        self.asked += texts
        return np.array([[hash(text) % 97] * self.dimension for text in texts], np.float32)


@pytest.fixture
def cache(tmp_path):
    return EmbeddingCache(tmp_path / "embeddings.db")


def test_a_text_is_embedded_once_and_read_back_by_another_process(cache, tmp_path):
    first, again = Maker(), Maker()
    made = cache.embed("m", "document", ["a", "b", "a"], first)
    read = EmbeddingCache(tmp_path / "embeddings.db").embed("m", "document", ["b", "a"], again)

    assert first.asked == ["a", "b"]
    assert again.asked == []
    assert np.array_equal(read, made[[1, 0]])


def test_another_model_or_another_side_is_another_vector(cache):
    maker = Maker()
    for model, side in (("m", "query"), ("m", "document"), ("other", "query")):
        cache.embed(model, side, ["a"], maker)
    assert maker.asked == ["a", "a", "a"]


def test_what_was_made_before_a_failure_is_kept(cache):
    texts = [f"text {k}" for k in range(3 * BATCH)]
    with pytest.raises(UnavailableError, match=f"after {BATCH} of {3 * BATCH} texts") as failed:
        cache.embed("m", "document", texts, Maker(fails_after=BATCH))
    assert "goes on from there" in failed.value.hint

    resumed = Maker()
    cache.embed("m", "document", texts, resumed)
    assert resumed.asked == texts[BATCH:]


def test_the_oldest_are_forgotten_beyond_the_bound(tmp_path):
    cache = EmbeddingCache(tmp_path / "embeddings.db", max_bytes=100_000)
    texts = [f"text {k}" for k in range(400)]
    cache.embed("m", "document", texts, Maker(dimension=100))

    newest, oldest = Maker(dimension=100), Maker(dimension=100)
    cache.embed("m", "document", texts[-20:], newest)
    cache.embed("m", "document", texts[:20], oldest)
    assert newest.asked == []
    assert oldest.asked == texts[:20]


def test_a_damaged_file_is_begun_anew(cache, tmp_path):
    cache.embed("m", "query", ["a"], Maker())
    for path in tmp_path.iterdir():
        path.unlink()
    (tmp_path / "embeddings.db").write_bytes(b"no database" * 1000)

    assert cache.embed("m", "query", ["a"], Maker()).shape == (1, 3)
    again = Maker()
    cache.embed("m", "query", ["a"], again)
    assert again.asked == []


def test_a_model_whose_vectors_changed_their_length_is_refused_and_then_made_anew(cache):
    cache.embed("m", "query", ["a"], Maker())
    with pytest.raises(UnavailableError, match="another length"):
        cache.embed("m", "query", ["a", "b"], Maker(dimension=5))
    assert cache.embed("m", "query", ["a", "b"], Maker(dimension=5)).shape == (2, 5)


@pytest.mark.parametrize(
    "made",
    [np.full((1, 3), np.nan, np.float32), np.ones((2, 3), np.float32), np.ones(3, np.float32)],
    ids=["nan", "too-many", "flat"],
)
def test_what_is_no_vector_of_each_text_is_refused_and_not_kept(cache, made):
    with pytest.raises(UnavailableError):
        cache.embed("m", "query", ["a"], lambda _texts: made)
    again = Maker()
    cache.embed("m", "query", ["a"], again)
    assert again.asked == ["a"]


def test_no_texts_are_no_vectors(cache):
    assert cache.embed("m", "query", [], Maker()).shape == (0, 0)


def test_an_endpoint_that_fails_half_way_is_asked_for_the_rest_only(cache, embedding_server):
    endpoint = EndpointConfig(embedding_server.base_url, batch_size=BATCH, max_retries=0)
    embedder = OpenAIEmbedder("text-embedding-3-small", endpoint)
    texts = [f"a text about {k} things" for k in range(BATCH + 10)]
    embedding_server.behave(statuses=[200, 500])
    with pytest.raises(UnavailableError, match=f"after {BATCH} of"):
        cache.embed(embedder.model_id, "document", texts, embedder.embed_documents)
    vectors = cache.embed(embedder.model_id, "document", texts, embedder.embed_documents)
    embedder.close()

    assert [call["n"] for call in embedding_server.calls] == [BATCH, 10, 10]
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(texts)), abs=1e-5)
