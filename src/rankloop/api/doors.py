"""Who may come in: the Host header, browser origins and keys, checked before any work."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from rankloop.errors import ForbiddenError, InputError, UnauthenticatedError

RawHeaders = Iterable[tuple[bytes, bytes]]

_LOCAL_NAMES: Final = frozenset({"localhost", "localhost.localdomain"})
_CORS_ALLOWED: Final = b"authorization, content-type, x-request-id"


class Keys(Protocol):
    """What the door needs of the keys."""

    def is_empty(self) -> bool:
        """Say whether no key was ever made."""
        ...

    def scopes_of(self, token: str) -> frozenset[str] | None:
        """Tell what a token allows; None if it is not known."""
        ...


@functools.lru_cache(1_024)
def is_loopback(host: str) -> bool:
    """Say whether an address or name means this machine only.

    Example:
        >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
        (True, True, False)
    """
    if host in _LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@functools.lru_cache(1_024)
def _names_this_machine(host: str) -> bool:
    """Say whether a Host header, with its port, names this machine."""
    return is_loopback(host if host.endswith("]") else host.rsplit(":", 1)[0])


def find_header(headers: RawHeaders, name: bytes) -> str:
    """Return a header's value, empty where it is absent; `name` is in lower case."""
    for key, value in headers:
        if key == name:
            return value.decode("latin-1")
    return ""


@dataclass(frozen=True, slots=True)
class Doors:
    """The rules at the entrance.

    Attributes:
        keys: The keys of the installation.
        is_local: Whether the server is bound to loopback only; then no key is needed as long as
            none was made, and the Host header must name this machine, so that a page on another
            site cannot reach the server through a name of its own.
        cors_origins: Browser origins that may call.
    """

    keys: Keys
    is_local: bool = True
    cors_origins: frozenset[str] = frozenset()

    def check_host(self, headers: RawHeaders) -> None:
        """Refuse a Host header that does not name this machine, on loopback.

        Raises:
            InputError: It names something else.
        """
        if not self.is_local:
            return
        host = find_header(headers, b"host")
        if host and not _names_this_machine(host):
            raise InputError(
                "this server listens on this machine only, and the Host header names another",
                where="Host",
                hint="Call it as 127.0.0.1 or localhost.",
            )

    def check_key(self, headers: RawHeaders, scope: str) -> None:
        """Let a request in that may do what `scope` names.

        Raises:
            UnauthenticatedError: There is no key, or an unknown one.
            ForbiddenError: The key does not have the scope.
        """
        text = find_header(headers, b"authorization")
        if not text:
            if self.is_local and self.keys.is_empty():
                return
            raise UnauthenticatedError(
                "no key was sent", where="Authorization", hint="Send `Authorization: Bearer <key>`."
            )
        kind, _, token = text.partition(" ")
        scopes = self.keys.scopes_of(token.strip()) if kind.lower() == "bearer" else None
        if scopes is None:
            raise UnauthenticatedError("the key is not known", where="Authorization")
        if scope not in scopes and "admin" not in scopes:
            raise ForbiddenError(f"the key does not allow {scope!r}", where="Authorization")

    def cors_headers(self, headers: RawHeaders) -> list[tuple[bytes, bytes]]:
        """Return what lets an allowed browser origin read the answer; nothing for others."""
        if not self.cors_origins:
            return []
        origin = find_header(headers, b"origin")
        if origin not in self.cors_origins and "*" not in self.cors_origins:
            return []
        return [
            (b"access-control-allow-origin", origin.encode("latin-1") or b"*"),
            (b"access-control-allow-methods", b"GET, POST, PUT, DELETE, OPTIONS"),
            (b"access-control-allow-headers", _CORS_ALLOWED),
            (b"access-control-max-age", b"600"),
            (b"vary", b"origin"),
        ]
