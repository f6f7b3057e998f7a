"""How much a stage may be configured to do."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

MAX_CANDIDATES: Final = 10_000
"""Most documents that a stage hands on, and most that a caller may send to be re-ordered."""

MAX_TIMEOUT_MS: Final = 60_000.0
"""Longest time budget of a stage or a pipeline."""

TopK = Annotated[int, Meta(ge=1, le=MAX_CANDIDATES)]
"""How many documents."""

Weight = Annotated[float, Meta(ge=0.0, le=1e6)]
"""How much something counts, relative to something else."""

Share = Annotated[float, Meta(ge=0.0, le=1.0)]
"""A share, in [0, 1]."""
