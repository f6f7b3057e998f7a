"""Every question a store can answer: one SQL file each, with its parameters and columns.

A file begins with a comment: what it answers, then `Parameters:` and `Columns:` with one
`name TYPE: meaning` (or `name: meaning`) a line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from typing import Final

from rankloop.errors import InputError

_PARAMETER = re.compile(r"\$([a-z][a-z0-9_]*)")
_COMMENT = re.compile(r"--[^\n]*")
_ENTRY = re.compile(r"(\w+)(?: ([A-Z]+(?:\[\])?))?(?:: *(.*))?")


@dataclass(frozen=True, slots=True)
class Question:
    """One question, in the dialect it is kept in."""

    name: str
    """The file's name without its ending."""

    answers: str
    """What it answers, from the header."""

    sql: str
    """The statement, in DuckDB's dialect."""

    parameters: dict[str, str]
    """Parameters in order of the header, with their types."""

    columns: tuple[str, ...]
    """Columns of the answer, as the header names them."""

    used: frozenset[str]
    """Names of the parameters that the statement mentions."""

    clickhouse: str | None = None
    """The statement in ClickHouse's dialect, where it had to be written by hand."""


def read_question(name: str, sql: str, clickhouse: str | None = None) -> Question:
    """Read one file: the header comment and the statement beneath it.

    Example:
        >>> header = ["-- Says hello.", "-- Parameters:", "--   who VARCHAR: to whom"]
        >>> question = read_question("hello", chr(10).join([*header, "SELECT $who"]))
        >>> question.answers, question.parameters
        ('Says hello.', {'who': 'VARCHAR'})
    """
    prose: list[str] = []
    parameters: dict[str, str] = {}
    columns: list[str] = []
    part = "answers"
    for line in sql.splitlines():
        if not line.startswith("--"):
            break
        text = line[2:].strip()
        if text in ("Parameters:", "Columns:"):
            part = text
        elif part == "answers":
            prose.append(text)
        elif line.startswith("--   ") and not line.startswith("--    "):
            entry = _ENTRY.match(text)
            if entry and part == "Parameters:":
                parameters[entry[1]] = entry[2] or "VARCHAR"
            elif entry:
                columns.append(entry[1])
    return Question(
        name=name,
        answers=" ".join(prose).strip(),
        sql=sql,
        parameters=parameters,
        columns=tuple(columns),
        used=frozenset(_PARAMETER.findall(_COMMENT.sub("", sql))),
        clickhouse=clickhouse,
    )


def read_questions() -> dict[str, Question]:
    """Read every file of `store/sql`, by name."""
    folder = resources.files("rankloop.store") / "sql"
    texts = {
        file.name: file.read_text("utf-8")
        for file in folder.iterdir()
        if file.name.endswith(".sql")
    }
    return {
        name.removesuffix(".sql"): read_question(
            name.removesuffix(".sql"),
            text,
            texts.get(f"{name.removesuffix('.sql')}.clickhouse.sql"),
        )
        for name, text in sorted(texts.items())
        if not name.endswith(".clickhouse.sql")
    }


QUESTIONS: Final[dict[str, Question]] = read_questions()
"""Every question by its name."""


def find_question(name: str) -> Question:
    """Look a question up.

    Raises:
        InputError: There is none of that name.
    """
    question = QUESTIONS.get(name)
    if question is None:
        raise InputError(f"there is no question named {name!r}", where="question")
    return question
