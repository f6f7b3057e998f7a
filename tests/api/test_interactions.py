"""Reading interactions back: filters, pages, streams, single ones, deletion."""

import json

import pytest

from rankloop.client.calls import quote_step

PATH = "/v1/retrievers/interactions"
ALL = [f"i{n:02}" for n in reversed(range(25))]


def ids(answer):
    return [row["interaction_id"] for row in answer.json()["results"]]


def test_a_row_comes_back_under_the_names_it_was_sent_with(shop):
    row = shop.get(f"{PATH}/i05").json()

    user = row.pop("user_id")
    assert user.startswith("u~")
    assert len(user) == 34
    assert row == {
        "interaction_id": "i05",
        "feature_id": "d1",
        "interaction_type": ["click", "long_view"],
        "position": 5,
        "metadata": {"n": 5},
        "session_id": "s2",
        "search_id": None,
        "retriever_id": "products",
        "timestamp": "2026-11-02T10:05:00Z",
        "value": 2.5,
        "currency": "EUR",
    }


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ({}, lambda n: True),
        ({"feature_id": "d3"}, lambda n: n % 4 == 3),
        ({"user_id": "user2"}, lambda n: n % 5 == 2),
        ({"session_id": "s1"}, lambda n: n % 3 == 1),
        ({"search_id": "q1"}, lambda n: False),
        ({"retriever_id": "articles"}, lambda n: n % 2 == 0),
        ({"interaction_type": "long_view"}, lambda n: n % 5 == 0),
        ({"interaction_type": ["purchase", "long_view"]}, lambda n: n % 5 == 0),
        ({"interaction_type": "never_seen"}, lambda n: False),
        ({"position_gte": 8}, lambda n: n % 10 >= 8),
        ({"position_lte": 1}, lambda n: n % 10 <= 1),
        ({"position_gte": 2, "position_lte": 3}, lambda n: n % 10 in (2, 3)),
        ({"start": "2026-11-02T10:20:00Z"}, lambda n: n >= 20),
        ({"start": "2026-11-02T11:20:00+01:00"}, lambda n: n >= 20),
        ({"end": "2026-11-02T10:03:00Z"}, lambda n: n < 3),
        ({"start": "2026-11-02", "end": "2026-11-03"}, lambda n: True),
        ({"end": "2026-11-02"}, lambda n: False),
        ({"user_id": "user1", "retriever_id": "products"}, lambda n: n % 10 == 1),
    ],
)
def test_every_filter_narrows(shop, query, kept):
    wanted = [f"i{n:02}" for n in reversed(range(25)) if kept(n)]

    assert ids(shop.get(PATH, **query)) == wanted
    assert ids(shop.call("POST", f"{PATH}/list", query)) == wanted


def test_a_plus_that_was_not_escaped_is_understood(shop):
    assert len(ids(shop.get(PATH, start="2026-11-02T11:20:00 01:00"))) == 5


def test_the_pseudonym_works_like_the_plain_id(shop):
    pseudonym = shop.get(f"{PATH}/i02").json()["user_id"]

    assert ids(shop.get(PATH, user_id=pseudonym)) == ids(shop.get(PATH, user_id="user2"))


def test_days_count_back_from_now(api):
    api.fill([{"interaction_id": "new", "feature_id": "d", "interaction_type": "click"}])
    api.fill(
        [
            {
                "interaction_id": "old",
                "feature_id": "d",
                "interaction_type": "click",
                "timestamp": "2020-01-01T00:00:00Z",
            }
        ]
    )

    assert ids(api.get(PATH, days=90)) == ["new"]
    assert ids(api.get(PATH)) == ["new", "old"]


@pytest.mark.parametrize(
    "first", [{"page": 1, "page_size": 10}, {"limit": 10, "offset": 0}, {"limit": 10}]
)
def test_every_page_but_the_last_carries_a_cursor_whichever_style_asked(shop, first):
    page = shop.get(PATH, **first).json()
    seen = [row["interaction_id"] for row in page["results"]]
    while cursor := page["pagination"]["next_cursor"]:
        page = shop.get(PATH, limit=10, cursor=cursor).json()
        seen += [row["interaction_id"] for row in page["results"]]

    assert seen == ALL


def test_a_full_last_page_carries_no_cursor(shop):
    assert shop.get(PATH, page=5, page_size=5).json()["pagination"]["next_cursor"] is None


