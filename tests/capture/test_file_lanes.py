"""The two lanes from lines to rows: whatever SQL takes, the law takes, with an equal row."""

import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankloop.capture.checks import Checker
from rankloop.capture.custom_types import TypeLedger
from rankloop.capture.file_lanes import Lanes
from rankloop.capture.file_rows import to_interactions, to_searches
from rankloop.capture.file_rules import ImportContext
from rankloop.events.types import SIGNAL_BITS
from rankloop.privacy.pseudonyms import Pseudonyms
from rankloop.store.duckdb import DuckDBStore

NOW = 1_795_000_000_000_000
SECRET = b"a secret of the tests"


@pytest.fixture(scope="module")
def staging():
    store = DuckDBStore()
    with store.staging() as staging:
        yield staging
    store.close()


def lend(staging, lines):
    numbers = np.arange(1, len(lines) + 1)
    table = pa.table({"n": numbers, "body": pa.array([f"{x}\n" for x in lines], pa.large_string())})
    staging.lend("import_lines", table)


def law(secret=SECRET):
    return Checker(Pseudonyms(secret).to_stored, TypeLedger(most=20))


def stage(staging, lines, retriever=None, secret=SECRET):
    """Pass lines through both lanes; return rows and rejections by line."""
    lend(staging, lines)
    lanes = Lanes(staging, law(secret), ImportContext("native", retriever, NOW, secret))
    rejected = {refused.line: refused for refused in lanes.stage()}
    rows = {
        row["n"]: row
        for table in ("import_interactions", "import_searches")
        for row in staging.execute(f"SELECT * FROM {table}").to_pylist()
    }
    return rows, rejected


def judge(lines, secret=SECRET):
    """Let the law alone decide on lines of one kind each."""
    rows, rejected = {}, {}
    checker = law(secret)
    for number, line in enumerate(lines, start=1):
        is_search = not is_interaction(line)
        check = checker.check_searches if is_search else checker.check_interactions
        done = check([line.encode()], NOW, "native")
        for row in done.rows:
            table = (to_searches if is_search else to_interactions)([row], [number])
            name = "search_id" if is_search else "interaction_id"
            rows[number] = table.to_pylist()[0] | ({} if done.client_named[0] else {name: None})
        for refused in done.rejected:
            rejected[number] = refused
    return rows, rejected


def is_interaction(line):
    try:
        return "interaction_type" in json.loads(line)
    except ValueError:
        return True


def n_left_to_the_law(staging):
    return staging.execute(
        "SELECT count(*) AS n FROM import_lines WHERE n NOT IN (SELECT n FROM import_interactions"
        " UNION ALL SELECT n FROM import_searches)"
    ).to_pylist()[0]["n"]


