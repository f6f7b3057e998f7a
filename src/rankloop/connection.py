"""One way in: a server by its address, or a data folder in this process."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rankloop.client.client import AsyncClient, Client, ClientConfig
from rankloop.errors import InputError

if TYPE_CHECKING:
    from types import ModuleType

_ADDRESS: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")


def connect(
    target: str | Path, api_key: str | None = None, config: ClientConfig | None = None
) -> Client:
    """Connect to a server, or open a data folder in this process: the same surface either way.

    At the end of the process, or on `close()`, the background queue sends what it holds and a
    folder is let go of.

    Args:
        target: `http://…` or `https://…` for a server; anything else is a folder, made if absent.
        api_key: The server's key, where it asks for one.
        config: How patient to be, and the pace of the background queue.

    Raises:
        InputError: The address is none, or a folder was given to the light client.
        FolderInUseError: Another process owns the folder; it names what to use instead.

    Example:
        >>> with connect("./rankloop-data") as loop:
        ...     _ = loop.interactions.create(
        ...         feature_id="doc_xyz789", interaction_type=["purchase"], user_id="user_123"
        ...     )
        ...     previous = loop.interactions.list(user_id="user_123", days=90)
        ...     [interaction.feature_id for interaction in previous]
        ['doc_xyz789']
    """
    if _is_address(target):
        return Client(str(target), api_key, config)
    _check_engine(target)
    from rankloop.api.local import LocalEngine, LocalTransport

    engine = LocalEngine(Path(target))
    return Client(str(target), None, config, LocalTransport(engine))


def connect_async(
    target: str | Path, api_key: str | None = None, config: ClientConfig | None = None
) -> AsyncClient:
    """Do the same for asynchronous code: `async with rankloop.connect_async(…) as loop`.

    Args:
        target: `http://…` or `https://…` for a server; anything else is a folder, made if absent.
        api_key: The server's key, where it asks for one.
        config: How patient to be, and the pace of the background queue.

    Raises:
        InputError: The address is none, or a folder was given to the light client.
        FolderInUseError: Another process owns the folder; it names what to use instead.
    """
    if _is_address(target):
        return AsyncClient(str(target), api_key, config)
    _check_engine(target)
    local = _load_local()
    engine = local.LocalEngine(Path(target))
    transports = (local.AsyncLocalTransport(engine), local.LocalTransport(engine))
    return AsyncClient(str(target), None, config, *transports)


def _check_engine(target: str | Path) -> None:
    """Refuse a folder where only the light client is installed."""
    if find_spec("rankloop.api") is None:
        raise InputError(
            f"{str(target)!r} is a folder, and the engine that opens one is not installed",
            where="target",
            hint="Run `pip install rankloop`, or give the address of a server.",
        )


def _is_address(target: str | Path) -> bool:
    """Tell an address from a folder."""
    if isinstance(target, Path):
        return False
    if not target:
        raise InputError("an empty text is neither an address nor a folder", where="target")
    return _ADDRESS.match(target) is not None


def _load_local() -> ModuleType:
    """Import what opens a folder in this process: the engines, which the light client lacks."""
    try:
        from rankloop.api import local
    except ImportError as error:
        raise InputError(
            "a data folder needs the engines, and this is the light client",
            where="target",
            hint="pip install rankloop, or connect to the address of a server.",
        ) from error
    return local
