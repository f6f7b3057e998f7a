"""The reference names every table, column and question of the store."""

import re
from pathlib import Path

from rankloop.store.migrations import read_steps
from rankloop.store.questions import QUESTIONS

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
BEGIN, END = "<!-- begin: written by pytest --update-golden -->", "<!-- end -->"
COLUMN = re.compile(r' {4}"?(\w+)"? ([A-Z]+(?:\[\])?)( NOT NULL)?,? -- (.+)')


def between_marks(page, lines):
    """Put lines between the marks of a page; the prose around them is left alone."""
    above, _, rest = page.read_text("utf-8").partition(BEGIN)
    return above + "\n".join([BEGIN, *lines, END]) + rest.partition(END)[2]


def read_tables():
    """Write each table of the schema as a section; a step that makes one anew overrules others."""
    sections, above = {}, ""
    for line in "\n".join(read_steps().values()).splitlines():
        if line.startswith("CREATE TABLE "):
            name = line.split()[2]
            head = ["| column | type | what it is |", "|---|---|---|"]
            sections[name] = [f"## `{name}`", "", above, "", *head]
        elif column := COLUMN.fullmatch(line):
            column_name, kind, is_known, meaning = column.groups()
            shape = f"{kind}{'' if is_known else ', or NULL'}"
            sections[name].append(f"| `{column_name}` | {shape} | {meaning} |")
        elif line.startswith(");"):
            sections[name].append("")
        above = line.removeprefix("-- ")
    return [line for section in sections.values() for line in section]


def iter_header(sql):
    """Write the comment above a statement as prose and lists."""
    for line in sql.splitlines():
        if not line.startswith("--"):
            return
        text = line.removeprefix("--")
        entry = re.fullmatch(r" {3}(\w+(?: [A-Z]+(?:\[\])?)?)(?:: (.*))?", text)
        if text.strip() in ("Parameters:", "Columns:"):
            yield from ("", text.strip(), "")
        elif entry:
            yield f"- `{entry[1]}`: {entry[2]}"
        else:
            yield f"  {text.strip()}" if text.startswith("    ") else text.strip()


def test_the_page_of_tables_is_up_to_date(golden):
    page = REFERENCE / "tables.md"
    golden(page, between_marks(page, read_tables()))


def test_every_column_says_what_it_is():
    columns = [
        line for step in read_steps().values() for line in re.findall(r"^    .+$", step, re.M)
    ]
    assert [line for line in columns if not COLUMN.fullmatch(line)] == []


def test_the_page_of_questions_is_up_to_date(golden):
    page = REFERENCE / "questions.md"
    lines = [
        line
        for name, question in QUESTIONS.items()
        for line in (f"## `{name}`", "", *iter_header(question.sql), "")
    ]
    pairs = zip(lines, [*lines[1:], "##"], strict=True)
    golden(page, between_marks(page, [line for line, after in pairs if line or after]))
