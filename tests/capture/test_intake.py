"""Many requests, one commit, an answer only after it."""

import asyncio
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankloop.capture.checks import Checked
from rankloop.capture.delivery import Delivery, DeliveryConfig
from rankloop.capture.identifiers import IdentifierLedger
from rankloop.capture.intake import Intake
from rankloop.capture.journal import Journal, JournalConfig
from rankloop.capture.written import write_interactions, write_searches
from rankloop.errors import TableError, UnavailableError
from rankloop.events.rows import InteractionRow, SearchRow
from rankloop.store.base import StoreConfig
from rankloop.store.duckdb import DuckDBStore


def interaction(name):
    return InteractionRow(name, at=1, received_at=1, types=["click"], type_mask=2, document_id="d1")


def search(name, offset=0):
    return SearchRow(name, 1, 1, "shop", "tv", "key", page_offset=offset, n_results=0)


def checked(rows):
    return Checked(rows, list(range(len(rows))), [True] * len(rows), [])


def open_intake(path, **config):
    ledgers = [IdentifierLedger(lambda names: set(), iter(())) for _ in range(2)]
    intake = Intake(Journal(path / "journal.db", JournalConfig(**config)), *ledgers)
    intake.start()
    return intake


def take(intake, *batches):
    async def run():
        return await asyncio.gather(
            *(
                intake.take_interactions(
                    write_interactions(checked([interaction(name) for name in batch]))
                )
                for batch in batches
            )
        )

    return asyncio.run(run())


def test_a_second_sending_is_a_duplicate(tmp_path):
    intake = open_intake(tmp_path)

    assert take(intake, ["i1", "i2"]) == [[False, False]]
    assert take(intake, ["i2", "i3"]) == [[True, False]]
    intake.close()


def test_the_same_name_twice_in_one_batch_counts_once(tmp_path):
    intake = open_intake(tmp_path)

    assert take(intake, ["i1", "i1", "i1"]) == [[False, True, True]]
    intake.close()


def test_requests_at_the_same_time_agree_on_who_was_first(tmp_path):
    intake = open_intake(tmp_path)
    verdicts = take(intake, *[["same"] for _ in range(50)])

    assert sorted(verdict[0] for verdict in verdicts) == [False] + [True] * 49
    intake.close()


def test_page_two_of_a_search_is_no_duplicate(tmp_path):
    intake = open_intake(tmp_path)

    async def run():
        rows = [search("s1"), search("s1", 10), search("s1")]
        return await intake.take_searches(write_searches(checked(rows)))

    assert asyncio.run(run()) == [False, False, True]
    intake.close()


def test_the_answer_comes_after_the_commit(tmp_path):
    intake = open_intake(tmp_path)
    take(intake, ["i1"])

    reader = Journal(tmp_path / "journal.db")
    assert b'"i1"' in reader.read(after=0)[0].interactions
    reader.close()
    intake.close()


def test_a_full_journal_answers_unavailable_and_knows_nothing_of_the_batch(tmp_path):
    intake = open_intake(tmp_path, max_bytes=10)
    with pytest.raises(UnavailableError):
        take(intake, ["i1"])

    assert intake.acknowledged_sequence == 0
    intake.close()


def test_a_closed_intake_takes_nothing(tmp_path):
    intake = open_intake(tmp_path)
    intake.close()
    with pytest.raises(UnavailableError):
        take(intake, ["i1"])


class Sink:
    """A store in memory that can be told to refuse."""

    def __init__(self, unreadable=b"", is_away=False):
        self.lines = []
        self.sequence = 0
        self.unreadable = unreadable
        self.is_away = is_away

    def check_lines(self, searches, interactions):
        if self.unreadable and self.unreadable in searches + interactions:
            raise TableError("unreadable")

    def append_lines(self, searches, interactions, *, sequence=None):
        if self.is_away:
            raise UnavailableError("away")
        self.check_lines(searches, interactions)
        self.lines += (searches + interactions).splitlines()
        self.sequence = sequence

    def delivered_sequence(self):
        return self.sequence