def test_pages_are_counted_from_one(shop):
    page = shop.get(PATH, page=3, page_size=10)

    assert ids(page) == ALL[20:]
    assert page.json()["pagination"] == {
        "total": None,
        "page": 3,
        "page_size": 10,
        "next_cursor": None,
    }


def test_limit_and_offset_cut_anywhere(shop):
    assert ids(shop.get(PATH, limit=4, offset=7)) == ALL[7:11]


def test_the_total_is_counted_where_it_is_asked_for(shop):
    page = shop.get(PATH, user_id="user2", limit=1, include_total="true").json()

    assert page["pagination"]["total"] == 5


def test_a_page_behind_the_last_is_empty(shop):
    page = shop.get(PATH, page=99, page_size=10).json()

    assert (page["results"], page["pagination"]["next_cursor"]) == ([], None)


def test_the_bulk_pages_of_the_mission_work(shop):
    assert ids(shop.get(PATH, page=1, page_size=1000)) == ALL
    assert len(ids(shop.get(PATH, user_id="user3", limit=50))) == 5


def test_cursors_are_stable_under_writes(api):
    api.fill(click_at(minute) for minute in range(0, 20, 2))
    page = api.get(PATH, limit=5).json()
    api.fill(click_at(minute) for minute in range(20, 40))
    rest = api.get(PATH, limit=100, cursor=page["pagination"]["next_cursor"])

    seen = [row["interaction_id"] for row in page["results"]] + ids(rest)

    assert seen == [f"m{minute}" for minute in range(18, -1, -2)]


def click_at(minute):
    return {
        "interaction_id": f"m{minute}",
        "feature_id": "d",
        "interaction_type": "click",
        "timestamp": f"2026-11-02T10:{minute:02}:00Z",
    }


def test_equal_moments_are_neither_skipped_nor_repeated(api):
    api.fill({**click_at(0), "interaction_id": f"x{n}"} for n in range(10))

    seen, cursor = [], None
    while True:
        page = api.get(PATH, limit=3, cursor=cursor).json()
        seen += [row["interaction_id"] for row in page["results"]]
        cursor = page["pagination"]["next_cursor"]
        if cursor is None:
            break

    assert sorted(seen) == [f"x{n}" for n in range(10)]


def test_ndjson_streams_every_row(shop):
    answer = shop.call("GET", PATH, accept="application/x-ndjson")

    rows = [json.loads(line) for line in answer.body.splitlines()]
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert [row["interaction_id"] for row in rows] == ALL


def test_a_stream_knows_no_ceiling_but_its_limit(api):
    api.fill({"feature_id": f"d{n}", "interaction_type": "click"} for n in range(6_000))

    def stream(**query):
        body = api.call("GET", PATH, accept="application/x-ndjson", **query).body
        return [json.loads(line)["feature_id"] for line in body.splitlines()]

    assert len(set(stream())) == 6_000
    assert len(stream(limit=5_500)) == 5_500
    assert len(stream(limit=5_500, offset=5_000)) == 1_000


def test_the_list_by_body_streams_too(shop):
    answer = shop.call("POST", f"{PATH}/list", {"limit": 3}, accept="application/x-ndjson")

    assert len(answer.body.splitlines()) == 3