plain = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 2_000_000),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.sampled_from(["", "a b", "u~0123", "interactions", "x" * 128, "x" * 129, "é", '"', "\\"]),
    st.sampled_from(["x" * 512, "x" * 513, "tab\tin", "nul\x00", "\x7f", "\u2028", "3", "1.0"]),
)
words = st.sampled_from(
    ["blue shoes", "Blue  SHOES ", "ÜBER straße", "ﬁne", "", " ", 'tv 55"', "a\tb", "\x1ca", "日本"]
)
moments = st.datetimes().map(lambda at: at.replace(year=2020 + at.year % 6).isoformat() + "Z")
odd_moments = st.sampled_from(
    [
        "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.1+00:00", "2026-01-02T03:04:05.123456Z",
        "2026-01-02T03:04:05.1234567Z", "2026-01-02T03:04:05+02:00", "2026-01-02T03:04:05",
        "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T23:59:60Z",
        "1999-12-31T23:59:59Z", "2000-01-01T00:00:00Z", "2099-01-01T00:00:00Z",
        "2026-01-02 03:04:05Z", "2026-01-02T03:04Z", "2026-1-2T03:04:05Z", "1970-01-01T00:00Z",
        "2026-01-02t03:04:05z", "2026-01-02T03:04:05-00:00",
    ]
)  # fmt: skip
numbers = st.one_of(st.integers(0, 5000), st.floats(0, 1e6).map(lambda x: round(x, 3)))
odd_numbers = st.sampled_from(
    [0.1 + 0.2, 1e-7, 1e22, 0.00001, 2.5, 1.0000005, 12345678.9, 1e15, 604800001, -0.0, 1e-320]
)
known_types = st.one_of(
    st.sampled_from([*SIGNAL_BITS]),
    st.lists(st.sampled_from([*SIGNAL_BITS]), min_size=1, max_size=3, unique=True),
)
odd_types = st.one_of(
    st.lists(st.sampled_from(["click", "view", "hovered", "two words", "", "x" * 65]), max_size=4),
    st.lists(st.sampled_from([*SIGNAL_BITS]), min_size=15, max_size=18),
)
metadata = st.fixed_dictionaries(
    {}, optional={"duration_ms": numbers, "query": words, "device": plain, "page": plain}
)
odd_metadata = st.one_of(
    st.dictionaries(st.text(max_size=4), anything, max_size=4),
    st.dictionaries(st.sampled_from("ab"), st.one_of(numbers, odd_numbers, words, anything)),
    st.fixed_dictionaries(
        {},
        optional={
            "duration_ms": st.one_of(odd_numbers, anything),
            "query": st.one_of(words, anything, st.sampled_from(["q" * 4096, "q" * 4097])),
            "device": anything,
        },
    ),
    st.sampled_from([{"long": "m" * 8_181}, {"long": "m" * 8_182}]),
)
results = st.lists(
    st.fixed_dictionaries(
        {"document_id": plain},
        optional={"score": st.floats(-50, 50), "logging_probability": st.floats(0.01, 1)},
    ),
    max_size=4,
)
odd_results = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "document_id": st.one_of(plain, anything),
            "score": st.one_of(odd_numbers, anything),
            "logging_probability": st.sampled_from([0, 1, 0.0, 1.0, 1.5, 1e-9, 0.1]),
            "colour": plain,
        },
    ),
    min_size=1,
    max_size=3,
)
interactions = st.fixed_dictionaries(
    {"interaction_type": known_types, "feature_id": plain},
    optional={
        "position": st.integers(0, 50),
        "metadata": metadata,
        "user_id": plain,
        "session_id": plain,
        "search_id": plain,
        "retriever_id": plain,
        "interaction_id": plain,
        "timestamp": moments,
        "value": numbers,
        "currency": st.just("EUR"),
    },
)
searches = st.fixed_dictionaries(
    {"query": words},
    optional={
        "results": results,
        "search_id": plain,
        "retriever_id": plain,
        "timestamp": moments,
        "user_id": plain,
        "session_id": plain,
        "filters": st.dictionaries(plain, st.one_of(plain, st.integers(), st.floats()), max_size=3),
        "offset": st.integers(0, 50),
        "total": st.integers(0, 10**6),
        "surface": plain,
        "device": plain,
        "actor": st.sampled_from(["human", "agent", "judge", "robot"]),
        "pipeline_version": plain,
        "variant": plain,
        "tags": st.lists(plain, max_size=3),
        "latency_ms": numbers,
    },
)
OTHERWISE = {
    "interaction_type": odd_types,
    "metadata": odd_metadata,
    "timestamp": odd_moments,
    "value": odd_numbers,
    "latency_ms": odd_numbers,
    "query": st.sampled_from(["q" * 4096, "q" * 4097, "\x00", "\ud800"]),
    "position": st.sampled_from([10**6, 10**6 + 1, -1, 3.0]),
    "offset": st.sampled_from([10**6, 10**6 + 1, -1, 3.0]),
    "results": odd_results,
    "tags": st.sampled_from([["t"] * 32, ["t"] * 33, ["t u"]]),
    "document_id": plain,
    "execution_id": plain,
}
SEARCH_FIELDS = {"query", "latency_ms", "offset", "results", "tags"}


