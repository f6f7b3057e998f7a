"""The counters hear of what is accepted at once, and count it once, whatever happens."""

import threading
import time
from datetime import timedelta

import numpy as np
import pytest

from rankloop.counters.base import CountersConfig, Person, PopularityWindow
from rankloop.counters.live import LiveCounters
from rankloop.errors import SettingsError, UnavailableError
from rankloop.events.types import to_mask
from rankloop.store.duckdb import DuckDBStore

PURCHASES = to_mask(["purchase"])


def count(shop, *documents, **asked):
    return shop.popularity(documents, **asked).count.tolist()


def documents(shop, user="u~1", session=None):
    shop.counters.settle()
    events = shop.counters.history(
        user_key=user, session_id=session, retriever_id="products", now=shop.now
    )
    return [event.document_id for event in events]


def wait_until(is_true):
    ends = time.monotonic() + 10.0
    while not is_true() and time.monotonic() < ends:
        time.sleep(0.01)


def test_what_was_there_before_is_counted(shop):
    shop.click("i1")
    shop.deliver()
    assert count(shop, "d1", "d2") == [1.0, 0.0]


def test_what_comes_later_is_counted_before_it_reaches_the_store(shop):
    shop.counters.settle()
    shop.click("i1")
    assert count(shop, "d1") == [1.0]
    assert shop.pending


def test_what_is_acknowledged_and_not_yet_delivered_counts_once(shop):
    shop.click("i1")
    assert count(shop, "d1") == [1.0]
    shop.restart()
    assert count(shop, "d1") == [1.0]


def test_a_restart_changes_nothing(shop):
    shop.counters.settle()
    shop.search("s1")
    for number in range(30):
        shop.click(f"i{number}", f"d{number % 4}", f"u~{number % 7}", at=shop.at(hours=-number))
    shop.click("bought", "d1", "u~1", ["purchase"], search_id="s1")
    before, history = shop.popularity(["d0", "d1", "d2", "d9"]), documents(shop, "u~1")
    entropy = shop.counters.query_entropy("products", "c1f1f3e64c4fba11")

    shop.restart()
    after = shop.popularity(["d0", "d1", "d2", "d9"])
    assert after.count.tolist() == before.count.tolist()
    assert after.expected.tolist() == before.expected.tolist()
    assert after.total_count == before.total_count
    assert after.n_documents == before.n_documents
    assert after.shown_share == before.shown_share
    assert documents(shop, "u~1") == history
    again = shop.counters.query_entropy("products", "c1f1f3e64c4fba11")
    assert np.array_equal(again, entropy, equal_nan=True)


def test_one_count_a_person_document_and_day(shop):
    shop.counters.settle()
    for number in range(5):
        shop.click(f"i{number}")
    shop.click("other person", user="u~2")
    shop.click("other day", at=shop.at(days=-1))
    assert count(shop, "d1") == [3.0]


def test_a_click_and_a_purchase_of_one_person_are_one_count_for_either(shop):
    shop.counters.settle()
    shop.click("i1")
    shop.click("i2", types=["purchase"])
    assert count(shop, "d1") == [1.0]
    assert count(shop, "d1", types=["purchase"]) == [1.0]
    assert count(shop, "d1", types=["click", "purchase"]) == [1.0]


def test_a_person_is_the_user_else_the_session_else_the_search(shop):
    shop.counters.settle()
    for number in range(2):
        shop.click(f"a{number}", user=None, session_id="s")
        shop.click(f"b{number}", user=None, search_id="l")
        shop.click(f"c{number}", user=None)
    assert count(shop, "d1") == [4.0]
    shop.restart()
    assert count(shop, "d1") == [4.0]


def test_what_an_interaction_leaves_out_is_taken_from_its_search(shop):
    shop.counters.settle()
    shop.search("s1", user="u~7", session_id="visit")
    shop.click("i1", "d2", user=None, search_id="s1", retriever_id=None)
    assert count(shop, "d2") == [1.0]
    assert documents(shop, "u~7") == ["d2"]
    assert documents(shop, None, "visit") == ["d2"]
    shop.restart()
    assert documents(shop, "u~7") == ["d2"]


