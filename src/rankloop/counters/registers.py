"""Numbers for names: documents of retrievers, and the sets of types that occur."""

from __future__ import annotations

import threading
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.counters.tallies import MASK_BITS
from rankloop.events.types import to_mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SHOWN_MASK: Final = 1 << 30
"""Bit beside the types: the interaction names the search that it followed."""

NO_SLOT: Final = -1

_PLAIN_BITS: Final = (
    to_mask(["click"]),
    to_mask(["purchase"]),
    to_mask(["add_to_cart"]),
    SHOWN_MASK,
)


class Documents:
    """A number, the slot, for each document of each retriever.

    Any thread may add and read.

    Example:
        >>> documents = Documents()
        >>> documents.enter("products", ["d1", "d2", "d1"]).tolist()
        [0, 1, 0]
        >>> documents.find("products", ["d2", "unknown"]).tolist(), documents.name(1)
        ([1, -1], 'd2')
    """

    def __init__(self) -> None:
        self._slots: dict[str, dict[str, int]] = {}
        self._names: list[str] = []
        self._retrievers: list[str] = []
        self._retriever_of = np.zeros(1_024, np.int32)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many documents have a slot."""
        return len(self._names)

    def enter(self, retriever_id: str, document_ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the slots of a retriever's documents, new ones where they had none."""
        with self._lock:
            self._open(retriever_id)
        return self.enter_each([retriever_id] * len(document_ids), document_ids)

    def enter_each(
        self, retriever_ids: Sequence[str], document_ids: Sequence[str]
    ) -> NDArray[np.int64]:
        """Return the slots of documents, each of its own retriever."""
        with self._lock:
            for retriever_id in set(retriever_ids).difference(self._slots):
                self._open(retriever_id)
            self._add(retriever_ids, document_ids)
        return np.array(
            [
                self._slots[retriever_id][document_id]
                for retriever_id, document_id in zip(retriever_ids, document_ids, strict=True)
            ],
            np.int64,
        )

    def find(self, retriever_id: str, document_ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the slots of documents, -1 for those that have none."""
        slots = self._slots.get(retriever_id)
        if slots is None:
            return np.full(len(document_ids), NO_SLOT, np.int64)
        get = slots.get
        return np.array([get(document_id, NO_SLOT) for document_id in document_ids], np.int64)

    def name(self, slot: int) -> str:
        """Return the document of a slot."""
        return self._names[slot]

    def number(self, retriever_id: str) -> int:
        """Return the number of a retriever, -1 where nothing of it is known."""
        if retriever_id not in self._slots:
            return NO_SLOT
        return self._retrievers.index(retriever_id)

    def retrievers(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of each slot's retriever."""
        return self._retriever_of[slots].astype(np.int64)

    def _open(self, retriever_id: str) -> None:
        """Give a retriever a number, where it has none."""
        if retriever_id not in self._slots:
            # The number first: who finds slots must find their retriever's number.
            self._retrievers.append(retriever_id)
            self._slots[retriever_id] = {}

    def _add(self, retriever_ids: Sequence[str], document_ids: Sequence[str]) -> None:
        """Give slots to documents that have none."""
        first = len(self._names)
        owners: list[int] = []
        for retriever_id, document_id in zip(retriever_ids, document_ids, strict=True):
            slots = self._slots[retriever_id]
            if document_id not in slots:
                # The name first: who finds a slot must find its name.
                self._names.append(document_id)
                slots[document_id] = len(self._names) - 1
                owners.append(self._retrievers.index(retriever_id))
        self._note_owners(owners, first)

    def _note_owners(self, owners: Sequence[int], first: int) -> None:
        """Note whose the slots from a first one on are."""
        if len(self._names) > self._retriever_of.size:
            grown = np.zeros(2 * len(self._names), np.int32)
            grown[: self._retriever_of.size] = self._retriever_of
            self._retriever_of = grown
        self._retriever_of[first : first + len(owners)] = owners


class Masks:
    """A small number for each set of types that occurs.

    Past 4,096 different sets, only clicks, purchases and additions to the cart are told apart.

    Example:
        >>> masks = Masks()
        >>> first, second, third = masks.enter(np.array([6, 8, 6])).tolist()
        >>> first == third, masks.matching(8)[[first, second]].tolist()
        (True, [False, True])
    """

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self._masks = np.zeros(1 << MASK_BITS, np.int64)
        self.enter(np.array([sum(parts) for parts in product(*((0, bit) for bit in _PLAIN_BITS))]))

    def enter(self, masks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of each set of types."""
        different, places = np.unique(masks, return_inverse=True)
        numbers = [self._enter(mask) for mask in different.tolist()]
        return np.array(numbers, np.int64)[places]

    def matching(self, type_mask: int) -> NDArray[np.bool_]:
        """Say for each number whether its set holds one of these types."""
        return np.asarray(self._masks & type_mask != 0)

    def _enter(self, mask: int) -> int:
        """Return the number of one set of types."""
        number = self._numbers.get(mask)
        if number is None:
            number = len(self._numbers)
            if number == self._masks.size:
                return self._numbers[mask & sum(_PLAIN_BITS)]
            self._masks[number] = mask
            self._numbers[mask] = number
        return number
