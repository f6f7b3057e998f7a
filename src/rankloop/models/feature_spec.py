"""Which features a ranker sees, and what had to be learned to make them: one file in its folder.

Training and serving read the same specification and call the same functions, so that a number means
the same in both.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from rankloop.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FEATURES_FILE: Final = "features.json"
"""Its name in a model's folder."""

FORM: Final = 1
"""The form of specifications written here; a higher one is refused."""

SCORE_FEATURES: Final = ("score", "score_gap", "score_ratio")
"""Made of the list that was handed in; training takes them from the log."""

HISTORY_FEATURES: Final = ("document_rate", "document_looks", "pair_rate", "pair_looks")
"""Made of what people did before the day of the search."""

_QUERY_FEATURES: Final = ("query_words", "words_found", "cosine")

EXAMINATION: Final = tuple(1.0 / rank for rank in range(1, 101))
"""How likely each position is looked at until it is measured: 1 / rank."""


class CategoryField(msgspec.Struct, frozen=True):
    """One payload field whose values are names; a value's code is its place in the list."""

    field: str
    values: tuple[str, ...]
    """Most frequent first; what is not in it has no code."""


class FeatureSpec(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Everything that turns a query and its candidates into numbers.

    Example:
        >>> spec = FeatureSpec(texts=("color",), numbers=("price",))
        >>> spec.names[-3:]
        ('found.color', 'match.color', 'number.price')
        >>> FeatureSpec.from_json(spec.to_json()) == spec
        True
    """

    form: int = FORM
    texts: tuple[str, ...] = ()
    """Payload fields that are compared with the words of the query."""

    numbers: tuple[str, ...] = ()
    """Payload fields that are numbers; true is 1."""

    categories: tuple[CategoryField, ...] = ()
    """Payload fields whose values are names."""

    history_days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 90
    """Days of clicks before the day of the search."""

    prior_looks: Annotated[float, msgspec.Meta(gt=0.0)] = 20.0
    """Looks at the mean rate that every document and pair is taken to have had."""

    examination: tuple[float, ...] = EXAMINATION
    """How likely each position is looked at; the last holds for all behind it."""

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """The features, in the order of the columns.

        No name has a character that LightGBM refuses, but fields keep theirs: hand it numbers.
        """
        return (
            *SCORE_FEATURES,
            *_QUERY_FEATURES,
            *HISTORY_FEATURES,
            *(name for field in self.texts for name in (f"found.{field}", f"match.{field}")),
            *(f"number.{field}" for field in self.numbers),
            *(f"category.{one.field}" for one in self.categories),
        )

    @property
    def categorical(self) -> tuple[int, ...]:
        """The columns whose numbers are codes."""
        n_features = len(self.names)
        return tuple(range(n_features - len(self.categories), n_features))

    def check_names(self, names: Sequence[str]) -> None:
        """Refuse a ranker that was trained on other columns.

        Raises:
            ConflictError: The columns are not `names`.
        """
        if tuple(names) != self.names:
            raise ConflictError(
                f"the ranker reads {len(names)} features, its {FEATURES_FILE} describes others",
                where=FEATURES_FILE,
                hint="Train it again, or bring its folder back from a copy.",
            )

    def to_json(self) -> bytes:
        """Write the specification."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    @classmethod
    def from_json(cls, text: bytes) -> FeatureSpec:
        """Read a specification.

        Raises:
            ConflictError: It cannot be read, or a newer version wrote it.
        """
        try:
            form = msgspec.json.decode(text, type=_Form).form
            if form > FORM:
                raise ConflictError(
                    f"the features have form {form}, this version knows {FORM}",
                    where=FEATURES_FILE,
                    hint="Open the model with the version that trained it, or a newer one.",
                )
            return msgspec.json.decode(text, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConflictError(
                "the features of the model cannot be read",
                where=FEATURES_FILE,
                hint="Train it again, or bring its folder back from a copy.",
            ) from error

    def save(self, folder: Path) -> None:
        """Write the specification into a model's folder."""
        (folder / FEATURES_FILE).write_bytes(self.to_json())

    @classmethod
    def load(cls, folder: Path) -> FeatureSpec:
        """Read the specification of a model.

        Raises:
            ConflictError: It is not there, cannot be read, or a newer version wrote it.
        """
        try:
            text = (folder / FEATURES_FILE).read_bytes()
        except OSError as error:
            raise ConflictError(
                "the model does not say which features it reads",
                where=str(folder / FEATURES_FILE),
                hint="Train it again, or bring its folder back from a copy.",
            ) from error
        return cls.from_json(text)


class _Form(msgspec.Struct):
    form: int = FORM
