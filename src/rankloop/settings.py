"""One typed tree of settings, read once: command line > environment > file > default.

Settings say where and how much. A key that is not known is refused, wherever it stands.
"""

from __future__ import annotations

import os
import re
import tomllib
from typing import TYPE_CHECKING, Any, Final, Literal, get_type_hints

import msgspec

from rankloop.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PREFIX: Final = "RANKLOOP_"
SECRETS: Final = frozenset({"privacy.secret"})
SECRET_KEYS: Final = frozenset({"api_key", "headers"})
"""Keys of named sections that are secrets, whatever the name."""

_HIGHEST_PORT: Final = 65_535
_ORIGIN: Final = re.compile(r"\*|https?://[^/\s]+")
_ADDRESS: Final = re.compile(
    r"https?://[\w.-]+(:\d{1,4})?(/\S*)?|https?://[\w.-]+:[1-6]\d{4}(/\S*)?"
)


class ServerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the program listens and what it takes."""

    host: str = "127.0.0.1"
    """Address to bind; anything but loopback needs a key."""
    port: int = 8400
    """Port to bind, 0 for any free one."""
    max_body_bytes: int = 5_242_880
    """Most bytes of one capture request; keep it under the proxy's limit."""
    cors_origins: tuple[str, ...] = ()
    """Browser origins that may call, such as `https://shop.example`; none by default."""
    log_level: str = "info"
    """debug, info, warning or error."""


class StoreSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where events are kept."""

    kind: str = "duckdb"
    """Which store; `duckdb` is the embedded one."""
    path: str = "events.duckdb"
    """File of the store, relative to the data folder."""
    threads: int = 2
    """Threads that one question may use."""
    memory_mib: int = 320
    """Memory of the store, in MiB; larger work spills to disk."""


class CaptureSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How events are taken in."""

    deliver_every_s: float = 1.0
    """How long the store may lag behind what was acknowledged, in seconds; a reader never waits
    for it, because reading wakes the delivery."""
    journal_max_bytes: int = 2_147_483_648
    """Most undelivered bytes; a full journal answers 503 and loses nothing."""
    max_custom_types: int = 1_000
    """Most distinct custom interaction types of one installation."""


class AttributionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What led to what."""

    window_s: float = 86_400.0
    """How long after a search an interaction without `search_id` may be credited, in seconds."""
    session_gap_s: float = 1_800.0
    """Pause that ends a visit, in seconds."""
    robot_searches_per_hour: int = 500
    """More searches in an hour make a robot."""
    robot_interactions_per_hour: int = 1_000
    """More interactions in an hour make a robot."""


class CountersSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much serving keeps in memory of what people did."""

    max_rows: int = 8_000_000
    """Most rows of each kind of popularity, 16 bytes each; the oldest beyond are asked of the
    store."""
    history_mib: int = 256
    """Memory of the histories of users and sessions, in MiB; the least recently used beyond are
    asked of the store."""


class IndexSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where documents are found."""

    language: str = "english"
    """Whose words are stemmed, in indexes made from now on."""
    group_field: str = ""
    """Field of documents that is equal for variants of one thing, none of which is then taught as
    a negative of another; empty for none."""


class EmbedderSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One OpenAI-compatible endpoint that makes vectors; NAME is yours to choose."""

    base_url: str = "https://api.openai.com/v1"
    """Its address, up to and without `/embeddings`; retrievers that name it are sent there. The
    section named `openai` serves those that name no address."""
    api_key: str = ""
    """Its key, sent to this address only; empty sends none."""
    models: tuple[str, ...] = ()
    """Names of the models it has, such as `text-embedding-3-small`, so that training finds it by
    the model; the section named `openai` is asked for every other model."""
    timeout_s: float = 30.0
    """How long one call about documents may take, in seconds."""
    query_timeout_s: float = 2.0
    """How long one call about a query may take, in seconds."""
    max_retries: int = 4
    """How often a call about documents is made again."""
    batch_size: int = 64
    """Most texts of one call."""


class EngineSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One search engine that stages of type `external` ask by `engine`; NAME is yours to choose."""

    base_url: str = ""
    """Its address, such as `http://search:8108`; needed, the headers go nowhere else."""
    headers: dict[str, str] = {}
    """What it is sent, such as `{"X-TYPESENSE-API-KEY" = "…"}`; JSON in the environment."""


class JobsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much is done in the background."""

    workers: int = 1
    """Jobs that are done at a time; each may take a core and the memory of a training."""
    max_queued: int = 100
    """Most jobs that wait; one more is refused."""
    max_attempts: int = 3
    """How often a job is begun in the middle of which the process ends."""
    keep_days: float = 30.0
    """How long jobs that have ended stay on record, in days."""


class ScheduleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One job that is done again and again; NAME is yours to choose."""

    kind: str = "learn"
    """What is done, a kind of job."""
    every: Literal["hourly", "daily", "weekly", "monthly"] = "weekly"
    """hourly, daily, weekly (on Mondays) or monthly (on the first)."""
    retriever_id: str = ""
    """For which retriever; empty names none."""
    hour: int = 3
    """From which hour of the day on, 0 to 23 UTC."""


class GateSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a model must show before it serves."""

    min_gain: float = 0.0
    """The lower bound of its gain in nDCG@10 must lie above it."""
    max_sanity_drop: float = 0.01
    """Most that nDCG@10 on imported judgments may fall, as a share of what it was."""
    min_shadow_searches: int = 100
    """Searches that it must have ranked unseen."""
    max_failed_share: float = 0.001
    """Most of them that may fail."""
    max_p95_ms: float = 20.0
    """Longest time that 95 of 100 of them may take without the query's embedding, milliseconds."""
    max_slowdown: float = 1.5
    """How many times as long as what serves they may take in any case."""


class PrivacySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known about people."""

    pseudonymize_users: bool = True
    """Store `user_id` as a keyed pseudonym; fixed when the folder is made."""
    secret: str = ""
    """Key of the pseudonyms; empty means the file `secret` in the data folder."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole tree."""

    server: ServerSettings = ServerSettings()
    store: StoreSettings = StoreSettings()
    capture: CaptureSettings = CaptureSettings()
    attribution: AttributionSettings = AttributionSettings()
    counters: CountersSettings = CountersSettings()
    privacy: PrivacySettings = PrivacySettings()
    index: IndexSettings = IndexSettings()
    embedders: dict[str, EmbedderSettings] = {}
    engines: dict[str, EngineSettings] = {}
    jobs: JobsSettings = JobsSettings()
    gate: GateSettings = GateSettings()
    schedules: dict[str, ScheduleSettings] = {}


NAMED: Final[dict[str, type[msgspec.Struct]]] = {
    "embedders": EmbedderSettings,
    "engines": EngineSettings,
    "schedules": ScheduleSettings,
}
"""Sections that hold any number of others, each under a name: `[embedders.NAME]`."""


class LoadedSettings(msgspec.Struct, frozen=True):
    """The tree, and where each value came from.

    Attributes:
        settings: The values.
        sources: Dotted name to `default`, `file`, `environment` or `command line`.
    """

    settings: Settings
    sources: dict[str, str]


