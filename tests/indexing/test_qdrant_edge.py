import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import closing

import numpy as np
import pytest

from rankloop.errors import ConflictError, InputError, NewerFolderError
from rankloop.indexing.filter_reading import read_filter
from rankloop.indexing.qdrant_edge import IndexConfig, QdrantEdgeIndex
from rankloop.testing.index_contract import (
    EAST,
    NORTH,
    DocumentIndexContract,
    build_document,
)


class TestQdrantEdgeIndex(DocumentIndexContract):
    def build(self, folder):
        return QdrantEdgeIndex(folder, IndexConfig(dimension=3))


SMALL_GRAPHS = IndexConfig(graph_from_kib=50)


def build_many(count, dimension=8, begin=0):
    vectors = np.random.default_rng(begin).normal(size=(count, dimension))
    return [
        build_document(f"d{begin + i}", f"word{(begin + i) % 7}", tuple(vector), n=begin + i)
        for i, vector in enumerate(vectors)
    ]


def test_an_index_is_the_same_after_it_was_closed(tmp_path):
    with closing(QdrantEdgeIndex(tmp_path)) as index:
        index.upsert([build_document("d1", "red shoes", EAST, n=1), build_document("d2", "hat")])
        index.upsert([build_document("d3", "red hat", NORTH)])
        index.delete(["d2"])
    with closing(QdrantEdgeIndex(tmp_path)) as index:
        assert sorted(index.document_ids()) == ["d1", "d3"]
        assert index.search_text("red", 10).document_ids == ("d1", "d3")
        assert index.vectors(["d3"])["d3"].tolist() == list(NORTH)
        index.upsert([build_document("d4", "in the row that d2 left", EAST)])
        assert index.payloads(["d1"]) == {"d1": {"n": 1}}
        assert sorted(index.vectors(["d1", "d2", "d3", "d4"])) == ["d1", "d3", "d4"]


def test_closing_twice_does_nothing_more(tmp_path):
    index = QdrantEdgeIndex(tmp_path)
    index.close()
    index.close()
    with closing(QdrantEdgeIndex(tmp_path)) as again:
        assert again.count() == 0


def test_the_first_vector_decides_the_dimension_for_good(tmp_path):
    with closing(QdrantEdgeIndex(tmp_path)) as index:
        assert index.dimension is None
        with pytest.raises(InputError, match="no vectors"):
            index.search_vector(np.ones(3, np.float32), 1)
        index.upsert([build_document("d1", "first without"), build_document("d2", vector=EAST)])
        assert index.dimension == 3
    with closing(QdrantEdgeIndex(tmp_path)) as index:
        assert index.dimension == 3
        with pytest.raises(InputError, match="length 2, the index holds vectors of 3"):
            index.upsert([build_document("d3", vector=(1.0, 2.0))])


def test_vectors_of_two_lengths_do_not_found_an_index(tmp_path):
    with closing(QdrantEdgeIndex(tmp_path)) as index:
        both = [build_document("d1", vector=(1.0, 2.0)), build_document("d2", vector=EAST)]
        with pytest.raises(InputError, match=r"lengths \[2, 3\]"):
            index.upsert(both)
        assert (index.dimension, index.count()) == (None, 0)


def test_another_model_is_refused_and_both_are_named(tmp_path):
    QdrantEdgeIndex(tmp_path, IndexConfig("model-a", 3)).close()
    with pytest.raises(ConflictError, match=r"filled by 'model-a', not by 'model-b'") as caught:
        QdrantEdgeIndex(tmp_path, IndexConfig("model-b", 3))
    assert caught.value.where == "embedder.model"
    with pytest.raises(ConflictError, match="length 3, not 4") as caught:
        QdrantEdgeIndex(tmp_path, IndexConfig("model-a", 4))
    assert caught.value.where == "embedder.dimension"
    with closing(QdrantEdgeIndex(tmp_path)) as index:
        assert (index.model_id, index.dimension) == ("model-a", 3)


def test_an_index_of_a_newer_version_is_left_alone(tmp_path):
    QdrantEdgeIndex(tmp_path).close()
    path = tmp_path / "index.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    with pytest.raises(NewerFolderError, match="format 99"):
        QdrantEdgeIndex(tmp_path)


def test_a_language_without_a_stemmer_is_refused(tmp_path):
    with pytest.raises(InputError, match="no language 'klingon'"):
        QdrantEdgeIndex(tmp_path, IndexConfig(language="klingon"))


def test_words_of_other_languages_are_stemmed_their_way(tmp_path):
    with closing(QdrantEdgeIndex(tmp_path, IndexConfig(language="german"))) as index:
        index.upsert([build_document("d1", "rote Häuser am Fluss")])
        assert index.search_text("haus", 10).document_ids == ("d1",)


def test_a_number_that_is_none_is_refused_with_its_place(tmp_path):
    with closing(QdrantEdgeIndex(tmp_path)) as index:
        with pytest.raises(InputError, match="finite") as caught:
            index.upsert([build_document("d1", sizes=[1, float("nan")])])
        assert caught.value.where == "/payload/sizes/1"


