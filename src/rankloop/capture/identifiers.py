"""Which identifiers are known: a Bloom filter first, an exact probe only for its hits.

A retry has to be recognized before it is acknowledged, among tens of millions of identifiers, at
thousands of requests a second. The filter answers "surely new" for nearly all; the few others
are looked up in what is accepted but not yet delivered, then in the store.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.store.identifiers import Hashes, to_hashes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

_N_PROBES: Final = 5
_BITS_PER_ITEM: Final = 12
_FIRST_CAPACITY: Final = 1 << 22
_GROWTH: Final = 4
_PACKED_FROM: Final = 4_096
_ODD: Final = np.uint64(0x9E3779B97F4A7C15)


class BloomFilter:
    """A set that may say "perhaps" about what it never saw, and never "no" about what it did.

    It grows by layers, each four times as large as the one before, so that it need not know how
    many identifiers will come. With 12 bits and 5 probes an identifier the share of false
    "perhaps" is about 0.5% a full layer; each costs a look into the store, so layers are few.

    Example:
        >>> known = BloomFilter()
        >>> known.add(to_hashes(["a", "b"]))
        >>> known.may_contain(to_hashes(["a", "c"])).tolist()
        [True, False]
    """

    def __init__(self, capacity: int = _FIRST_CAPACITY) -> None:
        self._layers: list[NDArray[np.uint8]] = []
        self._room = 0
        self._capacity = capacity
        self.n_added = 0

    @property
    def n_bytes(self) -> int:
        """Memory of all layers, in bytes."""
        return sum(layer.nbytes for layer in self._layers)

    def add(self, hashes: Hashes) -> None:
        """Add identifiers by their hashes, `[n]` uint64."""
        while hashes.size:
            if not self._room:
                self._grow()
            now, hashes = hashes[: self._room], hashes[self._room :]
            layer = self._layers[-1]
            for bits in _probes(now, layer.size * 8):
                np.bitwise_or.at(layer, bits >> np.uint64(3), _bit_in_byte(bits))
            self._room -= now.size
            self.n_added += now.size

    def may_contain(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Say for each hash whether it may have been added, `[n]` bool."""
        found = np.zeros(hashes.size, dtype=bool)
        for layer in self._layers:
            here = np.ones(hashes.size, dtype=bool)
            for bits in _probes(hashes, layer.size * 8):
                here &= (layer[bits >> np.uint64(3)] & _bit_in_byte(bits)) != 0
            found |= here
        return found

    def _grow(self) -> None:
        """Open a layer, larger than the last."""
        n_bytes = 1 << (self._capacity * _BITS_PER_ITEM // 8 - 1).bit_length()
        self._layers.append(np.zeros(n_bytes, dtype=np.uint8))
        self._room = n_bytes * 8 // _BITS_PER_ITEM
        self._capacity = self._room * _GROWTH


class _Packed:
    """Many names in little room: their hashes in order, and their text to be sure."""

    def __init__(self, names: Sequence[str], hashes: Hashes) -> None:
        self._hashes = np.sort(hashes)
        self._text = ("\n" + "\n".join(names) + "\n").encode("utf-8", "surrogatepass")

    def find(self, names: Sequence[str], hashes: Hashes) -> set[str]:
        """Return those of the names that are here."""
        places = np.searchsorted(self._hashes, hashes)
        places[places == self._hashes.size] = 0
        perhaps = np.flatnonzero(self._hashes[places] == hashes).tolist()
        return {names[place] for place in perhaps if self._has(names[place])}

    def _has(self, name: str) -> bool:
        return f"\n{name}\n".encode("utf-8", "surrogatepass") in self._text


class _Generation:
    """Names accepted between two deliveries.

    Few are kept as they are, many are packed: under a load that the store cannot follow, a name as
    an object of its own takes five times its text.
    """

    def __init__(self) -> None:
        self.last_sequence = 0
        self._names: set[str] = set()
        self._packed: list[_Packed] = []

    @property
    def is_empty(self) -> bool:
        """Whether nothing was accepted."""
        return not self._names and not self._packed

    def add(self, names: Sequence[str], hashes: Hashes) -> None:
        """Note names that were accepted."""
        if len(names) >= _PACKED_FROM:
            self._packed.append(_Packed(names, hashes))
            return
        self._names.update(names)
        if len(self._names) >= _PACKED_FROM:
            listed = list(self._names)
            self._packed.append(_Packed(listed, to_hashes(listed)))
            self._names = set()

    def find(self, names: Sequence[str], hashes: Hashes) -> set[str]:
        """Return those of the names that were accepted."""
        found = self._names.intersection(names)
        for packed in self._packed:
            found |= packed.find(names, hashes)
        return found


class IdentifierLedger:
    """All identifiers of one kind of event that were ever accepted.

    Args:
        find_in_store: The exact subset of the given identifiers that the store knows (erased
            ones included).
        stored: Hashes of everything in the store, in pieces; read once.
    """

    def __init__(
        self,
        find_in_store: Callable[[Sequence[str]], set[str]],
        stored: Iterator[Hashes],
    ) -> None:
        self._find_in_store = find_in_store
        self._filter = BloomFilter()
        # Names accepted and perhaps not in the store yet, in generations: a whole generation is
        # dropped at once, when the store has passed its last sequence.
        self._pending: list[_Generation] = [_Generation()]
        self._lock = threading.Lock()
        for hashes in stored:
            self._filter.add(hashes)

    @property
    def n_bytes(self) -> int:
        """Memory of the filter, in bytes."""
        return self._filter.n_bytes

    def find_known(self, identifiers: Sequence[str], hashes: Hashes | None = None) -> set[str]:
        """Return those of the identifiers that were accepted before.

        Args:
            identifiers: What to look for.
            hashes: Their hashes where the caller has them already.
        """
        if not identifiers:
            return set()
        hashes = to_hashes(identifiers) if hashes is None else hashes
        hits = np.flatnonzero(self._filter.may_contain(hashes)).tolist()
        if not hits:
            return set()
        perhaps = [identifiers[hit] for hit in hits]
        with self._lock:
            known: set[str] = set()
            for generation in self._pending:
                known |= generation.find(perhaps, hashes[hits])
        rest = [name for name in perhaps if name not in known]
        return known | self._find_in_store(rest) if rest else known

    def add(self, identifiers: Sequence[str], sequence: int, hashes: Hashes | None = None) -> None:
        """Note accepted identifiers; they stay exact in memory until `settle` passes them.

        Args:
            identifiers: What was accepted.
            sequence: Journal sequence that holds them.
            hashes: Their hashes where the caller has them already.
        """
        hashes = to_hashes(identifiers) if hashes is None else hashes
        with self._lock:
            generation = self._pending[-1]
            generation.add(identifiers, hashes)
            generation.last_sequence = max(generation.last_sequence, sequence)
        self._filter.add(hashes)

    def add_stored(self, hashes: Hashes) -> None:
        """Note identifiers that went straight into the store, by their hashes."""
        self._filter.add(hashes)

    def settle(self, sequence: int) -> None:
        """Forget the exact names of what the store holds by now, up to a journal sequence."""
        with self._lock:
            self._pending = [
                g for g in self._pending if not g.is_empty and g.last_sequence > sequence
            ]
            self._pending.append(_Generation())


def _probes(hashes: Hashes, n_bits: int) -> Iterator[Hashes]:
    """Give the bits of each hash, one array per probe (double hashing, a power of two of bits)."""
    mask = np.uint64(n_bits - 1)
    step = (hashes * _ODD) >> np.uint64(17) | np.uint64(1)
    for probe in range(_N_PROBES):
        yield (hashes + np.uint64(probe) * step) & mask


def _bit_in_byte(bits: Hashes) -> NDArray[np.uint8]:
    """Give the mask of each bit within its byte."""
    return np.left_shift(np.uint8(1), (bits & np.uint64(7)).astype(np.uint8))