def test_an_unknown_interaction_is_not_found(shop):
    answer = shop.get(f"{PATH}/nope")

    assert (answer.status, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("name", ["a/b", "a%2Fb", "ü?x=1&y#z", "export", "100%", ".."])
def test_an_identifier_may_have_any_printable_character(api, name):
    api.fill([{"interaction_id": name, "feature_id": "d", "interaction_type": "click"}])

    row = api.get(f"{PATH}/{quote_step(name)}")

    assert (row.status, row.json()["interaction_id"]) == (200, name)
    assert api.call("DELETE", f"{PATH}/{quote_step(name)}").status == 204
    assert api.get(f"{PATH}/{quote_step(name)}").status == 404


def test_a_deleted_interaction_is_gone_and_a_late_retry_is_a_duplicate(api):
    row = {"interaction_id": "i1", "feature_id": "d", "interaction_type": "click"}
    api.fill([row])

    deleted = api.call("DELETE", f"{PATH}/i1")
    again = api.call("DELETE", f"{PATH}/i1")
    retried = api.call("POST", PATH, row, headers={"content-type": "application/json"})

    assert (deleted.status, deleted.body, again.status) == (204, b"", 404)
    assert (retried.status, retried.json()["status"]) == (201, "duplicate")
    assert api.get(f"{PATH}/i1").status == 404


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ({"page": 0}, "/page", "out_of_range"),
        ({"page": "one"}, "/page", "wrong_type"),
        ({"page_size": 1_001}, "/page_size", "out_of_range"),
        ({"limit": 1_001}, "/limit", "invalid_input"),
        ({"limit": 0}, "/limit", "out_of_range"),
        ({"offset": -1}, "/offset", "out_of_range"),
        ({"cursor": "made-up"}, "/cursor", "invalid_input"),
        ({"cursor": "Ogo6"}, "/cursor", "invalid_input"),
        ({"position_gte": -1}, "/position_gte", "out_of_range"),
        ({"position_lte": "1.5"}, "/position_lte", "wrong_type"),
        ({"days": 0}, "/days", "out_of_range"),
        ({"days": "nan"}, "/days", "out_of_range"),
        ({"start": "yesterday"}, "/start", "invalid_timestamp"),
        ({"start": "2026-11-02T10:00:00"}, "/start", "invalid_timestamp"),
        ({"start": "2026-11-03", "end": "2026-11-02"}, "/end", "invalid_input"),
        ({"days": 3, "start": "2026-11-02"}, "/days", "invalid_input"),
        ({"user_id": ""}, "/user_id", "out_of_range"),
        ({"feature_id": ["a", "b"]}, "/feature_id", "repeated_parameter"),
        ({"include_total": "perhaps"}, "/include_total", "wrong_type"),
        ({"page": 1, "cursor": "x"}, "/cursor", "invalid_input"),
        ({"page": 1, "limit": 10}, "/page", "invalid_input"),
        ({"offset": 1, "cursor": "x"}, "/cursor", "invalid_input"),
        ({"usr_id": "u"}, "/usr_id", "unknown_parameter"),
    ],
)
def test_a_wrong_parameter_is_pointed_at(shop, query, pointer, code):
    answer = shop.get(PATH, **query)

    fault = answer.json()["errors"][0]
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert (fault["pointer"], fault["code"]) == (pointer, code)


def test_every_wrong_parameter_is_named_at_once(shop):
    problem = shop.get(PATH, page=0, colour="red", size=3).json()

    assert {fault["pointer"] for fault in problem["errors"]} == {"/page", "/colour", "/size"}
    assert "page_size" in problem["hint"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"{", ""),
        (b"[]", ""),
        (b'{"page": 0}', "/page"),
        (b'{"colour": "red"}', "/colour"),
        (b'{"interaction_type": [1]}', "/interaction_type"),
        (b'{"user_id": "\xff"}', ""),
    ],
)
def test_a_wrong_body_is_pointed_at(shop, body, pointer):
    answer = shop.call("POST", f"{PATH}/list", body)

    assert answer.status == 400
    assert answer.json()["errors"][0]["pointer"].startswith(pointer)


def test_reads_wait_for_what_was_acknowledged(api):
    for n in range(20):
        api.fill([{"interaction_id": f"r{n}", "feature_id": "d", "interaction_type": "click"}])
        assert api.get(f"{PATH}/r{n}").status == 200


def test_a_store_that_lags_is_said_and_stale_rows_are_given_where_allowed(api, monkeypatch):
    api.fill([{"interaction_id": "before", "feature_id": "d", "interaction_type": "click"}])
    assert api.get(f"{PATH}/before").status == 200
    monkeypatch.setattr(type(api.engine.store), "append_lines", refuse)
    api.fill([{"interaction_id": "after", "feature_id": "d", "interaction_type": "click"}])

    waiting = api.get(PATH)
    stale = api.get(PATH, allow_stale="true")
    stream = api.call("GET", PATH, accept="application/x-ndjson", allow_stale="true")
    ready = api.get("/health/ready")

    assert (waiting.status, waiting.headers["retry-after"]) == (503, "1")
    assert waiting.json()["is_retryable"]
    assert (ids(stale), stale.json()["behind"]) == (["before"], 1)
    assert stream.headers["x-rankloop-behind"] == "1"
    assert ready.status == 503
    monkeypatch.undo()
    assert ids(api.get(PATH)) == ["after", "before"]


def refuse(*_, **__):
    raise OSError("the disk is away")
