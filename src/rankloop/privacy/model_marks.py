"""Models that may have learned from somebody who is erased: found, and marked on record."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Final

from rankloop.catalog.models import Decision
from rankloop.errors import RankloopError
from rankloop.models.lineage import may_have_learned_from

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rankloop.models.shelf import ModelShelf
    from rankloop.store.base import EventStore

WHY: Final = "users were erased whom it may have learned from; train it again"


class ModelMarks:
    """Marks models whose training data held erased users.

    What a model learned cannot be taken out of it, so it is said, in the receipt and with the
    model, and training again from what is left makes it good.

    Args:
        store: Where the rows are.
        models: Every model.
    """

    def __init__(self, store: EventStore, models: ModelShelf) -> None:
        self._store = store
        self._models = models

    def find(self, user_key: str) -> list[str]:
        """Name the models that may have learned from a user; call it while the rows are there.

        A model whose manifest cannot be read may have learned from anybody.
        """
        spans = self._store.ask("user_spans", {"user_id": user_key}).to_pylist()
        seen = [span["last_at"].replace(tzinfo=UTC) for span in spans if span["n"]]
        if not seen:
            return []
        learned = []
        for record in self._models.catalog.list():
            try:
                manifest = self._models.folders.describe(record.model_id)
                is_touched = may_have_learned_from(manifest, user_key, max(seen))
            except RankloopError:
                is_touched = True
            if is_touched:
                learned.append(record.model_id)
        return learned

    def mark(self, model_ids: Sequence[str]) -> None:
        """Write down that models learned from somebody who is erased."""
        self._models.catalog.mark(model_ids, Decision("erasure", WHY))
