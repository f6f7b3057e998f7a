"""Pairs out of a store: what people did, told apart from where it stood."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest

from rankloop.attribution.derivation import Derivation
from rankloop.catalog.judgments import JudgmentShelf
from rankloop.errors import InputError
from rankloop.jobs.estimation import Estimation
from rankloop.jobs.judging import Judging
from rankloop.jobs.learning_log import LogReader
from rankloop.jobs.pairing import Pairing
from rankloop.tables.judgments import ImportedJudgment
from rankloop.tables.windows import InsightsWindow

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TASTE = {"liked": 0.8, "so_so": 0.4, "poor": 0.02, "bad": 0.02}
QUERIES = ("blue shoes", "red hats", "green socks")


@pytest.fixture
def shelf(tmp_path):
    """Return a shelf without judgments."""
    return JudgmentShelf(tmp_path / "judgments")


@pytest.fixture
def build(shelf):
    """Return what builds the pairing over a log's store."""

    def build_pairing(log, texts=None):
        log.write()
        reader = LogReader(log.store, Estimation(log.store, Derivation(log.store)))
        known = texts or {}
        return Pairing(
            reader,
            lambda _retriever, names: {name: known[name] for name in names if name in known},
            Judging(reader, shelf).find_opinions,
        )

    return build_pairing


def fill(log, *, n_searches=900, seed=1, without=None, frozen=False):
    """Show four documents in mixed order to people who look by position."""
    rng = np.random.default_rng(seed)
    for k in range(n_searches):
        query = QUERIES[k % len(QUERIES)]
        names = [f"{name} {query}" for name in TASTE]
        shown = names if frozen else [names[i] for i in rng.permutation(len(names))]
        chance = [TASTE[name.split()[0]] / (1 + place) for place, name in enumerate(shown)]
        clicked = [
            name
            for name, drawn in zip(shown, rng.random(len(shown)) < chance, strict=True)
            if drawn
        ]
        user = f"u{k % 97}"
        if user != without:
            at = NOON + timedelta(hours=k % 500)
            log.search(query, shown, clicked, user=user, at=at)


def name_pairs(mined):
    """Return each positive with its hard negatives' first words."""
    return {
        row.positive_id: {name.split()[0] for name in row.negative_ids if row.query in name}
        for row in mined
    }


def test_pairs_have_what_is_liked_and_what_was_passed_over(log, build):
    fill(log)
    mined = build(log).mine()
    assert mined.yields.propensities == "identified"
    assert name_pairs(mined) == {f"liked {query}": {"poor", "bad"} for query in QUERIES}
    assert {row.query for row in mined} == set(QUERIES)
    assert {row.evidence for row in mined} == {"corrected"}
    assert mined.yields.clustered_by == "user"
    assert mined.versions["propensities"] == "fixed_effects"


def test_frozen_rankings_give_positives_without_negatives(log, build):
    fill(log, frozen=True)
    mined = build(log).mine(min_interactions=70)
    assert mined.yields.propensities == "not_identifiable"
    assert mined.yields.missing == ["propensities", "texts"]
    assert {row.positive_id for row in mined} == {f"liked {query}" for query in QUERIES}
    assert {(row.evidence, *row.negative_ids) for row in mined} == {("uncorrected",)}


def test_clicks_without_lists_give_uncorrected_positives(log, build):
    for user in ("ann", "bob"):
        log.interact("d1", user=user, query="blue shoes", query_key="k1")
    log.interact("d2", user="ann", query="blue shoes", query_key="k1")
    log.interact("d3", ("skip",), user="ann", query="blue shoes", query_key="k1")
    mined = build(log).mine()
    assert [(row.query, row.positive_id, row.evidence) for row in mined] == [
        ("blue shoes", "d1", "uncorrected")
    ]
    assert mined.rows[0].weight == pytest.approx(2 / (2 + 10))
    assert mined.yields.missing == ["searches", "texts"]


def test_one_person_clicking_twice_is_one_person(log, build):
    for _ in range(2):
        log.interact("d1", user="ann", query="blue shoes", query_key="k1")
    pairing = build(log)
    assert len(pairing.mine(min_interactions=2)) == 0
    assert len(pairing.mine(min_interactions=1)) == 1


