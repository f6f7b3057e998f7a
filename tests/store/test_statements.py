from datetime import UTC, datetime, timedelta, timezone

import duckdb
import pytest

from rankloop.errors import InputError, TableError, UnavailableError
from rankloop.store.questions import read_question
from rankloop.store.statements import bind, compose, join_names, quote, quote_text, translated

QUESTION = read_question(
    "q", "-- Q.\n-- Parameters:\n--   start TIMESTAMP: x\n--   n BIGINT: x\nSELECT $start, $n"
)


def test_names_and_texts_cannot_break_out_of_their_quotes():
    connection = duckdb.connect()
    name, text = 'a"b; DROP', "it's; DROP"
    statement = compose("SELECT {text} AS {name}", text=quote_text(text), name=quote(name))
    assert connection.sql(statement).columns == [name]
    assert connection.sql(statement).fetchall() == [(text,)]
    assert join_names(["at", name]) == f'"at", {quote(name)}'


def test_what_is_left_out_is_null():
    assert bind(QUESTION, {"n": 3}) == {"start": None, "n": 3}


def test_a_moment_with_a_zone_becomes_utc_without_one():
    moment = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert bind(QUESTION, {"start": moment})["start"] == datetime(2026, 1, 1, 10)  # noqa: DTZ001
    assert bind(QUESTION, {"start": moment.astimezone(UTC)}) == bind(QUESTION, {"start": moment})


def test_a_parameter_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(InputError, match="'since'") as refusal:
        bind(QUESTION, {"since": 1})
    assert "start, n" in refusal.value.hint


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (duckdb.ConversionException('Could not convert "secret"'), TableError),
        (duckdb.ConstraintException("NOT NULL constraint failed: searches.query"), TableError),
        (duckdb.OutOfMemoryException("out of memory"), UnavailableError),
        (duckdb.IOException("No space left on device"), UnavailableError),
    ],
)
def test_the_engine_s_errors_are_told_in_our_words(raised, told):
    with pytest.raises(told) as error, translated():
        raise raised
    assert "secret" not in str(error.value)
    assert error.value.__cause__ is raised