def test_what_names_no_retriever_counts_for_every_one(shop):
    shop.counters.settle()
    shop.click("i1", retriever_id=None)
    shop.click("i2", "d2", retriever_id="articles")
    assert count(shop, "d1", "d2") == [1.0, 0.0]
    assert documents(shop) == ["d1"]


def test_what_left_the_window_counts_no_more(shop):
    shop.click("i1", at=shop.at(minutes=-30))
    assert count(shop, "d1") == [1.0]
    shop.now += timedelta(days=7, minutes=1)
    assert count(shop, "d1") == [0.0]
    assert count(shop, "d1", days=8.0) == [1.0]


def test_a_short_window_goes_by_hours(shop):
    shop.click("i1", at=shop.at(hours=-5))
    assert count(shop, "d1", days=6 / 24) == [1.0]
    assert count(shop, "d1", days=4 / 24) == [0.0]


def test_with_a_half_life_a_count_loses_half_of_its_weight_in_it(shop):
    shop.click("i1", at=shop.at(days=-2))
    assert count(shop, "d1", half_life_days=1.0) == pytest.approx([0.25])


def test_a_document_is_as_often_looked_at_as_its_places_are(shop):
    shop.counters.settle()
    shop.search("s1", ["d1", "d2"])
    shop.search("s2", ["d3", "d1"])
    shop.search("page 2", ["d2"], page_offset=3)
    shop.search("a program", ["d1"], actor="agent")
    found = shop.popularity(["d1", "d2", "d3", "d4"])
    assert found.expected == pytest.approx([1 + 1 / 2, 1 / 2 + 1 / 4, 1.0, 0.0])
    assert found.total_expected == pytest.approx(3.25)
    shop.restart()
    assert shop.popularity(["d1"]).expected == pytest.approx([1.5])


def test_another_examination_curve_counts_all_anew(shop):
    shop.search("s1", ["d1", "d2"])
    assert shop.popularity(["d2"]).expected == pytest.approx([0.5])
    shop.counters.use_examination(np.array([1.0, 0.2]))
    assert shop.counters.refresh(10.0)
    assert shop.popularity(["d2"]).expected == pytest.approx([0.2])


def test_the_share_that_names_a_search_is_said(shop):
    shop.click("i1", search_id="s1")
    shop.click("i2", "d2")
    shop.click("i3", "d3")
    assert shop.popularity(["d1"]).shown_share == pytest.approx(1 / 3)


def test_too_much_in_an_hour_counts_no_more(open_shop):
    shop = open_shop(robot_interactions_per_hour=3)
    shop.counters.settle()
    for number in range(9):
        shop.click(f"i{number}", f"d{number}", "robot")
        shop.counters.settle()
    shop.click("person")
    assert shop.popularity(["d1"]).total_count == 4.0
    shop.restart()
    assert shop.popularity(["d1"]).total_count == 1.0


def test_late_rows_count_within_days_at_once_and_older_ones_by_the_next_reading(shop):
    shop.counters.settle()
    shop.click("late", at=shop.at(days=-6))
    assert count(shop, "d1") == [1.0]
    shop.click("very late", "d2", at=shop.at(days=-40))
    assert count(shop, "d2", days=60.0) == [0.0]
    assert documents(shop) == ["d1", "d2"]
    assert shop.counters.refresh(10.0)
    assert count(shop, "d1", "d2", days=60.0) == [1.0, 1.0]


def test_a_query_is_asked_of_the_store(shop):
    shop.search("s1", ["d1", "d2"], query_key="00000000000000aa")
    shop.click("i1", search_id="s1")
    shop.click("i2", user="u~2", query_key="00000000000000bb")
    shop.deliver()
    found = shop.popularity(["d1", "d2"], query_key="00000000000000aa")
    assert found.count.tolist() == [1.0, 0.0]
    assert found.expected == pytest.approx([1.0, 0.5])


