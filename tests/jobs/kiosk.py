"""A kiosk that shows cheap things first, before people who like things with stars."""

from itertools import combinations

import msgspec
import numpy as np

from rankloop.bias.cells import Pairs
from rankloop.bias.simulation import Simulation, SimulationConfig
from rankloop.bias.simulation_rankers import RankerConfig as NoiseConfig
from rankloop.bias.simulation_rows import RowConfig, iter_interaction_lines, iter_search_lines
from rankloop.bias.simulation_truth import Truth
from rankloop.wiring import open_engine

NAMES = """
amber birch cedar dune ember fjord grove heath inlet jetty kelp lagoon meadow nectar oasis pebble
quarry reef spruce tundra umber vale
"""
WORDS = NAMES.split()


class Kiosk:
    """Documents whose stars people like, before a ranker that shows the cheap ones first."""

    def __init__(self, n_queries=60, n_documents=12):
        rng = np.random.default_rng(4)
        n = n_queries * n_documents
        self.n_queries = n_queries
        self.stars = rng.integers(1, 6, n)
        self.prices = rng.uniform(1, 9, n).round(2)
        self.query = np.repeat(np.arange(n_queries), n_documents)
        self.texts = [f"{a} {b}" for a, b in combinations(WORDS, 2)][:n_queries]
        self.ids = np.array([f"d{number:04d}" for number in range(n)], dtype=object)

    def documents(self):
        for number, name in enumerate(self.ids):
            yield msgspec.json.encode(
                {
                    "document_id": str(name),
                    "text": self.texts[self.query[number]],
                    "payload": {
                        "stars": int(self.stars[number]),
                        "price": float(self.prices[number]),
                    },
                }
            )

    def simulate(self, n_searches, noise_sd):
        truth = Truth(
            pairs=Pairs(self.query, np.array(self.texts, dtype=object), self.ids),
            attraction=0.05 + 0.15 * (self.stars - 1),
            satisfaction=np.full(self.stars.size, 0.5),
            score=-self.prices / 2,
            popularity=np.full(self.n_queries, 1 / self.n_queries),
        )
        config = SimulationConfig(seed=3, n_searches=n_searches, n_weeks=4, n_people=800)
        return Simulation(truth, ranker=NoiseConfig(noise_sd=noise_sd), config=config)

    def write(self, path, n_searches, noise_sd):
        simulation = self.simulate(n_searches, noise_sd)
        log, rows = simulation.run(), RowConfig(retriever_id="kiosk")
        with path.open("wb") as file:
            for write in (iter_search_lines, iter_interaction_lines):
                file.writelines(line + b"\n" for line in write(log, simulation.config, rows))


def open_kiosk(folder, n_searches, noise_sd=0.6, **size):
    """Return a kiosk and an engine over `folder/data` that holds its documents and its log."""
    kiosk = Kiosk(**size)
    engine = open_engine(folder / "data")
    engine.documents.upsert("kiosk", list(kiosk.documents()))
    kiosk.write(folder / "log.ndjson", n_searches, noise_sd)
    assert engine.importer.run([folder / "log.ndjson"], "native").rejected == 0
    return kiosk, engine
