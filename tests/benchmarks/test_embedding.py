"""The query's embedding is measured apart from the search."""

from rankloop.benchmarks.embedding import measure_embedding


def test_a_query_s_embedding_is_measured_with_a_real_model():
    figures = measure_embedding(["blue shoes"] * 8, lambda said: None)

    assert [figure.name for figure in figures] == ["embed_p50_ms", "embed_p99_ms"]
    assert 0 < figures[0].value <= figures[1].value
