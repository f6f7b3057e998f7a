"""How large an event, a field and a batch may be."""

from __future__ import annotations

from typing import Final

MAX_BODY_BYTES: Final = 5 * 1024 * 1024
"""Most bytes of one capture request."""

MAX_BATCH_ITEMS: Final = 10_000
"""Most items of one capture request."""

MAX_IDENTIFIER_CHARACTERS: Final = 128
"""Most characters of an interaction, search, retriever, session or user id."""

MAX_DOCUMENT_ID_CHARACTERS: Final = 512
"""Most characters of a document id."""

MAX_QUERY_CHARACTERS: Final = 4_096
"""Most characters of a query."""

MAX_METADATA_BYTES: Final = 8 * 1024
"""Most bytes of an interaction's metadata (and of a search's filters), as JSON."""

MAX_TYPE_CHARACTERS: Final = 64
"""Most characters of a custom interaction type."""

MAX_TYPES_PER_INTERACTION: Final = 16
"""Most types of one interaction."""

MAX_RESULTS: Final = 1_000
"""Most results of one search."""

MAX_POSITION: Final = 1_000_000
"""Highest position: page offset and place together."""

MAX_TAGS: Final = 32
"""Most tags of one search."""

MAX_VALUE: Final = 1e12
"""Largest magnitude of a monetary value, in units of its currency."""

MAX_DURATION_MS: Final = 7 * 86_400_000.0
"""Longest dwell time that is believed, in milliseconds."""

EARLIEST_AT_US: Final = 946_684_800_000_000
"""2000-01-01T00:00:00Z in microseconds: an earlier event is rejected."""

MAX_AHEAD_US: Final = 24 * 3_600 * 1_000_000
"""How far ahead of its arrival an event may claim to be, in microseconds."""
