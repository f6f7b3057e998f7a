"""Interactions through the client, over a server and in this process: the same answers."""

import asyncio
from datetime import UTC, datetime

import numpy
import pandas
import pyarrow
import pytest

import rankloop
from rankloop.errors import EventError, InputError, NotFoundError

CLICK = {"feature_id": "d1", "interaction_type": ["click"]}
NAIVE = datetime(2026, 11, 2, 10, tzinfo=UTC).replace(tzinfo=None)


def test_the_call_of_the_mission_works_as_printed(loop):
    loop.interactions.create_many(
        [
            {"feature_id": "bought", "interaction_type": ["purchase"], "user_id": "user_123"},
            {"feature_id": "seen", "interaction_type": ["view"], "user_id": "user_123"},
            {"feature_id": "other", "interaction_type": ["purchase"], "user_id": "user_456"},
        ]
    )
    interactions = loop.interactions

    previous_purchases = interactions.list(
        user_id="user_123", interaction_type=["purchase"], days=90
    )

    filters = {"document_id": {"$nin": [i.feature_id for i in previous_purchases]}}
    assert filters == {"document_id": {"$nin": ["bought"]}}


def test_what_was_created_is_answered_with_attributes(loop):
    made = loop.interactions.create(
        feature_id="doc_xyz789",
        interaction_type=["click", "long_view"],
        position=3,
        metadata={"duration_ms": 4500, "query": "wireless earbuds"},
        user_id="user_123",
        session_id="sess_456",
        timestamp=datetime(2026, 11, 2, 10, tzinfo=UTC),
        value=59.9,
        currency="EUR",
    )

    read = loop.interactions.get(made.interaction_id)

    assert made.status == "accepted"
    assert (read.feature_id, read.interaction_type) == ("doc_xyz789", ["click", "long_view"])
    assert read.metadata == {"duration_ms": 4500, "query": "wireless earbuds"}
    assert read.timestamp == datetime(2026, 11, 2, 10, tzinfo=UTC)
    assert (read.position, read.value, read.currency) == (3, 59.9, "EUR")
    assert read.user_id.startswith("u~")


def test_the_same_identifier_again_is_a_duplicate(loop):
    first = loop.interactions.create(**CLICK, interaction_id="i1")
    again = loop.interactions.create(**CLICK, interaction_id="i1")

    assert (first.status, again.status) == ("accepted", "duplicate")
    assert loop.interactions.list().count() == 1


def test_a_wrong_field_raises_the_error_of_the_server_and_points_at_it(loop):
    with pytest.raises(EventError) as caught:
        loop.interactions.create(feature_id="d1", interaction_type=["click"], position=-1)

    assert caught.value.where == "/position"
    assert "req_" in str(caught.value)


def test_many_get_one_verdict_each(loop):
    rows = [
        CLICK | {"interaction_id": "a"},
        CLICK | {"position": -1},
        CLICK | {"interaction_id": "a"},
        CLICK | {"metadata": {"what": object()}},
        CLICK,
    ]

    verdicts = loop.interactions.create_many(rows)

    assert [verdict.status for verdict in verdicts] == [
        "accepted",
        "rejected",
        "duplicate",
        "rejected",
        "accepted",
    ]
    assert (verdicts.accepted, verdicts.duplicate, len(verdicts)) == (2, 1, 5)
    assert [(one.index, one.code) for one in verdicts.rejected] == [
        (1, "out_of_range"),
        (3, "invalid_input"),
    ]
    assert verdicts.rejected[0].pointer == "/position"


def test_lists_run_through_all_pages(loop):
    loop.interactions.create_many(CLICK | {"feature_id": f"d{n}"} for n in range(2_300))

    listed = loop.interactions.list()

    assert len({row.feature_id for row in listed}) == 2_300
    assert listed.count() == 2_300
    assert len(list(loop.interactions.list(limit=1_500))) == 1_500
    assert list(loop.interactions.list(limit=0)) == []


def test_lists_become_dictionaries_tables_and_frames(loop):
    loop.interactions.create(**CLICK, interaction_id="i1", metadata={"a": 1})

    listed = loop.interactions.list()

    assert listed.to_dict()[0]["interaction_id"] == "i1"
    assert listed.to_arrow().column("metadata").to_pylist() == ['{"a":1}']
    assert listed.to_arrow().schema.field("timestamp").type == pyarrow.timestamp("us", tz="UTC")
    assert isinstance(listed.to_pandas(), pandas.DataFrame)


def test_an_empty_list_is_an_empty_table_with_its_columns(loop):
    table = loop.interactions.list(user_id="nobody").to_arrow()

    assert (table.num_rows, table.column_names[0]) == (0, "interaction_id")


def test_a_deleted_interaction_is_gone(loop):
    made = loop.interactions.create(**CLICK)

    loop.interactions.delete(made.interaction_id)

    with pytest.raises(NotFoundError):
        loop.interactions.get(made.interaction_id)
    with pytest.raises(NotFoundError):
        loop.interactions.delete(made.interaction_id)


def test_a_wrong_filter_raises(loop):
    with pytest.raises(InputError) as caught:
        list(loop.interactions.list(days=-1))

    assert caught.value.where == "/days"
    with pytest.raises(InputError):
        loop.interactions.list(limit=-1)
    with pytest.raises(InputError):
        loop.interactions.get("")


def test_a_moment_without_a_zone_is_refused_rather_than_guessed(loop):
    with pytest.raises(EventError) as caught:
        loop.interactions.create(**CLICK, timestamp=NAIVE)
    assert caught.value.where == "/timestamp"
    with pytest.raises(InputError) as caught:
        loop.interactions.list(start=NAIVE).count()
    assert caught.value.where == "/start"


def test_rows_of_a_frame_are_taken_as_they_are(loop):
    frame = pandas.DataFrame(
        {
            "feature_id": ["d1", "d2"],
            "interaction_type": ["click", "click"],
            "position": numpy.array([1, 2]),
            "timestamp": pandas.to_datetime(["2026-11-02T10:00:00Z", "2026-11-02T11:00:00Z"]),
            "value": numpy.array([1.5, numpy.nan], dtype="float32"),
        }
    )
    rows = [*frame.to_dict("records"), {**CLICK, "position": numpy.int64(4)}]

    verdicts = loop.interactions.create_many(rows)

    assert verdicts.rejected == []
    assert [row.position for row in loop.interactions.list(feature_id="d1")] == [4, 1]
    assert [row.value for row in loop.interactions.list(feature_id="d2")] == [None]


def test_the_asynchronous_surface_is_the_same(target, quick):
    async def use():
        async with rankloop.connect_async(target, config=quick) as loop:
            made = await loop.interactions.create(**CLICK, user_id="user_123")
            await loop.interactions.create_many([CLICK] * 3)
            listed = loop.interactions.list()
            rows = [row async for row in listed]
            assert (await loop.interactions.get(made.interaction_id)).feature_id == "d1"
            assert await listed.count() == len(rows) == 4
            assert len(await listed.to_dict()) == 4
            assert (await listed.to_arrow()).num_rows == 4
            assert len(await listed.to_pandas()) == 4
            assert len([row async for row in loop.interactions.list(limit=2)]) == 2
            await loop.interactions.delete(made.interaction_id)
            with pytest.raises(NotFoundError):
                await loop.interactions.get(made.interaction_id)

    asyncio.run(use())
