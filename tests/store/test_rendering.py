"""How a question reads in ClickHouse's dialect; what it answers there is a contract's matter."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from rankloop.errors import InputError
from rankloop.store.questions import read_question
from rankloop.store.rendering import render, to_literal, to_type

GOLDEN = Path(__file__).parents[1] / "golden" / "sql_clickhouse_v1.sql"

PORTABLE = read_question(
    "everything",
    """\
-- Everything that the rendering has a rule for.
-- Parameters:
--   types VARCHAR[]: x
--   days DATE[]: x
--   start TIMESTAMP: x
--   n BIGINT: x
SELECT
    s."at"::DATE AS "day",
    (s.type_mask & 2) > 0 AS is_click,
    s.type_mask | 1 AS a,
    xor(s.type_mask, 3) AS b,
    ~s.type_mask AS c,
    1::BIGINT << s.position AS d,
    s.type_mask >> 1 AS e,
    bit_count(s.type_mask) AS f,
    s.k // 2 AS g,
    array_length(s.types) AS h,
    epoch_us(s."at") AS i,
    strftime(s."at", '%H:%M') AS j,
    md5_number_lower(s.document_id) AS m,
    lag(s.query) OVER (PARTITION BY s.session_id ORDER BY s.k) AS o,
    row_number() OVER (ORDER BY s.k) AS p,
    count(*) FILTER (WHERE s.k > 1) OVER (PARTITION BY s.session_id) AS q
FROM interactions s
WHERE ($types::VARCHAR[] IS NULL OR list_has_any(s.types, $types::VARCHAR[]))
    AND s."at"::DATE IN (SELECT unnest($days::DATE[]))
    AND ($start::TIMESTAMP IS NULL OR s."at" >= $start::TIMESTAMP)
    AND s.k IN (SELECT unnest(range(0, $n::BIGINT)))
UNION ALL
SELECT
    NULL::DATE, bool_or(x), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, count(*) FILTER (WHERE x),
    median(y) + quantile_cont(y, 0.9) + array_length(list(z ORDER BY w))
FROM t
""",
)


def test_the_dialect_reads_as_it_was_reviewed(golden):
    given = {
        "types": ["click", "it's \\ odd"],
        "days": [date(2026, 1, 2)],
        "start": datetime(2026, 1, 2, 3, 4, 5, 6, UTC),
        "n": 10,
    }
    golden(GOLDEN, f"{render(PORTABLE, given)}\n\n{render(PORTABLE)}\n")


def test_a_value_cannot_break_out_of_its_literal():
    literal = to_literal("\\' OR 1 = 1 --", "VARCHAR")
    assert literal == "CAST('\\\\\\' OR 1 = 1 --', 'Nullable(String)')"


def test_a_sibling_s_placeholders_are_filled():
    question = read_question(
        "q", "-- Q.\n-- Parameters:\n--   n BIGINT: x\nSELECT $n", "SELECT $n + $n"
    )
    number = "CAST(4, 'Nullable(Int64)')"
    assert render(question, {"n": 4}) == f"SELECT {number} + {number}"


def test_a_parameter_is_cast_to_another_type_than_its_own():
    question = read_question("q", "-- Q.\n-- Parameters:\n--   t TIMESTAMP: x\nSELECT $t::DATE")
    assert "'Nullable(Date32)'" in render(question, {"t": datetime(2026, 1, 2, 3, tzinfo=UTC)})


def test_an_empty_list_is_not_one_that_was_left_out():
    question = read_question(
        "q",
        "-- Q.\n-- Parameters:\n--   names VARCHAR[]: x\nSELECT $names::VARCHAR[] IS NULL AS x",
    )
    assert render(question).split() == ["SELECT", "TRUE", "AS", "x"]
    assert render(question, {"names": []}).split() == ["SELECT", "FALSE", "AS", "x"]


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("SELECT x::UUID FROM t", "UUID"),
        ("SELECT list(x ORDER BY y DESC) FROM t", "DESC"),
    ],
)
def test_what_is_not_portable_is_refused(sql, complaint):
    with pytest.raises(InputError, match=complaint):
        render(read_question("q", f"-- Q.\n{sql}"))


def test_a_list_that_is_none_is_refused():
    with pytest.raises(InputError, match="a list was expected"):
        to_literal("click", "VARCHAR[]")


def test_types_have_their_word_in_the_other_dialect():
    assert to_type("TIMESTAMP", is_nullable=False) == "DateTime64(6)"
    assert to_type("DATE[]") == "Array(Date32)"
    with pytest.raises(InputError, match="STRUCT"):
        to_type("STRUCT(a INTEGER)")
