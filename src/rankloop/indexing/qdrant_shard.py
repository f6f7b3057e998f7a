"""Qdrant shards: made, opened, and optimized in a process of their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import qdrant_edge as qdrant

from rankloop.errors import InputError, UnavailableError
from rankloop.indexing.qdrant_fields import DENSE, TEXT

if TYPE_CHECKING:
    from pathlib import Path

LANGUAGES: Final = {
    name.lower(): getattr(qdrant.SnowballLanguage, name)
    for name in (
        *("Arabic", "Danish", "Dutch", "English", "Finnish", "French", "German", "Greek"),
        *("Hungarian", "Italian", "Norwegian", "Portuguese", "Romanian", "Russian", "Spanish"),
        *("Swedish", "Turkish"),
    )
}
"""Languages whose words are stemmed."""

_OPTIMIZE: Final = (
    "import os, sys, qdrant_edge as q; os.nice(10); s = q.EdgeShard.load(sys.argv[1]); "
    "s.optimize(); s.flush(); s.close()"
)


def create_shard(
    path: Path, language: str, dimension: int | None, graph_from_kib: int
) -> qdrant.EdgeShard:
    """Make an empty shard.

    Args:
        path: A folder that does not exist or is empty.
        language: A key of `LANGUAGES`.
        dimension: Length of the vectors; None where there are none yet.
        graph_from_kib: Vectors of fewer bytes are looked at one by one.

    Raises:
        InputError: The language is not known.
    """
    if language not in LANGUAGES:
        raise InputError(
            f"there is no language {language!r}",
            where="language",
            hint=f"Known: {', '.join(LANGUAGES)}.",
        )
    path.mkdir(parents=True, exist_ok=True)
    # A shard wants vectors of some kind; the sparse ones are never filled.
    config = qdrant.EdgeConfig(
        sparse_vectors={"none": qdrant.EdgeSparseVectorParams()},
        hnsw_config=qdrant.HnswIndexConfig(
            m=16, ef_construct=64, full_scan_threshold=graph_from_kib, max_indexing_threads=1
        ),
        optimizers=qdrant.EdgeOptimizersConfig(
            default_segment_number=1, indexing_threshold=graph_from_kib
        ),
    )
    shard = qdrant.EdgeShard.create(str(path), config)
    # Common words stay: who asks for "the who" finds them, and BM25 weighs them next to nothing.
    words = qdrant.TextIndexParams(
        tokenizer=qdrant.TokenizerType.Word,
        lowercase=True,
        stemmer=qdrant.SnowballParams(LANGUAGES[language]),
        scoring=True,
        enable_hnsw=False,
    )
    shard.update(qdrant.UpdateOperation.create_field_index(TEXT, words))
    if dimension is not None:
        add_vectors(shard, dimension)
    return shard


def load_shard(path: Path) -> qdrant.EdgeShard:
    """Open a shard; what a killed process had written is taken up from its log."""
    return qdrant.EdgeShard.load(str(path))


def add_vectors(shard: qdrant.EdgeShard, dimension: int) -> None:
    """Let a shard hold vectors of a length; nothing happens where it does."""
    shard.update(
        qdrant.UpdateOperation.create_dense_vector(DENSE, dimension, qdrant.Distance.Cosine)
    )


class ShardOptimizer:
    """Builds the graph of vectors of a shard that nobody has open, in another process.

    The library keeps the interpreter's lock while it builds, which at 100,000 documents takes
    minutes: in this process nothing else would run.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_stopped = False

    def run(self, path: Path) -> bool:
        """Optimize a shard; say whether it was done rather than stopped.

        Raises:
            UnavailableError: The process failed.
        """
        self._process = subprocess.Popen(  # noqa: S603 our own interpreter, our own words
            [sys.executable, "-c", _OPTIMIZE, str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if self._is_stopped:
            self._process.kill()
        status = self._process.wait()
        if self._is_stopped:
            return False
        if status:
            raise UnavailableError(f"optimizing an index failed with status {status}")
        return True

    def stop(self) -> None:
        """End the work under way, and any that comes after."""
        self._is_stopped = True
        if self._process is not None:
            self._process.kill()


def copy_shard(source: Path, target: Path) -> None:
    """Copy the files of a shard that nobody writes to meanwhile."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
