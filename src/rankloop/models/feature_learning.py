"""A specification of features learned from documents: which fields say something, and how."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from rankloop.models.feature_facts import to_name
from rankloop.models.feature_spec import EXAMINATION, CategoryField, FeatureSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

MAX_FIELDS: Final = 12
"""Most fields of each kind, those that most documents have."""

MAX_VALUES: Final = 64
"""Most values of a field that have a code of their own."""

_MIN_SHARE: Final = 0.05
"""Share of the documents that must have a field."""

_MAX_WORDS: Final = 12
"""Mean number of words up to which a field is compared with the query; beyond it is prose."""

_MAX_PLACES: Final = 512


def learn_features(
    payloads: Sequence[Mapping[str, Any]],
    examination: Sequence[float] = EXAMINATION,
    history_days: int = 90,
) -> FeatureSpec:
    """Choose the fields of documents that become features.

    A field is a number where nine in ten of its values are, a category where values return, and is
    compared with the query's words where it is text of a few words. The same documents give the
    same specification, in whatever order they come.

    Args:
        payloads: Fields of the documents.
        examination: How likely each position is looked at.
        history_days: Days of clicks before the day of the search.

    Example:
        >>> shop = [{"color": color, "price": 3} for color in ("blue", "red", "red")]
        >>> spec = learn_features(shop)
        >>> spec.texts, spec.numbers, spec.categories[0].values
        (('color',), ('price',), ('red', 'blue'))
    """
    fields: dict[str, list[Any]] = {}
    for payload in payloads:
        for name, value in payload.items():
            if value is not None:
                fields.setdefault(name, []).append(value)
    least = max(1.0, _MIN_SHARE * len(payloads))
    ranked = sorted(
        (name for name, values in fields.items() if len(values) >= least),
        key=lambda name: (-len(fields[name]), name),
    )
    categories = [
        CategoryField(name, values) for name in ranked if (values := _list_values(fields[name]))
    ]
    return FeatureSpec(
        texts=_pick(ranked, lambda name: _is_short_text(fields[name])),
        numbers=_pick(ranked, lambda name: _is_number(fields[name])),
        categories=tuple(categories[:MAX_FIELDS]),
        history_days=history_days,
        examination=tuple(map(float, examination[:_MAX_PLACES])),
    )


def _pick(names: Iterable[str], is_of_kind: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the first fields of a kind."""
    return tuple([name for name in names if is_of_kind(name)][:MAX_FIELDS])


def _is_number(values: Sequence[Any]) -> bool:
    """Say whether nine in ten values are numbers."""
    return sum(isinstance(value, int | float) for value in values) >= 0.9 * len(values)


def _is_short_text(values: Sequence[Any]) -> bool:
    """Say whether nine in ten values are texts or lists of them, of a few words."""
    texts = [_to_texts(value) for value in values]
    known = [text for text in texts if text is not None]
    if len(known) < 0.9 * len(values):
        return False
    return sum(len(text.split()) for text in known) <= _MAX_WORDS * len(known)


def _to_texts(value: object) -> str | None:
    """Join what a field says; None where it is not text."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return " ".join(value)
    return None


def _list_values(values: Sequence[Any]) -> tuple[str, ...]:
    """List the values that return, most frequent first; none where they do not."""
    names = [name for value in values if (name := to_name(value)) is not None]
    if len(names) < 0.9 * len(values):
        return ()
    counts = Counter(names)
    # A field in which hardly a value returns names documents, it does not sort them.
    if not 2 <= len(counts) <= max(0.5 * len(names), 2):
        return ()
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(name for name, _ in ranked[:MAX_VALUES])
