"""The search benchmark runs from end to end on a small scale, with the peer beside it."""

import pytest

from rankloop.benchmarks.corpus import CorpusSpec
from rankloop.benchmarks.search import SearchSpec, measure
from rankloop.benchmarks.traffic import TrafficSpec
from rankloop.errors import InputError

SMALL = SearchSpec(
    corpus=CorpusSpec(n_documents=400, dimension=16, n_topics=8, n_words=500),
    traffic=TrafficSpec(n_searches=2_000, n_documents=400, n_users=100, n_topics=8, purchases=50),
    n_warm=5,
    n_queries=20,
    n_peer_queries=10,
    n_model_queries=10,
)


def test_every_figure_stands_beside_the_peers():
    outcome = measure(against="sql", say=lambda _: None, spec=SMALL)
    figures = {figure.name: figure for figure in outcome.figures}
    assert {"search_p50_ms", "search_p99_ms", "learned_stages_p50_ms", "rerank_p99_ms"} <= set(
        figures
    )
    assert all(figure.value > 0 for figure in outcome.figures)
    assert figures["search_p50_ms"].peer_value > 0
    assert {"model_stage_p50_ms", "model_stage_first_p50_ms"} <= set(figures)


def test_an_unknown_peer_is_refused():
    with pytest.raises(InputError, match="no peer"):
        measure(against="nobody", say=lambda _: None)
