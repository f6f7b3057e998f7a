"""The reference names every setting, every problem code and every command."""

from __future__ import annotations

import ast
from pathlib import Path

import msgspec

from rankloop import settings
from rankloop.errors import ERRORS

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
BEGIN, END = "<!-- begin: written by pytest --update-golden -->", "<!-- end -->"


def test_the_page_of_settings_is_up_to_date(golden):
    page = REFERENCE / "settings.md"
    rows = [
        f"| `{section}.{field.name}` | {default_of(field)} |"
        f" `{settings.PREFIX}{section.upper()}__{field.name.upper()}` | {sentences[field.name]} |"
        for section, kind, sentences in sections()
        for field in msgspec.structs.fields(kind)
    ]
    golden(page, with_table(page, "| setting | default | variable | what it is |", rows))


def test_the_page_of_problems_is_up_to_date(golden):
    page = REFERENCE / "problems.md"
    rows = [
        f"| `{code}` | {error.status} | {'yes' if error.is_retryable else 'no'} | {error.title} |"
        for code, error in ERRORS.items()
    ]
    golden(page, with_table(page, "| code | status | may be retried | what happened |", rows))


def sections():
    tree = ast.parse(Path(settings.__file__).read_text(encoding="utf-8"))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for field in msgspec.structs.fields(settings.Settings):
        yield field.name, field.type, field_sentences(classes[field.type.__name__])


def field_sentences(node: ast.ClassDef) -> dict[str, str]:
    """Read the sentence that stands under each field."""
    sentences = {}
    for field, text in zip(node.body, node.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            sentences[field.target.id] = " ".join(ast.literal_eval(text.value).split())
    return sentences


def default_of(field: msgspec.structs.FieldInfo) -> str:
    """Write a default as TOML would."""
    default = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    match default:
        case bool():
            return f"`{str(default).lower()}`"
        case int():
            return f"`{default:_}`" if default >= 10_000 else f"`{default}`"
        case tuple() | list():
            return "`[]`" if not default else f"`{list(default)}`"
        case str():
            return f'`"{default}"`'
        case _:
            return f"`{default}`"


def with_table(page: Path, head: str, rows: list[str]) -> str:
    """Put a table between the marks of a page; the prose around them is left alone."""
    rule = "|" + "---|" * (head.count("|") - 1)
    table = "\n".join([BEGIN, head, rule, *rows, END])
    above, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    return above + table + rest.partition(END)[2]
