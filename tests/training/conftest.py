"""Simulated people who look by position and click by attraction, over grades that are known."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from rankloop.bias.cells import Cells

N_POSITIONS = 10


@dataclass(frozen=True)
class Collection:
    """Graded documents of some queries, and how a production ranker scores them."""

    grades: np.ndarray
    sizes: np.ndarray
    scores: np.ndarray

    @property
    def starts(self):
        """Where each query's documents begin."""
        return np.cumsum(self.sizes) - self.sizes

    @property
    def attraction(self):
        """Chance of a click if looked at: .1 for grade 0, 1 for grade 4."""
        return 0.1 + 0.9 * (2.0**self.grades - 1) / 15


@dataclass(frozen=True)
class Log:
    """What was shown and clicked, impression by impression, and the truth behind it."""

    collection: Collection
    document: np.ndarray
    position: np.ndarray
    clicked: np.ndarray
    week: np.ndarray
    examination: np.ndarray

    def to_cells(self, clicked=None):
        """Fold the log."""
        query = np.searchsorted(self.collection.starts, self.document, "right") - 1
        return Cells.from_columns(
            {
                "query_key": np.char.mod("q%04d", query).astype(object),
                "document_id": np.char.mod("d%06d", self.document).astype(object),
                "position": self.position,
                "week": self.week,
                "clicks": (self.clicked if clicked is None else clicked).astype(np.int64),
            }
        )

    def true_of(self, cells, values):
        """Return a value of each document in the order of the cells' pairs."""
        return values[[int(name[1:]) for name in cells.pairs.document_ids]]


def _make_collection(rng, n_queries=120, n_documents=15):
    """Make grades as in a ranking benchmark, and a ranker that has some idea of them."""
    grades = rng.choice(5, n_queries * n_documents, p=[0.3, 0.3, 0.22, 0.12, 0.06])
    sizes = np.full(n_queries, n_documents)
    return Collection(grades, sizes, 0.4 * grades + rng.standard_normal(grades.size))


def _simulate(collection, n_searches, rng, noise=0.5, eta=1.0, n_weeks=4):
    """Show lists of ten by the ranker's noisy scores to people of the position-based model."""
    examination = (1.0 + np.arange(N_POSITIONS)) ** -eta
    query = rng.integers(0, collection.sizes.size, n_searches)
    parts = []
    for k, (start, size) in enumerate(zip(collection.starts, collection.sizes, strict=True)):
        n = int((query == k).sum())
        depth = min(N_POSITIONS, size)
        noisy = collection.scores[start : start + size] + noise * rng.standard_normal((n, size))
        shown = start + np.argsort(-noisy, axis=1, kind="stable")[:, :depth]
        chance = examination[:depth] * collection.attraction[shown]
        parts.append(
            (
                shown.ravel(),
                np.tile(np.arange(depth), n),
                (rng.random(shown.shape) < chance).ravel(),
                np.repeat(rng.integers(0, n_weeks, n), depth),
            )
        )
    columns = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Log(collection, *columns, examination)


@pytest.fixture(scope="session")
def make_collection():
    """Return what makes a collection of made-up grades."""
    return _make_collection


@pytest.fixture(scope="session")
def simulate():
    """Return what simulates a log over a collection."""
    return _simulate


@pytest.fixture(scope="session")
def graded(shared_data: Path) -> Collection:
    """Return real grades of fifty queries, ranked by a model trained on twenty others."""
    import lightgbm

    folder = shared_data / "lambdarank"
    if not folder.is_dir():
        pytest.skip(f"the graded queries are absent: {folder}")
    grades, features, sizes = read_letor(folder, "test")
    other_grades, other_features, other_sizes = read_letor(folder, "train")
    n = int(other_sizes[:20].sum())
    taught = lightgbm.Dataset(other_features[:n], other_grades[:n], group=other_sizes[:20])
    parameters = {
        "objective": "lambdarank",
        "num_leaves": 7,
        "min_data_in_leaf": 5,
        "num_threads": 1,
        "verbose": -1,
    }
    ranker = lightgbm.train(parameters, taught, 30)
    return Collection(grades, sizes, ranker.predict(features, num_threads=1))


@pytest.fixture(scope="session")
def read_graded(shared_data: Path):
    """Return what reads grades, features and sizes of a part of LightGBM's ranking example."""
    folder = shared_data / "lambdarank"
    if not folder.is_dir():
        pytest.skip(f"the graded queries are absent: {folder}")
    return lambda part: read_letor(folder, part)


def read_letor(folder, part):
    """Read grades, features and the number of documents of each query."""
    sizes = np.loadtxt(folder / f"rank.{part}.query", dtype=int)
    grades, rows = [], []
    with gzip.open(folder / f"rank.{part}.gz", "rt") as lines:
        for line in lines:
            grade, *fields = line.split()
            row = np.zeros(301)
            for field in fields:
                number, value = field.split(":")
                row[int(number)] = float(value)
            grades.append(int(grade))
            rows.append(row)
    return np.array(grades), np.array(rows), sizes
