"""Pseudonyms: a keyed hash instead of a user id, made before anything is written down."""

from __future__ import annotations

import hmac
import json
import os
import re
import secrets
from typing import TYPE_CHECKING, Any, Final

from rankloop.errors import SettingsError
from rankloop.events.identity import PSEUDONYM_PREFIX

if TYPE_CHECKING:
    from pathlib import Path

MIN_SECRET_CHARACTERS: Final = 16
"""Least characters of a secret that an operator brings along."""

KEY_FILE: Final = "secret"
FOLDER_FILE: Final = "folder.json"

_PSEUDONYM = re.compile(re.escape(PSEUDONYM_PREFIX) + "[0-9a-f]{32}")
_HEX_DIGITS = 32


class Pseudonyms:
    """How user ids are written down in one data folder.

    `u~` and the first 128 bits of HMAC-SHA256(secret, user id): the same id always gives the same
    pseudonym, and without the secret nobody can try ids one after the other.

    Args:
        secret: The installation's secret; None where ids are kept as they are.

    Example:
        >>> names = Pseudonyms(b"not so secret")
        >>> stored = names.to_stored("user_123")
        >>> stored[:2], len(stored), names.to_lookup("user_123") == names.to_lookup(stored)
        ('u~', 34, True)
        >>> Pseudonyms(None).to_stored("user_123")
        'user_123'
    """

    def __init__(self, secret: bytes | None) -> None:
        self._secret = secret

    @property
    def is_on(self) -> bool:
        """Whether ids are replaced."""
        return self._secret is not None

    @property
    def secret(self) -> bytes | None:
        """The key, for a store that makes pseudonyms of many ids itself; None where they are off.

        It never leaves the process.
        """
        return self._secret

    def to_stored(self, user_id: str) -> str:
        """Return what is written down for a user id."""
        if self._secret is None:
            return user_id
        digest = hmac.digest(self._secret, user_id.encode("utf-8", "surrogatepass"), "sha256")
        return PSEUDONYM_PREFIX + digest.hex()[:_HEX_DIGITS]

    def to_lookup(self, user_id: str) -> str:
        """Return what to look for: a pseudonym passes through, a plain id is replaced."""
        if self._secret is not None and _PSEUDONYM.fullmatch(user_id):
            return user_id
        return self.to_stored(user_id)


def open_pseudonyms(
    folder: Path, enabled: bool | None = None, secret: str | None = None
) -> Pseudonyms:
    """Read, or settle on first use, how a folder writes user ids down.

    Args:
        folder: The data folder; it exists.
        enabled: Whether to replace ids; None takes what the folder settled, and True for a new one.
        secret: The secret from the environment, at least 16 characters; left out, `DIR/secret`
            holds it, made on first use with mode 0600.

    Raises:
        SettingsError: The folder settled the other way, the secret is not the one that its
            pseudonyms were made with, or it is too short.
    """
    settled = _read_folder_file(folder)
    on = _settle(settled, enabled)
    if not on:
        _write_folder_file(folder, settled, {"pseudonymize_users": False})
        return Pseudonyms(None)
    key = _read_secret(folder, secret, is_new="secret_check" not in settled)
    check = hmac.digest(key, b"rankloop secret check", "sha256").hex()[:16]
    if settled.get("secret_check", check) != check:
        raise SettingsError(
            "the secret is not the one that this folder's pseudonyms were made with",
            where="privacy.secret",
            hint=f"Bring back the old {KEY_FILE} file or RANKLOOP_PRIVACY__SECRET.",
        )
    _write_folder_file(folder, settled, {"pseudonymize_users": True, "secret_check": check})
    return Pseudonyms(key)


def _settle(settled: dict[str, Any], enabled: bool | None) -> bool:
    """Return the folder's choice, or complain that the setting contradicts it."""
    kept = settled.get("pseudonymize_users")
    if kept is None:
        return True if enabled is None else enabled
    if enabled is not None and enabled != kept:
        raise SettingsError(
            f"this folder was made with pseudonymize_users = {str(kept).lower()}",
            where="privacy.pseudonymize_users",
            hint="It is fixed when a folder is made: leave the setting out, or use a new folder.",
        )
    return bool(kept)


def _read_secret(folder: Path, secret: str | None, *, is_new: bool) -> bytes:
    """Return the secret's bytes from the environment or the file, made for a new folder."""
    if secret is not None:
        if len(secret) < MIN_SECRET_CHARACTERS:
            raise SettingsError(
                f"the secret has under {MIN_SECRET_CHARACTERS} characters", where="privacy.secret"
            )
        return secret.encode()
    path = folder / KEY_FILE
    if is_new and not path.exists():
        _write_durably(path, secrets.token_hex(32), 0o600)
    try:
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the secret of this folder's pseudonyms cannot be read from {path}",
            where="privacy.secret",
            hint="Bring the file back, or give RANKLOOP_PRIVACY__SECRET.",
        ) from error
    if len(text) < MIN_SECRET_CHARACTERS:
        raise SettingsError(f"{path} holds no secret", where="privacy.secret")
    return text.encode()


def _read_folder_file(folder: Path) -> dict[str, Any]:
    """Return what was settled when the folder was made; empty for a new one."""
    path = folder / FOLDER_FILE
    try:
        settled = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise SettingsError(f"{path} is not readable JSON", where=str(path)) from error
    if not isinstance(settled, dict):
        raise SettingsError(f"{path} is not a JSON object", where=str(path))
    return settled


def _write_folder_file(folder: Path, settled: dict[str, Any], news: dict[str, Any]) -> None:
    """Add what was settled now; a file that says it already is left alone."""
    merged = settled | news
    if merged != settled:
        _write_durably(folder / FOLDER_FILE, json.dumps(merged, indent=2) + "\n", 0o644)


def _write_durably(path: Path, text: str, mode: int) -> None:
    """Write a small file so that it is there whole or not at all."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