@st.composite
def lines(draw, bodies):
    """Write a body, sound but for a field or two, in a form that JSON allows, or nearly."""
    body = draw(bodies)
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 1, 2]))):
        own = [name for name in OTHERWISE if ("query" in body) == (name in SEARCH_FIELDS)]
        name = draw(st.sampled_from(sorted({*body, *own})))
        body[name] = draw(OTHERWISE.get(name, anything) if draw(st.booleans()) else anything)
    text = json.dumps(
        body,
        ensure_ascii=draw(st.booleans()),
        separators=draw(st.sampled_from([(",", ":"), (", ", ": ")])),
    )
    spoil = draw(st.sampled_from([""] * 12 + ["again", "unknown", "cut", "after", "null"]))
    name, value = draw(st.sampled_from(sorted(body))), json.dumps(draw(plain))
    spoilt = {
        "again": text[:-1] + f', "{name}": {value}}}',
        "unknown": text[:-1] + ', "colour": 1}',
        "cut": text[: len(text) // 2],
        "after": text + draw(st.sampled_from([" ", ",", "{}", " // note"])),
        "null": text[:-1] + f', "{"value" if "interaction_type" in body else "variant"}": null}}',
    }
    return spoilt.get(spoil, text).replace("\n", " ").encode("utf-8", "replace").decode()


def same(row, other):
    if isinstance(row, float) and isinstance(other, float):
        return row == other or (math.isnan(row) and math.isnan(other))
    if isinstance(row, dict):
        return row.keys() == other.keys() and all(same(row[name], other[name]) for name in row)
    if isinstance(row, list) and isinstance(other, list):
        return len(row) == len(other) and all(map(same, row, other))
    return row == other


@given(st.lists(lines(st.one_of(interactions, searches)), min_size=1, max_size=20))
def test_both_lanes_together_are_the_law(staging, given_lines):
    rows, rejected = stage(staging, given_lines)
    lawful, unlawful = judge(given_lines)

    assert rows.keys() == lawful.keys()
    assert rejected.keys() == unlawful.keys()
    for number, row in rows.items():
        assert same(row, lawful[number]), (given_lines[number - 1], row, lawful[number])
    for number, refused in rejected.items():
        other = unlawful[number]
        if refused.code == "malformed_json":
            continue  # The law may complain of a field before it comes to the broken place.
        assert (refused.code, refused.pointer, refused.detail) == (
            other.code,
            other.pointer,
            other.detail,
        )


USUAL = [
    '{"feature_id": "d1", "interaction_type": ["click", "long_view"], "position": 3,'
    ' "metadata": {"duration_ms": 4500, "query": "wireless earbuds", "device": "mobile"},'
    ' "user_id": "user_123", "session_id": "sess_456", "search_id": "s1",'
    ' "retriever_id": "ret_123", "interaction_id": "i1",'
    ' "timestamp": "2026-11-02T10:00:04.900Z", "value": 59.9, "currency": "EUR"}',
    '{"interaction_type":"filter_toggle","metadata":{"colour":"blue"},"position":null}',
    '{"query":"Ünder wäter","retriever_id":"products","search_id":"s1","results":[{"document_id":'
    '"d1","score":1.25,"logging_probability":0.5},{"document_id":"d2"}],"filters":{"b":1,"a":2}}',
    '{"query":"\\u00fcber \\"55\\"","results":[],"tags":["a","b"],"offset":10,"total":0}',
    '{"query":"unknown list","timestamp":"2026-11-02T10:00:04+00:00","results":null}',
]


def test_what_applications_usually_send_takes_the_fast_lane(staging):
    lend(staging, USUAL)
    refuse_all = Checker(lambda _user: pytest.fail("the law was asked"), TypeLedger())

    rejected = Lanes(staging, refuse_all, ImportContext("native", None, NOW, None)).stage()

    assert rejected == []
    assert n_left_to_the_law(staging) == 0


def test_a_user_is_a_pseudonym_only_where_there_is_a_secret(staging):
    line = '{"feature_id":"d1","interaction_type":"click","user_id":"user_123"}'

    hidden = stage(staging, [line])[0][1]["user_key"]
    long_secret = b"longer than one block of the hash " * 3

    assert hidden == Pseudonyms(SECRET).to_stored("user_123")
    assert stage(staging, [line], secret=None)[0][1]["user_key"] == "user_123"
    assert stage(staging, [line], secret=long_secret)[0][1]["user_key"] == Pseudonyms(
        long_secret
    ).to_stored("user_123")


@pytest.mark.parametrize("more", ["", ',"value":null', ',"metadata":{"a":{"b":1}}'])
def test_the_retriever_is_filled_in_where_a_row_names_none(staging, more):
    click = '{"feature_id":"d1","interaction_type":"click"%s}'
    search = '{"query":"q","latency_ms":null%s}'
    own = ',"retriever_id":"own"'
    lines = [click % more, click % (more + own), click % (more + ',"retriever_id":null')]
    lines += [search % "", search % own, search % ',"retriever_id":null']
    lines += [search % ',"variant":"é"', search % (own + ',"variant":"é"')]
    lines += [search % ',"retriever_id":null,"variant":"é"']

    rows, _ = stage(staging, lines, retriever="shop")
    without, _ = stage(staging, lines)

    named = [row["retriever_id"] for _, row in sorted(rows.items())]
    assert named == ["shop", "own", "shop"] * 3
    unnamed = [row["retriever_id"] for _, row in sorted(without.items())]
    assert unnamed == [None, "own", None, *["default", "own", "default"] * 2]


def test_a_line_of_neither_kind_is_refused(staging):
    _, rejected = stage(staging, ['{"colour":"blue"}', "[1]", "17"])

    assert rejected[1].code == "unknown_kind"
    assert [rejected[line].code for line in (2, 3)] == ["wrong_type", "wrong_type"]


def test_custom_types_that_the_law_took_become_fast(staging):
    line = '{"feature_id":"d1","interaction_type":["hovered","click"]}'
    lanes = Lanes(staging, law(), ImportContext("native", None, NOW, None))
    lend(staging, [line])
    lanes.stage()
    lanes._checker = None

    lend(staging, [line, line])

    assert lanes.stage() == []
    rows = staging.execute("SELECT types, type_mask FROM import_interactions").to_pylist()
    assert rows == [{"types": ["hovered", "click"], "type_mask": (1 << 31) | 2}] * 2


def test_the_bound_on_custom_types_holds_for_files(staging):
    line = '{"feature_id":"d1","interaction_type":"type_%d"}'

    rows, rejected = stage(staging, [line % number for number in range(30)])

    assert len(rows) == 20
    assert {refused.code for refused in rejected.values()} == {"too_many_types"}
