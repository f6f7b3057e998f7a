"""The reference names every setting, every problem code and every command."""

from __future__ import annotations

import ast
import inspect
import sys
from dataclasses import fields
from pathlib import Path
from typing import get_args

import msgspec
from cyclopts import App

from rankloop import settings
from rankloop.api.jobs import to_body
from rankloop.cli.main import app
from rankloop.cli.target import Target
from rankloop.errors import ERRORS
from rankloop.jobs.kinds import KINDS, JobKind
from rankloop.retrieval.pipeline import STAGES
from rankloop.retrieval.reading import is_config, list_fields

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
BEGIN, END = "<!-- begin: written by pytest --update-golden -->", "<!-- end -->"


def test_the_page_of_settings_is_up_to_date(golden):
    page = REFERENCE / "settings.md"
    rows = [
        f"| `{section}.{field.name}` | {default_of(field)} |"
        f" `{settings.PREFIX}{section.replace('.', '__').upper()}__{field.name.upper()}` |"
        f" {sentences[field.name]} |"
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


def test_the_page_of_commands_is_up_to_date(golden):
    page = REFERENCE / "cli.md"
    parts = [part for path, command in commands(app, ()) for part in section(path, command)]
    golden(page, between_marks(page, parts))


def test_the_page_of_stages_is_up_to_date(golden):
    page = REFERENCE / "stages.md"
    parts = [part for name, kind in STAGES.items() for part in stage_section(name, kind.config)]
    golden(page, between_marks(page, parts))


def test_the_page_of_jobs_is_up_to_date(golden):
    page = REFERENCE / "jobs.md"
    parts = [part for name, kind in KINDS.items() for part in job_section(name, kind)]
    golden(page, between_marks(page, parts))


def job_section(name: str, kind: JobKind) -> list[str]:
    """Write a kind of job as what its parameters say about it and a table of them."""
    shape = msgspec.json.schema(to_body(name, kind))["$defs"][to_body(name, kind).__name__]
    rows = [
        f"| `{field}` | {job_default(field, told, shape)} | {job_sentence(told)} |"
        for field, told in shape["properties"].items()
        if field not in ("kind", "job_id")
    ]
    head = ["| field | default | what it is |", "|---|---|---|"]
    prose = inspect.getdoc(kind.parameters) or ""
    return [f"## `{name}`", "", prose, "", *head, *rows, ""]


def job_default(field: str, told: dict, shape: dict) -> str:
    """Write a default as JSON; a field that is needed says so."""
    if field in shape.get("required", ()):
        return "needed"
    default = told.get("default")
    return "" if default in (None, []) else f"`{msgspec.json.encode(default).decode()}`"


def job_sentence(told: dict) -> str:
    """Return what a field says about itself."""
    options = [told, *told.get("anyOf", ())]
    return next((one["description"] for one in options if "description" in one), "")


def stage_section(name: str, config: type) -> list[str]:
    """Write a kind of stage as what its module says and a table of its fields."""
    opening = sys.modules[config.__module__].__doc__.splitlines()[0]
    prose = opening.partition(": ")[2]
    rows = [
        f"| `{field}` | {default} | {sentence} |" for field, default, sentence in stage_rows(config)
    ]
    head = ["| field | default | what it is |", "|---|---|---|"]
    return [f"## `{name}`", "", prose[:1].upper() + prose[1:], "", *head, *rows, ""]


def stage_rows(config: type, prefix: str = ""):
    """Yield the fields of a config, those of configs within it behind a dot."""
    tree = ast.parse(inspect.getsource(sys.modules[config.__module__]))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    sentences = field_sentences(classes[config.__name__])
    for field in list_fields(config):
        name = prefix + field.wire_name
        inner = next(find_configs(field.hint), None)
        yield name, "" if inner else stage_default(config, field.name), sentences[field.name]
        if inner:
            yield from stage_rows(inner, f"{name}.")


def find_configs(hint):
    """Find the configs that a field holds, alone, optionally or in a list."""
    if is_config(hint):
        yield hint
    for inner in get_args(hint):
        yield from find_configs(inner)


def stage_default(config: type, name: str) -> str:
    """Write a default as JSON; a field that is needed says so."""
    known = {field.name: field for field in msgspec.inspect.type_info(config).fields}[name]
    if known.required:
        return "needed"
    default = known.default if known.default is not msgspec.NODEFAULT else known.default_factory()
    return f"`{msgspec.json.encode(default).decode()}`"


def commands(group: App, path: tuple[str, ...]):
    """Walk the tree of commands, in the order in which they were added."""
    for name in group:
        if not name.startswith("-"):
            command = group[name]
            if command.default_command is not None:
                yield (*path, name), command
            yield from commands(command, (*path, name))


def section(path: tuple[str, ...], command: App) -> list[str]:
    """Write a command as its docstring, its own options and its examples."""
    docstring = inspect.getdoc(command.default_command) or ""
    prose = docstring.partition("\nArgs:")[0].partition("\nReturns:")[0].strip()
    rows = [
        option(argument)
        for argument in command.assemble_argument_collection(parse_docstring=True)
        if is_own(argument)
    ]
    head = ["| option | default | what it does |", "|---|---|---|"] if rows else []
    examples = (command.help_epilogue or "").removeprefix("Examples:\n")
    code = ["```sh", inspect.cleandoc(examples), "```", ""] if examples else []
    return [
        f"## `rankloop {' '.join(path)}`",
        "",
        prose,
        "",
        *head,
        *rows,
        *([""] if rows else []),
        *code,
    ]


def is_own(argument) -> bool:
    """Say whether an option is shown and is not one that every command takes."""
    shared = {f"--{field.name.replace('_', '-')}" for field in fields(Target)}
    return argument.show and not shared & set(argument.names)


def option(argument) -> str:
    names = ", ".join(f"`{name}`" for name in argument.names if not name.startswith("--no-"))
    default = argument.field_info.default
    is_said = (
        default not in (None, False, inspect.Parameter.empty) and not argument.field_info.required
    )
    shown = "needed" if argument.field_info.required else f"`{default}`" if is_said else ""
    return f"| {names} | {shown} | {' '.join((argument.parameter.help or '').split())} |"


def sections():
    tree = ast.parse(Path(settings.__file__).read_text(encoding="utf-8"))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for field in msgspec.structs.fields(settings.Settings):
        kind = settings.NAMED.get(field.name, field.type)
        name = f"{field.name}.NAME" if field.name in settings.NAMED else field.name
        yield name, kind, field_sentences(classes[kind.__name__])


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
    return between_marks(page, [head, "|" + "---|" * (head.count("|") - 1), *rows])


def between_marks(page: Path, lines: list[str]) -> str:
    """Put lines between the marks of a page; the prose around them is left alone."""
    above, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    return above + "\n".join([BEGIN, *lines, END]) + rest.partition(END)[2]
