"""JSON with places to fill: values are put in as values, never pasted into text."""

from __future__ import annotations

import re
from typing import Any, Final

from rankloop.events.refusals import escape_step

PLACEHOLDERS: Final = ("query", "limit", "offset")
"""What may be filled in."""

MAX_DEPTH: Final = 32
"""Most levels of a template."""

_WHOLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def fill(template: Any, values: dict[str, str | int]) -> Any:  # noqa: ANN401 any JSON
    """Replace every text that is a placeholder by its value.

    Example:
        >>> fill({"q": "{{query}}", "size": "{{limit}}"}, {"query": 'a "b"', "limit": 5})
        {'q': 'a "b"', 'size': 5}
    """
    if isinstance(template, dict):
        return {key: fill(value, values) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [fill(value, values) for value in template]
    if isinstance(template, str):
        found = _WHOLE.fullmatch(template)
        return values[found.group(1)] if found else template
    return template


def find_faults(template: object, pointer: str = "") -> list[tuple[str, str]]:
    """Find placeholders that are unknown or stand within a text, as pointers and sentences.

    A query pasted into a text could be read by the other engine as part of its own language.

    Example:
        >>> find_faults({"q": "title:({{query}})"})
        [('/q', '{{query}} must be the whole value, not part of a text')]
    """
    if pointer.count("/") > MAX_DEPTH:
        return [(pointer, f"a template nests at most {MAX_DEPTH} levels")]
    if isinstance(template, dict):
        faults = [
            (f"{pointer}/{escape_step(str(key))}", "a key holds no placeholder")
            for key in template
            if _WHOLE.search(str(key))
        ]
        for key, value in template.items():
            faults += find_faults(value, f"{pointer}/{escape_step(str(key))}")
        return faults
    if isinstance(template, list | tuple):
        return [
            fault
            for index, value in enumerate(template)
            for fault in find_faults(value, f"{pointer}/{index}")
        ]
    return _find_in_text(template, pointer) if isinstance(template, str) else []


def _find_in_text(text: str, pointer: str) -> list[tuple[str, str]]:
    """Find what is wrong with the placeholders of one text."""
    found = _WHOLE.search(text)
    if not found:
        return []
    if found.group(1) not in PLACEHOLDERS:
        known = ", ".join(PLACEHOLDERS)
        return [(pointer, f"there is no placeholder {found.group(1)!r}; known: {known}")]
    if found.group(0) != text:
        return [(pointer, f"{found.group(0)} must be the whole value, not part of a text")]
    return []
