"""Vectors that were made before: kept on the disk, so that no text is paid for twice.

A vector is found by its model and a hash of its text; no text is kept. A failure half way loses
nothing that was made, and a damaged file is begun anew: everything in it can be made again.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from rankloop.errors import UnavailableError
from rankloop.telemetry import log_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

Side = Literal["query", "document"]
"""What a text is: some models embed the two in different ways."""

BATCH: Final = 64
"""Texts that are embedded, and kept, at a time: as many as one call to an endpoint takes."""

MAX_BYTES: Final = 1024 * 1024 * 1024
"""Most bytes of the file: 170,000 vectors of 1,536 numbers."""

_FORGET_SHARE: Final = 10
_ASKED_AT_ONCE: Final = 500

log = logging.getLogger(__name__)


class EmbeddingCache:
    """Vectors on the disk.

    Args:
        path: The file; made when the first vector is kept.
        max_bytes: Most bytes it may take; beyond, the vectors made first are forgotten.

    Example:
        >>> import pathlib, tempfile
        >>> cache = EmbeddingCache(pathlib.Path(tempfile.mkdtemp()) / "embeddings.db")
        >>> make = lambda texts: np.array([[len(text), 0.0] for text in texts], np.float32)
        >>> cache.embed("m", "query", ["ab", "abc", "ab"], make).tolist()
        [[2.0, 0.0], [3.0, 0.0], [2.0, 0.0]]
        >>> cache.embed("m", "query", ["abc"], lambda texts: 1 / 0).tolist()
        [[3.0, 0.0]]
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        self._path = path
        self._max_bytes = max_bytes

    def embed(
        self,
        model_id: str,
        side: Side,
        texts: Sequence[str],
        make: Callable[[Sequence[str]], NDArray[np.float32]],
        report: Callable[[float], None] = lambda _share: None,
    ) -> NDArray[np.float32]:
        """Return the vectors of texts; only those that are not known yet are made.

        Args:
            model_id: What makes them.
            side: What the texts are.
            texts: `[n]` texts; the same text is embedded once.
            make: Makes `[n, dimension]` vectors of texts.
            report: Told which share of the texts is done, in [0, 1].

        Returns:
            `[n, dimension]` float32; `[0, 0]` for no texts.

        Raises:
            UnavailableError: What makes vectors does not answer, or makes no numbers of one length.
                Everything before is kept.
        """
        keys = [_name(model_id, side, text) for text in texts]
        known = self._find(set(keys))
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        order = list(missing)
        for begin in range(0, len(order), BATCH):
            report(1.0 - (len(order) - begin) / max(1, len(set(keys))))
            batch = order[begin : begin + BATCH]
            made = _make(make, [missing[key] for key in batch], begin, len(order))
            known.update(zip(batch, made, strict=True))
            self._keep(zip(batch, made, strict=True))
        if order:
            self._forget()
        rows = [known[key] for key in keys]
        if len({row.size for row in rows}) > 1:
            # The endpoint serves another model under the same name now.
            self._drop()
            raise UnavailableError(
                f"{model_id!r} makes vectors of another length than before",
                where="embedder.model",
                hint="The vectors kept from before are forgotten now: start again.",
            )
        return np.stack(rows) if rows else np.empty((0, 0), np.float32)

    def _find(self, keys: set[bytes]) -> dict[bytes, NDArray[np.float32]]:
        """Return the vectors that are known."""
        if not keys or not self._path.exists():
            return {}
        found: dict[bytes, NDArray[np.float32]] = {}
        wanted = sorted(keys)
        try:
            with closing(self._open()) as file:
                for begin in range(0, len(wanted), _ASKED_AT_ONCE):
                    part = wanted[begin : begin + _ASKED_AT_ONCE]
                    marks = ",".join("?" * len(part))
                    rows = file.execute(
                        f"SELECT key, vector FROM vectors WHERE key IN ({marks})",  # noqa: S608 marks
                        part,
                    )
                    found.update((key, np.frombuffer(vector, "<f4")) for key, vector in rows)
        except sqlite3.DatabaseError:
            log_event(log, "embeddings_forgotten", logging.WARNING)
            self._drop()
            return {}
        return found

    def _keep(self, rows: Iterable[tuple[bytes, NDArray[np.float32]]]) -> None:
        """Keep vectors; where the disk does not take them, they are made again another time."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._open()) as file, file:
                file.executemany(
                    "INSERT OR IGNORE INTO vectors (key, vector) VALUES (?, ?)",
                    [(key, vector.astype("<f4").tobytes()) for key, vector in rows],
                )
        except (sqlite3.DatabaseError, OSError):
            log_event(log, "embeddings_not_kept", logging.WARNING)

    def _forget(self) -> None:
        """Forget the oldest until the rest fits."""
        try:
            with closing(self._open()) as file:
                while _used_bytes(file) > self._max_bytes:
                    with file:
                        file.execute(
                            "DELETE FROM vectors WHERE number IN (SELECT number FROM vectors "
                            "ORDER BY number LIMIT (SELECT COUNT(*) / ? + 1 FROM vectors))",
                            (_FORGET_SHARE,),
                        )
        except sqlite3.DatabaseError:
            log_event(log, "embeddings_not_kept", logging.WARNING)

    def _open(self) -> sqlite3.Connection:
        """Open the file; a transaction in it survives the death of the process."""
        file = sqlite3.connect(self._path, timeout=30.0)
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("PRAGMA synchronous = NORMAL")
        file.execute(
            "CREATE TABLE IF NOT EXISTS vectors "
            "(number INTEGER PRIMARY KEY, key BLOB UNIQUE NOT NULL, vector BLOB NOT NULL)"
        )
        return file

    def _drop(self) -> None:
        """Begin anew."""
        for ending in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)


def _name(model_id: str, side: Side, text: str) -> bytes:
    """Name a vector by what it was made of."""
    return hashlib.blake2b("\x1f".join((model_id, side, text)).encode(), digest_size=16).digest()


def _make(
    make: Callable[[Sequence[str]], NDArray[np.float32]],
    texts: Sequence[str],
    n_done: int,
    n_all: int,
) -> NDArray[np.float32]:
    """Make a batch, and make sure of it."""
    try:
        made = make(texts)
    except UnavailableError as error:
        raise UnavailableError(
            f"{error}, after {n_done:,} of {n_all:,} texts",
            where=error.where,
            hint="What was embedded is kept: start again, and it goes on from there.",
        ) from error
    if made.ndim != 2 or len(made) != len(texts) or not np.isfinite(made).all():
        raise UnavailableError(
            f"the embedder makes {made.shape} numbers of {len(texts)} texts, or not all are finite",
            where="embedder",
        )
    return made


def _used_bytes(file: sqlite3.Connection) -> int:
    """Return what the rows take; what was deleted is used again and does not count."""
    size, pages, free = (
        int(file.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_size", "page_count", "freelist_count")
    )
    return size * (pages - free)
