"""The made-up corpus is the same every time, and its queries have something to find."""

import numpy as np

from rankloop.benchmarks.corpus import Corpus, CorpusSpec

SPEC = CorpusSpec(n_documents=250, dimension=16, n_topics=5, n_words=500, batch=100)


def documents(spec=SPEC):
    return [document for batch in Corpus(spec).iter_batches() for document in batch]


def test_documents_are_as_many_as_asked_for_and_the_same_every_time():
    first, second = documents(), documents()
    assert [document.document_id for document in first] == [f"document-{n}" for n in range(250)]
    assert [document.text for document in first] == [document.text for document in second]
    assert all(
        np.array_equal(one.vector, other.vector) for one, other in zip(first, second, strict=True)
    )


def test_vectors_have_length_1_and_lie_near_their_topic():
    made = documents()
    vectors = np.stack([document.vector for document in made])
    topics = np.array([document.payload["topic"] for document in made])
    likeness = vectors @ vectors.T
    same = topics[:, None] == topics[None, :]
    assert np.allclose(np.diag(likeness), 1.0, atol=1e-5)
    assert likeness[same].mean() > likeness[~same].mean() + 0.3


def test_a_query_shares_words_and_meaning_with_documents_of_its_topic():
    corpus = Corpus(SPEC)
    made = [document for batch in corpus.iter_batches() for document in batch]
    for query in corpus.make_queries(np.arange(10) % 5, np.random.default_rng(1)):
        closest = max(made, key=lambda document: float(document.vector @ query.vector))
        assert closest.payload["topic"] == query.topic
        words = set(query.text.split()[:2])
        assert any(
            words & set(document.text.split())
            for document in made
            if document.payload["topic"] == query.topic
        )
