"""A user deleted is a user never seen, in every answer there is."""

import tomllib
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankloop.attribution.derivation import Derivation
from rankloop.store.duckdb import DuckDBStore
from rankloop.store.questions import QUESTIONS
from rankloop.testing.builders import NOON_US, build_interaction, build_search, to_lines

# The first case of each question; the contract of dialects asks all of them.
CASES = [
    (name, cases[0])
    for path in sorted((Path(__file__).parents[1] / "contracts" / "cases").glob("*.toml"))
    for name, cases in tomllib.loads(path.read_text("utf-8")).items()
]
GONE = "u~gone"
MINUTE_US = 60_000_000

# What derivation asks itself about: running keys, watermarks and days still to be derived.
OF_THE_MACHINERY = {"credits", "search_log", "click_log", "position_days"} | {
    name for name in QUESTIONS if name.startswith("derive_")
}
# A key counts arrivals, and a user who was never seen arrived never.
KEYS = {"interaction_key", "search_key", "cluster_key"}


@st.composite
def logs(draw):
    """Draw searches and interactions of three users and of nobody, on three days."""
    times = st.integers(0, 3 * 24 * 60).map(lambda minute: NOON_US + minute * MINUTE_US)
    users = st.sampled_from([GONE, "u~1", "u~2", None])
    searches, owners = [], {}
    for number in range(draw(st.integers(1, 20))):
        user = draw(users)
        owners[f"s{number}"] = user
        documents = draw(st.sampled_from([["d1", "d2", "d3"], ["d2", "d1"], [], None]))
        query = draw(st.sampled_from(["red", "blue"]))
        search = build_search(f"s{number}", documents, at=draw(times), user=user, query=query)
        searches.append(search)
    interactions = []
    for number in range(draw(st.integers(0, 20))):
        user = draw(users)
        seen = [search_id for search_id, owner in owners.items() if user in (owner, None)]
        interaction = build_interaction(
            f"i{number}",
            draw(st.sampled_from(["d1", "d2", "d9"])),
            draw(st.sampled_from([["click"], ["purchase", "hover"], ["view"]])),
            at=draw(times),
            user=user,
            search_id=draw(st.sampled_from([None, *seen])),
            retriever_id="products",
        )
        interactions.append(interaction)
    return searches, interactions


def without(searches, interactions):
    """Leave out what one user did, and what nobody in particular did with that user's lists."""
    theirs = {search.search_id for search in searches if search.user == GONE}
    return (
        [search for search in searches if search.user != GONE],
        [
            one
            for one in interactions
            if one.user != GONE and not (one.user is None and one.search_id in theirs)
        ],
    )


def answer_everything(store):
    """Ask every question with every case, leaving out keys; not all questions sort their rows."""
    return {
        f"{name} {case}": sorted(
            store.ask(name, case)
            .drop_columns([column for column in QUESTIONS[name].columns if column in KEYS])
            .to_pylist(),
            key=str,
        )
        for name, case in CASES
        if name not in OF_THE_MACHINERY
    }


# An example takes a second: it fills and derives two stores and asks every question.
@settings(max_examples=5)
@given(logs())
def test_a_user_deleted_is_a_user_never_seen(log):
    searches, interactions = log
    with closing(DuckDBStore()) as store, closing(DuckDBStore()) as other:
        store.append_lines(to_lines(searches), to_lines(interactions))
        Derivation(store).refresh()
        store.erase_user(GONE)
        Derivation(store).refresh()
        searches, interactions = without(searches, interactions)
        other.append_lines(to_lines(searches), to_lines(interactions))
        Derivation(other).refresh()
        assert answer_everything(store) == answer_everything(other)


def test_another_user_s_click_on_an_erased_list_stays():
    with closing(DuckDBStore()) as store:
        click = build_interaction("i1", user="u~1", search_id="s1", retriever_id="products")
        store.append_lines(to_lines([build_search("s1", user=GONE)]), to_lines([click]))
        Derivation(store).refresh()
        assert store.erase_user(GONE)["credits"] == 1
        Derivation(store).refresh()
        assert store.ask("store_counts").to_pylist() == [
            {"searches": 0, "impressions": 0, "interactions": 1}
        ]


def test_a_deleted_interaction_marks_the_day_of_its_list():
    with closing(DuckDBStore()) as store:
        late = NOON_US + 13 * 60 * MINUTE_US
        click = build_interaction("i1", at=late, search_id="s1")
        store.append_lines(to_lines([build_search("s1")]), to_lines([click]))
        Derivation(store).refresh()
        store.delete_interaction("i1")
        with store.transaction() as transaction:
            days = [datetime.fromtimestamp(at / 1e6, UTC).date() for at in (NOON_US, late)]
            assert transaction.read_days() == days


@pytest.mark.parametrize("table", ["interactions", "searches", "impressions"])
def test_erasing_nobody_erases_nothing(table):
    with closing(DuckDBStore()) as store:
        store.append_lines(to_lines([build_search("s1")]), to_lines([build_interaction("i1")]))
        before = store.ask("store_counts").to_pylist()
        assert store.erase_user("u~never")[table] == 0
        assert store.ask("store_counts").to_pylist() == before
