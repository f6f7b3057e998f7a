"""The custom interaction types of an installation, up to a bound."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from rankloop.events.types import SIGNAL_BITS

if TYPE_CHECKING:
    from collections.abc import Iterable


class TypeLedger:
    """The custom types that an installation has seen, up to a bound.

    Identifiers sent as types by mistake would otherwise make every later table as long as the
    log.

    Example:
        >>> ledger = TypeLedger(most=1)
        >>> ledger.admit("hovered"), ledger.admit("rotated"), ledger.admit("hovered")
        (True, False, True)
    """

    def __init__(self, known: Iterable[str] = (), *, most: int = 1_000) -> None:
        self.most = most
        self._custom = {name for name in known if name not in SIGNAL_BITS}
        self._lock = threading.Lock()

    def admit(self, name: str) -> bool:
        """Take a custom type in; False where the bound is reached and it is not known."""
        if name in self._custom:
            return True
        with self._lock:
            if len(self._custom) >= self.most:
                return False
            self._custom.add(name)
        return True
