import pytest

from rankloop.errors import InputError
from rankloop.store.questions import QUESTIONS, find_question, read_question, read_questions

TEXT = """\
-- How many there are,
-- by day.
--
-- Parameters:
--   start TIMESTAMP: from this moment on,
--     not before
--   types VARCHAR[]: any of them
-- Columns:
--   day DATE: the day
--   n: how many
SELECT "at"::DATE AS "day", count(*) AS n -- never $mentioned
FROM interactions WHERE "at" >= $start::TIMESTAMP AND list_has_any(types, $types::VARCHAR[])
"""


def test_a_header_says_what_parameters_and_columns_there_are():
    question = read_question("days", TEXT)
    assert question.answers == "How many there are, by day."
    assert question.parameters == {"start": "TIMESTAMP", "types": "VARCHAR[]"}
    assert question.columns == ("day", "n")


def test_a_comment_mentions_no_parameter():
    assert read_question("days", TEXT).used == {"start", "types"}


def test_every_file_is_a_question_under_its_name():
    assert read_questions() == QUESTIONS
    assert QUESTIONS["store_counts"].columns == ("searches", "impressions", "interactions")
    assert not any("clickhouse" in name for name in QUESTIONS)


def test_a_sibling_in_the_other_dialect_belongs_to_its_question():
    siblings = [name for name, question in QUESTIONS.items() if question.clickhouse]
    assert all(find_question(name).clickhouse != find_question(name).sql for name in siblings)


def test_an_unknown_question_is_named():
    with pytest.raises(InputError, match="'nobody_asked'"):
        find_question("nobody_asked")