def test_the_graph_of_vectors_is_built_and_finds_what_looking_finds(tmp_path):
    documents = build_many(6_000)
    matrix = np.array([one.vector / np.linalg.norm(one.vector) for one in documents])
    with closing(QdrantEdgeIndex(tmp_path, SMALL_GRAPHS)) as index:
        index.upsert(documents)
        assert index.optimize() is True
        assert index.optimize() is False
        assert [path.name for path in tmp_path.glob("shard-*")] == ["shard-2"]
        found, expected = set(), set()
        for question in np.random.default_rng(9).normal(size=(20, 8)).astype(np.float32):
            found |= {(question[0], one) for one in index.search_vector(question, 10).document_ids}
            best = np.argsort(-(matrix @ question))[:10]
            expected |= {(question[0], f"d{place}") for place in best}
        assert len(found & expected) / len(expected) > 0.95
    with closing(QdrantEdgeIndex(tmp_path, SMALL_GRAPHS)) as index:
        assert index.count() == 6_000
        assert index.optimize() is False


def test_what_is_written_while_the_graph_is_built_is_kept(tmp_path, monkeypatch):
    with closing(QdrantEdgeIndex(tmp_path, SMALL_GRAPHS)) as index:
        index.upsert(build_many(6_000))
        is_copied, is_written = threading.Event(), threading.Event()
        run = index._optimizer.run

        def run_slowly(path):
            is_copied.set()
            assert is_written.wait(60)
            return run(path)

        monkeypatch.setattr(index._optimizer, "run", run_slowly)
        building = threading.Thread(target=index.optimize)
        building.start()
        assert is_copied.wait(60)
        index.delete(["d1", "d2"])
        index.upsert(build_many(10, begin=7_000))
        index.upsert([build_document("d3", "changed", EAST * 2 + (0.0, 0.0), n=-1)])
        index.upsert([build_document("d7000", "changed")])
        is_written.set()
        building.join()
        assert [path.name for path in tmp_path.glob("shard-*")] == ["shard-2"]
        check_late_writes(index)
    with closing(QdrantEdgeIndex(tmp_path)) as index:
        check_late_writes(index)


def check_late_writes(index):
    assert index.count() == 6_008
    assert index.search_text("changed", 10).document_ids == ("d3", "d7000")
    assert index.payloads(["d1", "d3"]) == {"d3": {"n": -1}}
    assert index.count(read_filter({"n": {"$gte": 7_000}})) == 9
    assert sorted(index.vectors(["d2", "d7000", "d7001"])) == ["d7001"]
    nearest = index.vectors(["d7001"])["d7001"]
    assert index.search_vector(nearest, 1).document_ids == ("d7001",)


def test_closing_ends_the_building_of_the_graph(tmp_path):
    index = QdrantEdgeIndex(tmp_path, SMALL_GRAPHS)
    index.upsert(build_many(20_000))
    building = threading.Thread(target=index.optimize)
    building.start()
    index.close()
    building.join(30)
    assert not building.is_alive()
    with closing(QdrantEdgeIndex(tmp_path)) as again:
        assert again.count() == 20_000
        assert len(list(tmp_path.glob("shard-*"))) == 1


KILLED = """
import sys
from pathlib import Path
import numpy as np
from rankloop.indexing.qdrant_edge import QdrantEdgeIndex
from rankloop.testing.index_contract import build_document

index = QdrantEdgeIndex(Path(sys.argv[1]))
for batch in range(10_000):
    names = range(batch * 5, batch * 5 + 5)
    index.upsert([build_document(f"d{i}", f"word w{i}", (1.0, float(i)), n=i) for i in names])
    index.upsert([build_document("same", f"batch b{batch}", (1.0, float(batch)), n=batch)])
    if batch % 2:
        index.delete([f"d{batch * 5}"])
    print(batch, flush=True)
"""


def test_what_was_acknowledged_survives_a_kill(tmp_path):
    with closing(QdrantEdgeIndex(tmp_path)) as index:
        index.upsert([build_document("before", "closed once", (3.0, 4.0))])
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while int(process.stdout.readline()) < 60:
            pass
        os.kill(process.pid, signal.SIGKILL)
        last = int(["60", *process.stdout.read().split()][-1])
    with closing(QdrantEdgeIndex(tmp_path)) as index:
        expected = {f"d{i}" for i in range(last * 5 + 5)}
        expected -= {f"d{batch * 5}" for batch in range(1, last + 1, 2)}
        assert expected <= set(index.document_ids())
        assert index.search_text(f"w{last * 5 + 1}", 1).document_ids == (f"d{last * 5 + 1}",)
        vectors = index.vectors([*expected, "same", "before"])
        assert vectors["before"] == pytest.approx([0.6, 0.8])
        for name in expected:
            i = int(name[1:])
            assert vectors[name] == pytest.approx(np.array([1.0, i]) / np.hypot(1.0, i))
        n_same = index.payloads(["same"])["same"]["n"]
        assert n_same >= last
        assert vectors["same"][1] == pytest.approx(n_same / np.hypot(1.0, n_same))