def test_what_memory_has_no_room_for_is_asked_of_the_store(open_shop):
    shop = open_shop(max_rows=10)
    for day in range(15):
        shop.click(f"i{day}", "d1", at=shop.at(days=-10 - day))
        shop.search(f"s{day}", ["d1"], at=shop.at(days=-10 - day))
    shop.deliver()
    found = shop.popularity(["d1"], days=90.0)
    assert found.count.tolist() == [15.0]
    assert found.expected.tolist() == [15.0]
    assert found.total_count == 15.0
    assert shop.counters.sizes()["rows"] <= 30


def test_a_history_is_newest_first_and_says_what_where_and_for_what(shop):
    shop.counters.settle()
    shop.click("i2", "d2", at=shop.at(hours=-1), position=4, query_key="00000000000000ff")
    shop.click("i1", "d1", at=shop.at(hours=-2), types=["view", "click"])
    shop.click("later", "d3", at=shop.at(hours=3))
    shop.counters.settle()
    newest, oldest = shop.counters.history(
        user_key="u~1", session_id=None, retriever_id="products", now=shop.now
    )
    assert (newest.document_id, newest.position, newest.query_key) == (
        "d2",
        4,
        "00000000000000ff",
    )
    assert (oldest.document_id, oldest.type_mask, oldest.position) == ("d1", 3, -1)
    assert oldest.at_us == shop.at(hours=-2)


def test_a_history_that_had_to_go_is_asked_of_the_store(open_shop):
    shop = open_shop(max_history_bytes=700)
    shop.counters.settle()
    for number in range(20):
        shop.click(f"i{number}", f"d{number}", f"u~{number}")
    shop.deliver()
    assert documents(shop, "u~3") == ["d3"]
    assert documents(shop, "nobody") == []
    assert shop.counters.sizes()["people"] < 20


def test_what_a_person_dealt_with_is_never_cut_short(open_shop):
    shop = open_shop(history_length=5)
    shop.counters.settle()
    for number in range(20):
        shop.click(f"i{number}", f"d{number}", types=["purchase"], at=shop.at(hours=-number - 1))
    shop.deliver()
    for number in range(20):
        shop.click(f"v{number}", f"d{number}", types=["view"], at=shop.at(minutes=-20 + number))
    shop.counters.settle()
    bought = shop.counters.interacted(Person("u~1", False, "products"), PURCHASES, 90.0, shop.now)
    assert bought == {f"d{number}" for number in range(20)}


def test_what_a_person_dealt_with_is_of_the_types_and_days_asked_for(shop):
    shop.click("i1", "d1", types=["purchase"], at=shop.at(days=-100))
    shop.click("i2", "d2", types=["purchase"], at=shop.at(days=-10))
    shop.click("i3", "d3")
    shop.counters.settle()
    who = Person("u~1", is_session=False, retriever_id="products")
    assert shop.counters.interacted(who, PURCHASES, 90.0, shop.now) == {"d2"}


def test_an_erased_user_is_as_if_never_seen(shop):
    shop.click("i1", user="u~1", session_id="visit")
    shop.click("i2", user="u~2")
    assert count(shop, "d1") == [2.0]
    shop.deliver()
    shop.store.erase_user("u~1")
    assert shop.counters.refresh(10.0)
    assert count(shop, "d1") == [1.0]
    assert documents(shop, "u~1") == []
    assert documents(shop, None, "visit") == []


def test_an_import_is_counted_by_the_next_reading(shop):
    shop.counters.settle()
    shop.click("i1")
    shop.deliver()
    assert shop.counters.refresh(10.0)
    assert count(shop, "d1") == [1.0]


