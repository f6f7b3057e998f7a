"""What features need of documents, read from the index once and kept while they stay the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from rankloop.models.feature_facts import DocumentFacts, read_document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rankloop.indexing.base import DocumentIndex
    from rankloop.models.feature_spec import FeatureSpec

MAX_BYTES: Final = 64 * 1024 * 1024
"""About how much memory the facts of one retriever's documents may take."""

_ABSENT_BYTES: Final = 200


class FactShelf:
    """Facts of documents, the least recently needed let go. Any thread may call.

    Args:
        index: Where the documents are.
        spec: How they are read.
        max_bytes: About how much memory the facts may take.
    """

    def __init__(self, index: DocumentIndex, spec: FeatureSpec, max_bytes: int = MAX_BYTES) -> None:
        self._index = index
        self._spec = spec
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._mark = index.changes.mark
        # None stands for a document that the index does not hold.
        self._kept: OrderedDict[str, DocumentFacts | None] = OrderedDict()
        self._n_bytes = 0

    def find(
        self, document_ids: Sequence[str], payloads: Mapping[str, Mapping[str, Any]]
    ) -> list[DocumentFacts]:
        """Return the facts of documents.

        Args:
            document_ids: The documents.
            payloads: Fields that came with them; read for those that the index does not hold.
        """
        with self._lock:
            self._forget_changed()
            mark = self._mark
            found = {name: self._kept[name] for name in document_ids if name in self._kept}
            for name in found:
                self._kept.move_to_end(name)
        missing = [name for name in document_ids if name not in found]
        if missing:
            found |= self._read(missing, mark)
        return [
            facts
            if (facts := found[name]) is not None
            else read_document(self._spec, "", payloads.get(name, {}))
            for name in document_ids
        ]

    def _read(self, names: Sequence[str], mark: int) -> dict[str, DocumentFacts | None]:
        """Read documents, and keep those that did not change meanwhile."""
        read: dict[str, DocumentFacts | None] = dict.fromkeys(names)
        for one in self._index.documents(names):
            read[one.document_id] = read_document(self._spec, one.text, one.payload, one.vector)
        with self._lock:
            _, changed = self._index.changes.since(mark)
            for name, facts in read.items():
                if changed is not None and name not in changed and name not in self._kept:
                    self._kept[name] = facts
                    self._n_bytes += _measure(facts)
            while self._n_bytes > self._max_bytes:
                self._n_bytes -= _measure(self._kept.popitem(last=False)[1])
        return read

    def _forget_changed(self) -> None:
        """Let go of what was written or removed since the last time."""
        self._mark, changed = self._index.changes.since(self._mark)
        if changed is None:
            self._kept.clear()
            self._n_bytes = 0
        for name in changed or ():
            if name in self._kept:
                self._n_bytes -= _measure(self._kept.pop(name))


def _measure(facts: DocumentFacts | None) -> int:
    """Return about how much memory facts take."""
    return _ABSENT_BYTES if facts is None else facts.n_bytes
