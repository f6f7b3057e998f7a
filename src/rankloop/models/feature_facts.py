"""What features need to know of a query and of a document, made once and kept.

Words become numbers, so that comparing a query with a hundred documents is one operation.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rankloop.events.queries import normalize_query

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from rankloop.models.feature_spec import FeatureSpec

    Floats = NDArray[np.float64]

MAX_WORDS: Final = 512
"""Most different words of one text; later ones are left out."""

_MAX_NUMBER: Final = 1e300
_SLOT_BITS: Final = 32
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class QueryFacts:
    """One query.

    Attributes:
        words: `[n_words]` uint64, its different words.
        vector: `[dimension]` float32 of unit length; None where there is none.
    """

    words: NDArray[np.uint64]
    vector: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, text: str, vector: NDArray[np.float32] | None = None) -> QueryFacts:
        """Read a query.

        Example:
            >>> QueryFacts.of("Blue, blue KETTLE").words.size
            2
        """
        if vector is not None:
            length = float(np.linalg.norm(vector))
            vector = (vector / length).astype(np.float32) if length > 0 else None
        return cls(to_words(text), vector)


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """One document, as a specification reads it.

    Attributes:
        words: uint64, the different words of the text and of each text field; the field's number
            stands above 32 bits, 0 for the text.
        n_words: `[1 + n_texts]` float64, different words of each; NaN where there are none.
        values: `[n_numbers + n_categories]` float64, NaN where unknown.
        vector: `[dimension]` float32 of unit length; None where there is none.
    """

    words: NDArray[np.uint64]
    n_words: Floats
    values: Floats
    vector: NDArray[np.float32] | None = None

    @property
    def n_bytes(self) -> int:
        """About how much memory it takes."""
        vector = 0 if self.vector is None else self.vector.nbytes
        return 600 + self.words.nbytes + self.n_words.nbytes + self.values.nbytes + vector


def read_document(
    spec: FeatureSpec,
    text: str,
    payload: Mapping[str, Any],
    vector: NDArray[np.float32] | None = None,
) -> DocumentFacts:
    """Read a document; what it lacks is unknown, and an unknown document lacks everything.

    Example:
        >>> from rankloop.models.feature_spec import CategoryField, FeatureSpec
        >>> spec = FeatureSpec(
        ...     texts=("color",),
        ...     numbers=("price",),
        ...     categories=(CategoryField("brand", ("acme", "bolt")),),
        ... )
        >>> facts = read_document(spec, "a kettle", {"price": 9, "brand": "bolt"})
        >>> facts.n_words, facts.values
        (array([ 2., nan]), array([9., 1.]))
    """
    parts = [to_words(text), *(to_words(_to_text(payload.get(name))) for name in spec.texts)]
    n_words = np.array([part.size or np.nan for part in parts])
    slots = np.repeat(np.arange(len(parts), dtype=np.uint64), [part.size for part in parts])
    words = np.concatenate(parts) | (slots << np.uint64(_SLOT_BITS))
    values = [_to_number(payload.get(name)) for name in spec.numbers]
    values += [_to_code(payload.get(one.field), one.values) for one in spec.categories]
    return DocumentFacts(words, n_words, np.array(values, dtype=np.float64), vector)


def to_words(text: str) -> NDArray[np.uint64]:
    """Number the different words of a text, in ascending order of their numbers.

    Two words that share a number (one chance in four billion) count as one.

    Example:
        >>> to_words("Red, red shoes!").size, to_words("").size
        (2, 0)
    """
    if not text:
        return np.empty(0, np.uint64)
    words = dict.fromkeys(_WORD.findall(normalize_query(text)))
    numbers = [zlib.crc32(word.encode()) for word in list(words)[:MAX_WORDS]]
    return np.unique(np.array(numbers, dtype=np.uint64))


def split_words(words: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return which field each word is of, and the words as a query has them."""
    slots = (words >> np.uint64(_SLOT_BITS)).astype(np.int64)
    return slots, words & np.uint64((1 << _SLOT_BITS) - 1)


def _to_text(value: object) -> str:
    """Write a field's value as words; nothing where it has none."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return " ".join(map(_to_text, value))
    if value is None or isinstance(value, dict | bool):
        return ""
    return str(value)


def _to_number(value: object) -> float:
    """Return a field's value as a number; NaN where it is none that a feature can hold."""
    if isinstance(value, int | float) and abs(value) <= _MAX_NUMBER:
        return float(value)
    return np.nan


def _to_code(value: object, values: Iterable[str]) -> float:
    """Return the place of a value among those known; NaN where it is not."""
    name = to_name(value)
    for code, known in enumerate(values):
        if known == name:
            return float(code)
    return np.nan


def to_name(value: object) -> str | None:
    """Return a field's value as a name; None where it is none. Of a list the first counts."""
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    return value if isinstance(value, str) else None