def test_what_comes_while_the_store_is_read_is_counted_once(shop):
    shop.counters.settle()
    stop = threading.Event()

    def read_again():
        while not stop.is_set():
            shop.counters.refresh(10.0)

    reader = threading.Thread(target=read_again)
    reader.start()
    for number in range(200):
        shop.click(f"i{number}", f"d{number % 3}", f"u~{number}")
        if number % 50 == 0:
            time.sleep(0.05)
    stop.set()
    reader.join()
    assert count(shop, "d0", "d1", "d2") == [67.0, 67.0, 66.0]


def test_a_query_with_clicks_on_one_document_is_less_uncertain_than_one_with_many(shop):
    one, many = "00000001000000aa", "00000002000000bb"
    for number in range(40):
        shop.click(f"a{number}", "d0", f"u~{number}", query_key=one)
        shop.click(f"b{number}", f"d{number % 8}", f"u~{number}", query_key=many)
    shop.counters.settle()
    entropy = shop.counters.query_entropy
    # Half of all clicks fall on queries of 0 bits, half on those of 3 bits: the mean is 1.5.
    assert entropy("products", one) == pytest.approx((40 * 0 + 10 * 1.5) / 50)
    assert entropy("products", many) == pytest.approx((40 * 3 + 10 * 1.5) / 50)
    assert entropy("products", "0000000300000000") == pytest.approx(1.5)
    assert np.isnan(entropy("products", ""))


def test_says_so_while_the_store_is_away(open_shop):
    store = DuckDBStore()
    counters = LiveCounters(store, lambda timeout_s: False, CountersConfig(wait_s=2.0))
    window = PopularityWindow("products", 2, 7.0)
    with pytest.raises(UnavailableError):
        counters.popularity(window, ["d1"], counters._clock())
    counters.close()
    store.close()


def test_nothing_is_kept_before_anybody_asks(shop):
    shop.click("i1")
    assert shop.counters.sizes()["behind"] == 0


def test_closing_twice_is_once(shop):
    shop.counters.settle()
    shop.counters.close()
    shop.counters.close()
    with pytest.raises(UnavailableError):
        shop.restart() or shop.counters.close() or shop.counters.settle()


def test_bounds_are_above_0():
    with pytest.raises(SettingsError) as refused:
        CountersConfig(max_rows=0)
    assert refused.value.where == "counters.max_rows"


def test_what_was_accepted_counts_in_the_very_next_question(shop):
    shop.counters.settle()
    for number in range(50):
        shop.click(f"i{number}", "d1", f"u~{number}")
        assert count(shop, "d1") == [number + 1.0]


def test_what_a_person_did_last_is_known_to_the_next_question(shop):
    shop.counters.settle()
    who = Person("u~1", is_session=False, retriever_id="products")
    known = []
    for number in range(20):
        shop.click(f"i{number}", f"d{number}", types=["purchase"])
        bought = shop.counters.interacted(who, PURCHASES, 90.0, shop.now)
        known.append(f"d{number}" in bought)

    assert known == [True] * 20


def test_the_store_is_asked_what_a_person_did_while_the_counters_get_ready(shop):
    gate = threading.Event()

    def deliver(timeout_s):
        is_reader = threading.current_thread().name == "counters-reader"
        return shop.deliver() and (gate.wait(10.0) if is_reader else True)

    counters = LiveCounters(shop.store, deliver, clock=lambda: shop.now)
    shop.click("i1", types=["purchase"])
    counters.start()
    wait_until(lambda: not shop.pending)
    who = Person("u~1", is_session=False, retriever_id="products")
    bought = counters.interacted(who, PURCHASES, 90.0, shop.now)
    is_counted = counters.sizes()["documents"] > 0
    gate.set()
    counters.close()

    assert (bought, is_counted) == ({"d1"}, False)


def test_says_so_where_neither_counters_nor_store_can_tell(shop):
    counters = LiveCounters(shop.store, lambda timeout_s: False, clock=lambda: shop.now)
    who = Person("u~1", is_session=False, retriever_id="products")
    with pytest.raises(UnavailableError):
        counters.interacted(who, PURCHASES, 90.0, shop.now)
    counters.close()
