"""The mission's third section as it is printed, and what people do shown in the next ranking."""

import textwrap
import time

import pytest

import rankloop

SNIPPET = """
# Exclude content user already consumed
previous_purchases = interactions.list(
    user_id="user_123",
    interaction_type=["purchase"],
    days=90
)

answer = retriever.execute(
    query="new arrivals",
    filters={
        "document_id": {"$nin": [i.feature_id for i in previous_purchases]}
    }
)
"""

PIPELINE = {
    "stages": [
        {"type": "vector_search", "top_k": 100},
        {
            "type": "rerank",
            "boost_by_interaction_count": {
                "interaction_types": ["click", "purchase"],
                "time_window_days": 7,
                "boost_multiplier": 1.2,
            },
        },
    ]
}

EXCLUDING = {
    "stages": [
        *PIPELINE["stages"],
        {"type": "exclude_interacted", "interaction_types": ["purchase"], "days": 90},
    ]
}

ARRIVALS = [
    {"document_id": f"d{n}", "text": f"new arrivals of week {n}", "payload": {"week": n}}
    for n in range(6)
]


@pytest.fixture(params=["server", "folder"])
def loop(request, serve, data_folder):
    target = serve(data_folder).url if request.param == "server" else data_folder
    with rankloop.connect(target) as loop:
        loop.retriever("products").upsert(ARRIVALS)
        yield loop


def ranked(loop, **fields):
    answer = loop.retriever("products").execute("new arrivals", **fields)
    return [result.document_id for result in answer]


def test_the_snippet_runs_as_it_is_printed(loop):
    loop.retriever("products").configure(PIPELINE)
    for bought in ("d1", "d4"):
        loop.interactions.create(
            feature_id=bought, interaction_type=["purchase"], user_id="user_123"
        )
    names = {"interactions": loop.interactions, "retriever": loop.retriever("products")}

    exec(textwrap.dedent(SNIPPET), names)

    shown = [result.document_id for result in names["answer"]]
    assert sorted(shown) == ["d0", "d2", "d3", "d5"]
    assert loop.retriever("products").get().stages == PIPELINE["stages"]


def test_what_was_just_bought_is_not_in_the_next_ranking_of_that_person(loop):
    loop.retriever("products").configure(EXCLUDING)
    assert "d2" in ranked(loop, user_id="user_123")

    loop.interactions.create(
        feature_id="d2", interaction_type=["purchase"], user_id="user_123", retriever_id="products"
    )

    assert "d2" not in ranked(loop, user_id="user_123")
    assert "d2" in ranked(loop, user_id="somebody_else")
    pages = [ranked(loop, user_id="user_123", limit=2, offset=offset) for offset in (0, 2, 4)]
    assert sorted(name for page in pages for name in page) == ["d0", "d1", "d3", "d4", "d5"]


def test_what_many_people_open_rises_and_the_answer_says_why(loop):
    loop.retriever("products").configure(PIPELINE)
    last = ranked(loop)[-1]

    loop.interactions.create_many(
        {
            "feature_id": last,
            "interaction_type": "click",
            "user_id": f"user_{n}",
            "retriever_id": "products",
        }
        for n in range(50)
    )

    assert ranked(loop)[0] == last
    top = loop.retriever("products").execute("new arrivals", explain=True).results[0]
    boost = next(move for move in top.explain if move.stage == "rerank")
    assert boost.position_after < boost.position_before
    assert boost.notes


def test_what_was_popular_a_week_ago_is_no_longer_lifted(loop):
    loop.retriever("products").configure(PIPELINE)
    before = ranked(loop)

    loop.interactions.create_many(
        {
            "feature_id": before[-1],
            "interaction_type": "click",
            "user_id": f"user_{n}",
            "retriever_id": "products",
            "timestamp": time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() - 9 * 86_400)),
        }
        for n in range(50)
    )
    loop.analytics.get_retriever_signals(retriever_id="products")

    assert ranked(loop) == before


def test_every_ranking_is_a_search_whose_clicks_count(loop):
    loop.retriever("products").configure(PIPELINE)
    answer = loop.retriever("products").execute("new arrivals", user_id="user_123")
    loop.interactions.create(
        search_id=answer.search_id,
        feature_id=answer.results[1].document_id,
        interaction_type="click",
    )

    signals = loop.analytics.get_retriever_signals(retriever_id="products")

    assert (signals.overview.searches, signals.overview.clicked_searches) == (1, 1)
    assert [row.clicks for row in signals.ctr_by_position][:2] == [0, 1]


def test_another_engines_candidates_come_back_as_the_same_set(loop):
    loop.retriever("products").configure(PIPELINE)
    candidates = [{"document_id": f"x{n}", "score": 9.0 - n} for n in range(5)]

    answer = loop.retriever("products").rerank("new arrivals", candidates)

    assert [result.document_id for result in answer] == [f"x{n}" for n in range(5)]
    assert len(answer) == answer.total == 5