def test_without_users_sessions_are_counted(log, build):
    for session in ("s1", "s2"):
        log.interact("d1", session_id=session, query="blue shoes", query_key="k1")
    mined = build(log).mine()
    assert (len(mined), mined.yields.clustered_by) == (1, "session")


def test_a_document_bought_outside_of_any_list_is_no_negative(log, build):
    fill(log)
    query = QUERIES[0]
    pairing = build(log)
    key = next(row for row in log.store.ask("pair_queries").to_pylist() if row["query"] == query)
    key = {"query": query, "query_key": key["query_key"], "retriever_id": "products"}
    log.interact(f"bad {query}", ("purchase",), at=NOON, **key)
    log.write()
    assert name_pairs(pairing.mine())[f"liked {query}"] == {"poor"}


def test_what_was_judged_relevant_is_no_negative_and_what_was_not_no_positive(log, build, shelf):
    fill(log)
    shelf.put(
        "human",
        [
            ImportedJudgment(QUERIES[0], f"bad {QUERIES[0]}", 4.0),
            ImportedJudgment(QUERIES[1], f"liked {QUERIES[1]}", 0.0),
        ],
    )
    found = name_pairs(build(log).mine())
    assert found == {
        f"liked {QUERIES[0]}": {"poor"},
        f"liked {QUERIES[2]}": {"poor", "bad"},
    }


def test_texts_come_from_the_index(log, build):
    fill(log)
    texts = {f"{name} {query}": f"The {name}." for name in TASTE for query in QUERIES[:2]}
    mined = build(log, texts).mine()
    first = next(row for row in mined if row.query == QUERIES[0])
    assert first.positive == "The liked."
    assert len(first.negatives) == len(first.negative_ids)
    assert mined.yields.missing == ["texts"]


def test_forgetting_someone_gives_the_pairs_of_a_log_without_them(log, build, make_log):
    other = make_log()
    fill(log)
    fill(other, without="u5")
    pairing, expected = build(log), build(other).mine()
    before = pairing.mine()
    log.store.erase_user("u5")
    after = pairing.mine()
    assert msgspec.json.encode(after) == msgspec.json.encode(expected)
    assert msgspec.json.encode(after) != msgspec.json.encode(before)


def test_the_only_retriever_need_not_be_named_but_one_of_several_must(log, build):
    log.interact("d1", user="ann", query="q", query_key="k", retriever_id="shop")
    pairing = build(log)
    assert pairing.mine().retriever_id == "shop"
    log.interact("d1", user="ann", query="q", query_key="k", retriever_id="blog")
    log.write()
    with pytest.raises(InputError, match="2 retrievers, so one must be named") as caught:
        pairing.mine()
    assert caught.value.hint == "Known: blog, shop."
    assert pairing.mine("blog").retriever_id == "blog"


def test_says_so_when_nothing_is_on_record(log, build):
    with pytest.raises(InputError, match="nothing is on record"):
        build(log).mine()


def test_a_log_without_clicks_gives_no_pairs_and_names_the_lack(log, build):
    log.search("q", ["a", "b"], user="ann")
    mined = build(log).mine()
    assert (len(mined), mined.yields.missing, mined.yields.advice) == (0, ["clicks"], "more_data")
    assert [(need.what, need.have, need.searches_needed) for need in mined.yields.needs] == [
        ("queries", 0, None),
        ("positives", 0, None),
    ]


def test_an_empty_window_and_no_people_are_refused(log, build):
    log.search("q", ["a"], user="ann")
    pairing = build(log)
    with pytest.raises(InputError, match="the window is empty"):
        pairing.mine(window=InsightsWindow(NOON, NOON))
    with pytest.raises(InputError, match="min_interactions is 0"):
        pairing.mine(min_interactions=0)


def test_a_window_narrows(log, build):
    for user in ("ann", "bob"):
        log.interact("d1", user=user, query="q", query_key="k", at=NOON)
        log.interact("d2", user=user, query="q", query_key="k", at=NOON + timedelta(days=9))
    mined = build(log).mine(window=InsightsWindow(NOON + timedelta(days=1)))
    assert [row.positive_id for row in mined] == ["d2"]