def load_settings(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> LoadedSettings:
    """Read the settings once.

    Args:
        file: A TOML file; `rankloop.toml` beside the data is the usual one. Absent is fine.
        environment: Variables such as `RANKLOOP_SERVER__PORT`; the process's when left out.
        overrides: Dotted names to values, as the command line gives them.

    Returns:
        Values and their sources.

    Raises:
        SettingsError: A key is unknown, a value has the wrong type or the file is not TOML.

    Example:
        >>> loaded = load_settings(environment={"RANKLOOP_SERVER__PORT": "9000"})
        >>> loaded.settings.server.port, loaded.sources["server.port"]
        (9000, 'environment')
    """
    tree: dict[str, Any] = {}
    sources = {name: "default" for name in _names()}
    layers = (
        ("file", _read_file(file)),
        ("environment", _read_environment(os.environ if environment is None else environment)),
        ("command line", dict(overrides or {})),
    )
    for source, values in layers:
        for name, value in values.items():
            if name not in sources and not _is_named(name):
                raise SettingsError(
                    f"there is no setting {name!r}", where=name, hint=_hint(name, sources)
                )
            *sections, key = name.split(".")
            branch = tree
            for section in sections:
                branch = branch.setdefault(section, {})
            branch[key] = value
            sources[name] = source
    try:
        # Text from the environment becomes the type of its field; nothing else is bent.
        settings = msgspec.convert(tree, Settings, strict=False)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        raise SettingsError(message, where=path.rstrip("`")) from error
    _check_server(settings.server)
    for name, engine in settings.engines.items():
        if not _ADDRESS.fullmatch(engine.base_url):
            raise SettingsError(
                f"{engine.base_url!r} is no address of an engine",
                where=f"engines.{name}.base_url",
                hint="Write http://search:8108 or https://search.example.",
            )
    return LoadedSettings(settings, sources)


def iter_settings(loaded: LoadedSettings) -> list[tuple[str, str, str]]:
    """List every setting as name, value and source; secrets are starred out."""
    rows = []
    for name, source in loaded.sources.items():
        section, *names, key = name.split(".")
        branch = getattr(loaded.settings, section)
        for one in names:
            branch = branch[one]
        value = getattr(branch, key)
        is_secret = name in SECRETS or (names and key in SECRET_KEYS)
        shown = "***" if is_secret and value else str(value)
        rows.append((name, shown, source))
    return rows


def _check_server(server: ServerSettings) -> None:
    """Refuse a port that cannot be, and an origin that no browser would ever send."""
    if not 0 <= server.port <= _HIGHEST_PORT:
        raise SettingsError(
            f"there is no port {server.port}",
            where="server.port",
            hint=f"Ports are 0 to {_HIGHEST_PORT}; 0 takes any free one.",
        )
    for origin in server.cors_origins:
        if not _ORIGIN.fullmatch(origin):
            raise SettingsError(
                f"{origin!r} is no browser origin",
                where="server.cors_origins",
                hint="Write https://shop.example, without a path; commas part several.",
            )


def _names() -> list[str]:
    """List the dotted name of every setting, in the order of the tree."""
    return [
        f"{section}.{key}"
        for section, kind in get_type_hints(Settings).items()
        if section not in NAMED
        for key in kind.__struct_fields__
    ]


def _is_named(name: str) -> bool:
    """Say whether a dotted name is a setting of a named section."""
    section, *rest = name.split(".")
    kind = NAMED.get(section)
    return kind is not None and len(rest) == 2 and rest[1] in kind.__struct_fields__


def _read_file(file: Path | None) -> dict[str, Any]:
    """Flatten a TOML file into dotted names."""
    if file is None or not file.exists():
        return {}
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file.name} is not TOML: {error}", where=str(file.name)) from error
    flat: dict[str, Any] = {}
    for section, values in tree.items():
        if not isinstance(values, dict):
            raise SettingsError(f"there is no setting {section!r}", where=section)
        for key, value in values.items():
            if section in NAMED and isinstance(value, dict):
                flat.update({f"{section}.{key}.{inner}": one for inner, one in value.items()})
            else:
                flat[f"{section}.{key}"] = value
    return flat


def _read_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """Take `RANKLOOP_SECTION__KEY` variables; lists are comma-separated."""
    values: dict[str, Any] = {}
    for name, text in environment.items():
        if name.startswith(PREFIX) and "__" in name:
            section, _, rest = name.removeprefix(PREFIX).lower().partition("__")
            dotted = f"{section}.{rest.replace('__', '.') if section in NAMED else rest}"
            values[dotted] = _read_text(dotted, text)
    return values


def _read_text(name: str, text: str) -> object:
    """Read what a variable says: lists are comma-separated, headers are JSON."""
    if name == "server.cors_origins" or re.fullmatch(r"embedders\..*\.models", name):
        return [part.strip() for part in text.split(",")]
    if name.startswith("engines.") and name.endswith(".headers"):
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise SettingsError(
                "headers are a JSON object of texts in the environment", where=name
            ) from error
    return text


def _hint(name: str, known: Mapping[str, str]) -> str:
    """Name the settings of the same section, or the sections."""
    section = name.split(".", 1)[0]
    if section in NAMED:
        return f"Known under {section}.NAME: {', '.join(NAMED[section].__struct_fields__)}."
    near = [other for other in known if other.startswith(f"{section}.")]
    return f"Known: {', '.join(near) if near else ', '.join(known)}."
