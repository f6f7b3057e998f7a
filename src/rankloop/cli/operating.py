"""`rankloop keys`, `settings` and `bench`: what operators set, see and measure."""

from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import App, Parameter

from rankloop.cli.output import OK, to_epilogue
from rankloop.cli.target import HERE, Target
from rankloop.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rankloop.catalog.keys import KeyRing

CREATE_EXAMPLES: Final = """\
rankloop keys create --scope capture --name "shop front"
rankloop keys create --scope read --scope search --data ./shop-data
TOKEN=$(rankloop keys create --scope admin)"""

LIST_EXAMPLES: Final = "rankloop keys list"
REVOKE_EXAMPLES: Final = "rankloop keys revoke key_0123456789ab"

SETTINGS_EXAMPLES: Final = """\
rankloop settings
rankloop settings --data ./shop-data --json
RANKLOOP_SERVER__PORT=9000 rankloop settings"""

BENCH_EXAMPLES: Final = """\
rankloop bench capture --against fastapi
rankloop bench analytics --json
rankloop bench bias --against pyclick-like
rankloop bench bias --large"""

BENCHMARKS: Final = {
    "capture": "rankloop.benchmarks.capture",
    "analytics": "rankloop.benchmarks.analytics",
    "bias": "rankloop.benchmarks.bias",
    "search": "rankloop.benchmarks.search",
}
"""Every benchmark by name, and the module whose `measure` runs it."""

LARGE: Final = frozenset({"bias"})
"""Benchmarks that have a large run."""

Scope = Literal["capture", "search", "read", "admin"]

keys = App(
    name="keys",
    help="Make, list and revoke the keys of an installation.",
    help_epilogue=to_epilogue(f"{CREATE_EXAMPLES}\n{LIST_EXAMPLES}\n{REVOKE_EXAMPLES}"),
)


@keys.command(help_epilogue=to_epilogue(CREATE_EXAMPLES))
def create(
    target: Target = HERE,
    *,
    scope: Annotated[list[Scope], Parameter(negative=())],
    name: str = "unnamed",
) -> int:
    """Make a key; its token is shown once and kept nowhere.

    A key of scope capture writes events and can read nothing: it is safe in
    a browser. The scope admin allows everything.

    Args:
        target: The data folder; the server that owns it must not run.
        scope: What the key allows; repeatable.
        name: What the key is for.
    """
    output = target.open_output()
    with _open_ring(target, "keys create") as ring:
        made = ring.create(name, scope)
    output.document(made)
    if not output.is_json:
        output.people.print(f"{made.token}", soft_wrap=True, markup=False)
        output.note(f"{made.key_id} ({made.name}) allows {', '.join(made.scopes)}.")
        output.note("Keep the token now: it is not shown again.")
    return OK


@keys.command(name="list", help_epilogue=to_epilogue(LIST_EXAMPLES))
def list_keys(target: Target = HERE) -> int:
    """List every key, revoked ones too; tokens are not kept.

    Args:
        target: The data folder; the server that owns it must not run.
    """
    from rich.table import Table

    output = target.open_output()
    with _open_ring(target, "keys list") as ring:
        made = ring.list()
    output.document({"keys": made})
    table = Table("key", "name", "scopes", "made", "revoked", box=None, pad_edge=False)
    for key in made:
        ended = _to_day(key.revoked_at) if key.revoked_at else ""
        table.add_row(key.key_id, key.name, " ".join(key.scopes), _to_day(key.created_at), ended)
    output.say(table if made else "There is no key.")
    return OK


@keys.command(help_epilogue=to_epilogue(REVOKE_EXAMPLES))
def revoke(key_id: str, target: Target = HERE) -> int:
    """End a key; requests that carry it are refused from then on.

    Args:
        key_id: The key's id, key_…, as `rankloop keys list` shows it.
        target: The data folder; the server that owns it must not run.
    """
    output = target.open_output()
    with _open_ring(target, "keys revoke") as ring:
        ring.revoke(key_id)
    output.document({"key_id": key_id, "revoked": True})
    output.say(f"{key_id} is revoked.")
    return OK


def settings(target: Target = HERE) -> int:
    """Show every setting, its value, and where the value came from.

    Order: command line, environment (RANKLOOP_SECTION__KEY), rankloop.toml
    in the data folder or beside you, default. Secrets are shown as ***.

    Args:
        target: The data folder whose rankloop.toml is read.
    """
    from rich.table import Table

    from rankloop.settings import iter_settings
    from rankloop.wiring import load_folder_settings

    output = target.open_output()
    rows = iter_settings(load_folder_settings(target.need_folder("settings")))
    output.document(
        {
            "settings": [
                {"name": name, "value": value, "source": source} for name, value, source in rows
            ]
        }
    )
    table = Table("setting", "value", "from", box=None, pad_edge=False)
    for name, value, source in rows:
        table.add_row(name, value or '""', source, style=None if source != "default" else "dim")
    output.say(table)
    return OK


def bench(
    name: str,
    target: Target = HERE,
    *,
    against: Annotated[str | None, Parameter()] = None,
    large: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Measure this machine's figures, beside what you would use instead.

    Works in a folder of its own; --data and --url are not touched. A ratio
    over 1 means that Rankloop is better.

    Args:
        name: Which figures: capture, analytics, bias or search.
        target: Taken for the sake of --json.
        against: The peer to run in the same run, such as fastapi.
        large: Run the large size, of those that have one: bias, from ten
            million searches in Parquet.
    """
    from rankloop.errors import InputError

    output = target.open_output()
    if name not in BENCHMARKS:
        raise InputError(
            f"there is no benchmark {name!r}", hint=f"Benchmarks: {', '.join(BENCHMARKS)}."
        )
    if large and name not in LARGE:
        raise InputError(
            f"the benchmark {name!r} has one size", hint=f"Large: {', '.join(sorted(LARGE))}."
        )
    try:
        module = import_module(BENCHMARKS[name])
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"the benchmark {name!r} needs {error.name}, which is not installed",
            hint="pip install 'rankloop[bench]' brings what benchmarks need.",
        ) from error
    size = {"large": True} if large else {}
    outcome = module.measure(against=against, say=output.note, **size)
    output.document(outcome)
    output.say(module.to_table(outcome))
    return OK


@contextmanager
def _open_ring(target: Target, command: str) -> "Iterator[KeyRing]":
    """Own the folder and open its keys."""
    from rankloop.catalog.keys import KeyRing
    from rankloop.store.folder import DataFolder
    from rankloop.wiring import CATALOG_FILE

    with DataFolder(target.need_folder(command)) as folder:
        ring = KeyRing(folder.path / CATALOG_FILE)
        try:
            yield ring
        finally:
            ring.close()


def _to_day(at_us: int) -> str:
    """Write a moment as a day and minute in UTC."""
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M")