class BusySink(Sink):
    """A store during whose first append more is taken in."""

    def __init__(self, intake):
        super().__init__()
        self.intake = intake

    def append_lines(self, searches, interactions, *, sequence=None):
        if not self.lines:
            take(self.intake, ["meanwhile"])
        super().append_lines(searches, interactions, sequence=sequence)


def deliver(tmp_path, intake, sink):
    delivery = Delivery(
        tmp_path / "journal.db",
        sink,
        intake.release,
        lambda: intake.acknowledged_sequence,
        DeliveryConfig(every_s=0.01, retry_after_s=0.01),
    )
    delivery.start()
    return delivery


def test_capture_goes_on_while_the_store_is_away(tmp_path):
    intake = open_intake(tmp_path)
    sink = Sink(is_away=True)
    delivery = deliver(tmp_path, intake, sink)
    take(intake, ["i1"], ["i2"])

    assert not delivery.wait(0.1)
    assert delivery.behind > 0
    sink.is_away = False
    assert delivery.wait(5)
    assert len(sink.lines) == 2
    delivery.close()
    intake.close()


def test_a_line_that_the_store_cannot_read_is_set_aside_and_blocks_nothing(tmp_path):
    intake = open_intake(tmp_path)
    take(intake, ["good-1", "poison", "good-2"])
    take(intake, ["good-3"])
    sink = Sink(unreadable=b"poison")
    delivery = deliver(tmp_path, intake, sink)

    assert delivery.wait(5)
    assert [b"good" in line for line in sink.lines] == [True] * 3
    reader = Journal(tmp_path / "journal.db")
    assert reader.count_quarantined() == 1
    reader.close()
    delivery.close()
    intake.close()


def test_a_full_journal_recovers_once_the_store_has_caught_up(tmp_path):
    intake = open_intake(tmp_path, max_bytes=200)
    sink = Sink()
    delivery = deliver(tmp_path, intake, sink)
    for number in range(20):
        take(intake, [f"i{number}"])
        assert delivery.wait(5)

    assert len(sink.lines) == 20
    delivery.close()
    intake.close()


def test_what_comes_during_an_append_waits_for_the_next_one(tmp_path):
    intake = open_intake(tmp_path)
    sink = BusySink(intake)
    delivery = Delivery(
        tmp_path / "journal.db",
        sink,
        intake.release,
        lambda: intake.acknowledged_sequence,
        DeliveryConfig(every_s=60),
    )
    delivery.start()
    take(intake, ["i1"])

    assert delivery.wait(5)
    assert (len(sink.lines), delivery.behind) == (1, 1)
    delivery.drain()
    assert len(sink.lines) == 2
    delivery.close()
    intake.close()


def test_wiping_leaves_nothing_of_what_was_delivered(tmp_path):
    intake = open_intake(tmp_path)
    delivery = deliver(tmp_path, intake, Sink())
    take(intake, ["very-secret"])
    delivery.drain()
    intake.scrub()

    assert b"very-secret" not in b"".join(path.read_bytes() for path in tmp_path.glob("journal*"))
    delivery.close()
    intake.close()


@settings(max_examples=15)
@given(st.lists(st.lists(st.sampled_from([f"i{n}" for n in range(12)]), max_size=6), max_size=8))
def test_accepted_and_duplicate_are_all_that_was_sent_and_the_store_has_each_once(
    tmp_path_factory, batches
):
    folder = tmp_path_factory.mktemp("intake")
    intake = open_intake(folder)
    store = DuckDBStore(StoreConfig(threads=1))
    delivery = deliver(folder, intake, store)
    verdicts = [flag for batch in take(intake, *batches) for flag in batch]
    delivery.drain()

    names = {name for batch in batches for name in batch}
    assert len(verdicts) == sum(len(batch) for batch in batches)
    assert verdicts.count(False) == len(names)
    assert store.known_identifiers("interaction", sorted(names)) == names
    delivery.close()
    intake.close()
    store.close()
    assert threading.active_count() < 20
