"""Erasure: a user is forgotten everywhere, and a receipt says what went."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from rankloop.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rankloop.privacy.exports import Exports
    from rankloop.privacy.model_marks import ModelMarks
    from rankloop.privacy.pseudonyms import Pseudonyms
    from rankloop.store.base import EventStore


FORGET_S: Final = 60.0
"""How long an erasure waits until memory follows the store, in seconds."""


class Refreshable(Protocol):
    """What erasure needs of the derivation."""

    def refresh(self) -> object:
        """Bring the derived tables up to date with the raw facts."""
        ...


class ErasureReceipt(msgspec.Struct, frozen=True):
    """What an erasure removed."""

    rows: dict[str, int]
    """Rows removed, per table."""
    models: list[str]
    """Models that may have learned from the removed rows; train them again."""
    exports: list[str]
    """Exports that held some of them; their files here are gone, copies elsewhere are not."""
    users: int
    """How many users were asked for."""
    erased_at: datetime


@dataclass(frozen=True, slots=True)
class Copies:
    """Where rows went beside the store.

    Attributes:
        exports: Files that left the folder; None where there are none.
        models: Models that learned from them; None where there are none.
    """

    exports: Exports | None = None
    models: ModelMarks | None = None

    def forget_user(self, user_key: str, now: datetime) -> list[str]:
        """Delete export files that may hold rows of a user; return the ids of those exports."""
        return [] if self.exports is None else self.exports.forget_user(user_key, now)

    def find_models(self, user_key: str) -> list[str]:
        """Name the models that may have learned from a user."""
        return [] if self.models is None else self.models.find(user_key)

    def mark(self, model_ids: Sequence[str]) -> None:
        """Write down that models learned from somebody who is erased."""
        if self.models is not None:
            self.models.mark(model_ids)


class Erasure:
    """Forget users and single interactions.

    Args:
        store: Where events are.
        derivation: Rebuilds what was derived from them.
        drain: Delivers everything acknowledged, so that nothing of the user waits in the journal.
        pseudonyms: How users are written down.
        copies: Where else what they did may be.
        forget: Makes what is kept in memory follow the store, waiting so many seconds at most.
    """

    def __init__(
        self,
        store: EventStore,
        derivation: Refreshable,
        drain: Callable[[], object],
        pseudonyms: Pseudonyms,
        copies: Copies | None = None,
        forget: Callable[[float], object] = lambda timeout_s: None,
    ) -> None:
        self._store = store
        self._derivation = derivation
        self._drain = drain
        self._pseudonyms = pseudonyms
        self._copies = copies or Copies()
        self._forget = forget

    def erase(self, user_ids: Sequence[str]) -> ErasureReceipt:
        """Forget users: raw rows, what was derived from them, and export files that held them.

        Models that may have learned from them are marked; they go on serving until they are
        trained again.

        Hashes of their interactions' ids stay, so that a late retry resurrects nothing. Erasing
        an unknown user removes nothing and is no error.

        Args:
            user_ids: Plain ids or pseudonyms.

        Raises:
            UnavailableError: The store cannot take what is still in the journal; try again.
        """
        now = datetime.now(UTC)
        self._drain()
        rows: Counter[str] = Counter()
        touched: set[str] = set()
        learned: set[str] = set()
        user_keys = dict.fromkeys(self._pseudonyms.to_lookup(user_id) for user_id in user_ids)
        for user_key in user_keys:
            touched.update(self._copies.forget_user(user_key, now))
            learned.update(self._copies.find_models(user_key))
            rows.update(self._store.erase_user(user_key))
        self._copies.mark(sorted(learned))
        self._derivation.refresh()
        # Deleted rows lie in the file until it is folded.
        self._store.checkpoint()
        self._forget(FORGET_S)
        return ErasureReceipt(dict(rows), sorted(learned), sorted(touched), len(user_keys), now)

    def delete_interaction(self, interaction_id: str) -> bool:
        """Delete one interaction; say whether there was one."""
        self._drain()
        is_deleted = self._store.delete_interaction(interaction_id)
        if is_deleted:
            self._forget(FORGET_S)
        return is_deleted


def check_user_ids(user_ids: Sequence[str], most: int = 1_000) -> None:
    """Refuse a request to erase nobody, or more than can be done at once.

    Raises:
        InputError: There are none, too many, or an empty one.
    """
    if not 0 < len(user_ids) <= most:
        raise InputError(
            f"1 to {most} users can be erased at once, got {len(user_ids)}", where="/user_ids"
        )
    for place, user_id in enumerate(user_ids):
        if not user_id:
            raise InputError("a user id may not be empty", where=f"/user_ids/{place}")
