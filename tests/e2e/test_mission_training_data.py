"""The mission's first use case as it is printed: training pairs, and a model trained on them."""

import json
import random
import textwrap
import time
from datetime import UTC, datetime, timedelta

import pytest

import rankloop

SNIPPET = """
# Collect 30 days of interaction data as training pairs
training_data = analytics.get_query_document_pairs(
    date_range="last_30_days",
    min_interactions=2  # Only docs with real engagement
)

# System formats as contrastive pairs:
# Positive: (query, clicked_doc)
# Hard negative: (query, high_ranked_but_skipped_doc)
# Position bias automatically corrected
"""

FINE_TUNE = """
fine_tuned_model = training.fine_tune(
    base_model="text-embedding-3-small",
    training_data=training_data
)
"""

TASTE = {"liked": 0.8, "fair": 0.4, "poor": 0.02, "bad": 0.02}
QUERIES = ("earbuds", "chargers", "cables")
MANY_QUERIES = (
    *QUERIES,
    *("batteries", "books", "boots", "bottles", "bowls", "brushes", "cameras", "candles"),
    *("chairs", "clocks", "coats", "combs", "cups", "curtains", "desks", "drills", "fans"),
    *("forks", "gloves", "hammers", "hats", "jars", "kettles", "knives", "lamps", "mirrors"),
    *("mugs", "pans", "pens", "pillows"),
)


@pytest.fixture(params=["server", "folder"])
def loop(request, serve, data_folder):
    target = serve(data_folder).url if request.param == "server" else data_folder
    with rankloop.connect(target) as loop:
        yield loop


def shop(loop, n_searches=900, queries=QUERIES):
    """Show each query's documents in mixed order to people who look at rank r in 1 of r cases."""
    rng = random.Random(1)
    searches, clicks = [], []
    for k in range(n_searches):
        query = queries[k % len(queries)]
        shown = [f"{name}_{query}" for name in rng.sample(list(TASTE), len(TASTE))]
        at = datetime.now(UTC) - timedelta(days=20, seconds=-20 * k)
        who = {"user_id": f"user_{k % 97}", "timestamp": at.isoformat()}
        results = [{"document_id": name} for name in shown]
        searches.append(
            {
                "search_id": f"s{k}",
                "query": query,
                "retriever_id": "products",
                "results": results,
                **who,
            }
        )
        clicks += [
            {"search_id": f"s{k}", "feature_id": name, "interaction_type": "click", **who}
            for place, name in enumerate(shown)
            if rng.random() < TASTE[name.split("_")[0]] / (1 + place)
        ]
    loop.searches.create_many(searches)
    loop.interactions.create_many(clicks)
    loop.retriever("products").upsert(
        {"document_id": f"{name}_{query}", "text": f"{name} {query}"}
        for name in TASTE
        for query in queries
    )


def test_the_snippet_gives_what_is_liked_and_what_was_seen_and_passed_over(loop, tmp_path):
    shop(loop)
    names = {"analytics": loop.analytics}

    exec(textwrap.dedent(SNIPPET), names)

    pairs = names["training_data"]
    assert pairs.retriever_id == "products"
    assert {(row.query, row.positive_id) for row in pairs} == {
        (query, f"liked_{query}") for query in QUERIES
    }
    assert {row.evidence for row in pairs} == {"corrected"}
    for row in pairs:
        hard = {name for name in row.negative_ids if name.endswith(row.query)}
        assert hard == {f"poor_{row.query}", f"bad_{row.query}"}
        assert row.positive == f"liked {row.query}"
        assert all(row.negatives)

    manifest = loop.exports.download("pairs", tmp_path / "t.ndjson", format="triplets", days=30)
    lines = [json.loads(line) for line in (tmp_path / "t.ndjson").read_text().splitlines()]
    assert manifest.rows == len(lines) == sum(len(row.negative_ids) for row in pairs)
    assert set(lines[0]) == {"anchor", "positive", "negative"}


def test_a_variant_of_what_is_liked_is_not_taught_as_its_opposite(serve, data_folder):
    served = serve(data_folder, index__group_field="model")
    with rankloop.connect(served.url) as loop:
        shop(loop)
        loop.retriever("products").upsert(
            {"document_id": f"{name}_earbuds", "text": name, "payload": {"model": 7}}
            for name in ("liked", "bad")
        )
        pairs = loop.analytics.get_query_document_pairs(date_range="last_30_days")
    row = next(row for row in pairs if row.query == "earbuds")
    assert {name for name in row.negative_ids if "earbuds" in name} == {"poor_earbuds"}
    assert pairs.yields.guards == ["document_groups"]


def test_what_happened_before_the_range_is_left_out(loop):
    old = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() - 31 * 86_400))
    for k in range(3):
        for name, moment in (("old", {"timestamp": old}), ("new", {})):
            loop.interactions.create(
                feature_id=name,
                interaction_type=["click"],
                metadata={"query": "wireless earbuds"},
                user_id=f"user_{k}",
                **moment,
            )
    names = {"analytics": loop.analytics}

    exec(textwrap.dedent(SNIPPET), names)

    assert [(row.query, row.positive_id) for row in names["training_data"]] == [
        ("wireless earbuds", "new")
    ]


@pytest.mark.slow
@pytest.mark.parametrize("target", ["server", "folder"])
def test_the_snippets_train_an_adapter_of_a_model_that_nobody_can_train(
    target, serve, data_folder, embedding_server
):
    data_folder.mkdir()
    (data_folder / "rankloop.toml").write_text(
        f'[embedders.openai]\nbase_url = "{embedding_server.base_url}"\n'
    )
    if target == "server":
        served = serve(data_folder, embedders__openai__base_url=embedding_server.base_url)
    with rankloop.connect(served.url if target == "server" else data_folder) as loop:
        loop.retriever("products").configure(
            {
                "stages": [{"type": "vector_search"}],
                "embedder": {"kind": "openai", "model": "text-embedding-3-small"},
            }
        )
        shop(loop, 60 * len(MANY_QUERIES), MANY_QUERIES)
        names = {"analytics": loop.analytics, "training": loop.training}

        exec(textwrap.dedent(SNIPPET + FINE_TUNE), names)

        model = names["fine_tuned_model"]
        assert model.decision == "trained"
        unseen = next(row for row in model.metrics if row.part == "unseen")
        assert unseen.value > unseen.baseline
        assert "are few" in model.warnings[0]
        assert loop.models.get(model.model_id).manifest.base == "text-embedding-3-small"

        # The log is of one day, and the pairs are of all of it: nothing is left to judge by.
        job = loop.jobs.start("evaluate", model_id=model.model_id, admit=True)
        verdict = loop.jobs.wait(job.job_id).result
        assert verdict["outcome"] == "rejected"
        assert "the log cannot tell" in verdict["why"]

        loop.models.promote(model.model_id, force=True, why="the test says so")
        answer = loop.retriever("products").execute(query="spoons", limit=5)
        assert model.model_id in answer.pipeline
