"""Every question answers the same on DuckDB and on ClickHouse's engine."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import clickhouse_connect
import duckdb
import pytest

from rankloop.store.migrations import migrate
from rankloop.store.questions import QUESTIONS
from rankloop.store.statements import ask
from rankloop.testing.engines import compare_answers, copy_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clickhouse_connect.driver.client import Client

HERE = Path(__file__).parent


def read_cases() -> dict[str, list[dict[str, Any]]]:
    """Read the cases of every question from the files of every room."""
    cases: dict[str, list[dict[str, Any]]] = {}
    for path in sorted((HERE / "cases").glob("*.toml")):
        for name, given in tomllib.loads(path.read_text("utf-8")).items():
            cases.setdefault(name, []).extend(given)
    return cases


CASES = read_cases()
ASKED = [(name, case) for name, cases in sorted(CASES.items()) for case in cases]


@pytest.fixture(scope="module")
def simulated() -> Iterator[duckdb.DuckDBPyConnection]:
    """Hand out DuckDB with the simulated rows."""
    connection = duckdb.connect()
    migrate(connection)
    connection.execute((HERE / "simulated.sql").read_text("utf-8"))
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def clickhouse(
    simulated: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Client]:
    """Hand out ClickHouse's engine with the same rows."""
    client = clickhouse_connect.get_client(dsn=f"chdb://{tmp_path_factory.mktemp('clickhouse')}")
    copy_tables(simulated, client)
    yield client
    client.close()


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_every_question_has_a_case(name: str) -> None:
    assert CASES.get(name), f"add [[{name}]] to a file in tests/contracts/cases"


def test_every_case_is_of_a_question():
    assert CASES.keys() <= QUESTIONS.keys()


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_every_header_says_what_the_statement_says(name: str) -> None:
    question = QUESTIONS[name]
    assert question.answers.endswith(".")
    assert question.used == set(question.parameters)
    assert question.columns


@pytest.mark.parametrize(
    ("name", "case"), ASKED, ids=[f"{name}-{place}" for place, (name, _) in enumerate(ASKED)]
)
def test_both_engines_answer_alike(
    name: str, case: dict[str, Any], simulated: duckdb.DuckDBPyConnection, clickhouse: Client
) -> None:
    answer = ask(simulated, name, case)
    assert tuple(answer.column_names) == QUESTIONS[name].columns
    assert compare_answers(name, case, answer, clickhouse) is None
