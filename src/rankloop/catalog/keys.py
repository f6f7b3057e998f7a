"""Keys that say who may do what, hashed at rest and looked up in memory."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import BigInteger, Column, MetaData, String, Table, insert, select, update

from rankloop.catalog.database import open_catalog
from rankloop.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable

SCOPES: Final = ("capture", "search", "read", "admin")
"""What a key can allow; `admin` implies the others."""

MAX_NAME_CHARACTERS: Final = 100
"""Most characters of a key's name."""

KEYS: Final = Table(
    "keys",
    MetaData(),
    Column("key_id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("scopes", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger, nullable=True),
)


@dataclass(frozen=True, slots=True)
class Key:
    """One key on record; the token itself is nowhere."""

    key_id: str
    name: str
    scopes: tuple[str, ...]
    """Sorted names out of `SCOPES`, as they were given."""
    created_at: int
    """Microseconds UTC."""
    revoked_at: int | None = None
    """Microseconds UTC; None while the key works."""


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A key at the one moment when its token can be seen."""

    key_id: str
    token: str
    """`rk_…`, 256 random bits; shown once, kept nowhere."""
    name: str
    scopes: tuple[str, ...]
    created_at: int
    """Microseconds UTC."""


class KeyRing:
    """The keys of one data folder.

    Look-ups touch memory only, so a request costs one SHA-256. A token is found by its digest:
    comparing digests of 256 random bits tells a listener nothing about the token.

    Example:
        >>> import tempfile
        >>> ring = KeyRing(Path(tempfile.mkdtemp()) / "catalog.db")
        >>> key = ring.create("shop front", ["capture"])
        >>> ring.scopes_of(key.token)
        frozenset({'capture'})
        >>> ring.revoke(key.key_id)
        >>> ring.scopes_of(key.token) is None
        True
        >>> ring.close()
    """

    def __init__(self, path: Path) -> None:
        self._engine = open_catalog(Path(path))
        self._lock = threading.Lock()
        self._n_keys = 0
        self._scopes: dict[bytes, frozenset[str]] = {}
        self._reload()

    def is_empty(self) -> bool:
        """Say whether no key was ever made.

        A revoked key still counts: revoking the last one closes the door, it does not take the
        door out.
        """
        return self._n_keys == 0

    def has_active(self) -> bool:
        """Say whether any key works."""
        return bool(self._scopes)

    def scopes_of(self, token: str) -> frozenset[str] | None:
        """Tell what a token allows, `admin` spelled out as every scope; None if unknown."""
        return self._scopes.get(hashlib.sha256(token.encode("utf-8", "replace")).digest())

    def create(self, name: str, scopes: Iterable[str]) -> CreatedKey:
        """Make a key.

        Args:
            name: What the key is for, 1 to 100 characters; names need not differ.
            scopes: At least one of `SCOPES`.

        Returns:
            The key with its token, which cannot be seen again.

        Raises:
            InputError: The name is empty or too long, or a scope is not known.
        """
        wanted = _check_scopes(scopes)
        if not 0 < len(name.strip()) <= MAX_NAME_CHARACTERS:
            raise InputError(
                f"a key's name has 1 to {MAX_NAME_CHARACTERS} characters", where="/name"
            )
        token = f"rk_{secrets.token_urlsafe(32)}"
        created = CreatedKey(
            f"key_{secrets.token_hex(6)}", token, name.strip(), wanted, time.time_ns() // 1_000
        )
        with self._lock, self._engine.begin() as connection:
            connection.execute(
                insert(KEYS).values(
                    key_id=created.key_id,
                    name=created.name,
                    token_sha256=hashlib.sha256(token.encode()).hexdigest(),
                    scopes=" ".join(wanted),
                    created_at=created.created_at,
                )
            )
        self._reload()
        return created

    def list(self) -> list[Key]:
        """List every key, revoked ones too, oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(KEYS).order_by(KEYS.c.created_at, KEYS.c.key_id)).all()
        return [
            Key(row.key_id, row.name, tuple(row.scopes.split()), row.created_at, row.revoked_at)
            for row in rows
        ]

    def revoke(self, key_id: str) -> None:
        """End a key at once; ending it twice changes nothing.

        Raises:
            NotFoundError: No key has this id.
        """
        with self._lock, self._engine.begin() as connection:
            if not connection.execute(select(KEYS.c.key_id).where(KEYS.c.key_id == key_id)).first():
                raise NotFoundError(
                    f"no key is called {key_id!r}",
                    where="/key_id",
                    hint="`rankloop keys list` shows the ids.",
                )
            connection.execute(
                update(KEYS)
                .where(KEYS.c.key_id == key_id, KEYS.c.revoked_at.is_(None))
                .values(revoked_at=time.time_ns() // 1_000)
            )
        self._reload()

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def _reload(self) -> None:
        """Read the table into memory."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(KEYS.c.token_sha256, KEYS.c.scopes, KEYS.c.revoked_at)
            ).all()
        self._n_keys = len(rows)
        self._scopes = {
            bytes.fromhex(row.token_sha256): _spell_out(row.scopes.split())
            for row in rows
            if row.revoked_at is None
        }


def _check_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    """Return the scopes in the order of `SCOPES`, or say which is wrong."""
    wanted = set(scopes)
    unknown = sorted(wanted.difference(SCOPES))
    if unknown or not wanted:
        what = f"unknown scope {unknown[0]!r}" if unknown else "a key needs a scope"
        raise InputError(what, where="/scopes", hint=f"Scopes are {', '.join(SCOPES)}.")
    return tuple(scope for scope in SCOPES if scope in wanted)


def _spell_out(scopes: Iterable[str]) -> frozenset[str]:
    """Turn `admin` into every scope."""
    given = frozenset(scopes)
    return frozenset(SCOPES) if "admin" in given else given
