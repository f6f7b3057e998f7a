import json
import threading
import time
from contextlib import closing

import numpy as np
import pytest

from rankloop.errors import ConflictError, InputError, UnavailableError
from rankloop.indexing.embedder_openai import EndpointConfig
from rankloop.indexing.embedders import EmbedderSpec
from rankloop.indexing.library import Library, to_folder_name
from rankloop.indexing.retriever_index import RetrieverIndex
from rankloop.testing.index_contract import EAST, DocumentIndexContract, build_document


class TestRetrieverIndex(DocumentIndexContract):
    def build(self, folder):
        index = RetrieverIndex(folder, "products", lambda _spec: None)
        index.make(EmbedderSpec(dimension=3))
        return index


def encode(**body):
    return json.dumps(body).encode()


def items(*names, text="red shoes"):
    return [encode(document_id=name, text=f"{text} {name}") for name in names]


@pytest.fixture
def specs():
    return {}


@pytest.fixture
def build(tmp_path, specs, embedding_server):
    def build():
        endpoint = EndpointConfig(
            embedding_server.base_url, batch_size=8, max_retries=0, timeout_s=60, query_timeout_s=60
        )
        return Library(tmp_path / "indexes", specs.get, {"openai": endpoint})

    return build


@pytest.fixture
def library(build):
    with closing(build()) as library:
        yield library


SMALL = EmbedderSpec("openai", "text-embedding-3-small")
LARGE = EmbedderSpec("openai", "text-embedding-3-large")


def wait_for(library, retriever_id="products"):
    deadline = time.monotonic() + 60
    while library.is_busy(retriever_id) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not library.is_busy(retriever_id)


def test_a_retriever_without_documents_has_no_files_and_finds_nothing(library, tmp_path):
    index = library.open("products")
    assert index.search_text("shoes", 10).document_ids == ()
    assert index.search_vector(np.ones(3, np.float32), 10).document_ids == ()
    assert (index.count(), index.dimension, index.embedder, index.payloads(["d1"])) == (
        0,
        None,
        None,
        {},
    )
    assert library.delete("products", ["d1"]) == 0
    assert not (tmp_path / "indexes").exists()


def test_documents_are_found_after_an_upload_and_after_a_restart(library, build):
    assert library.upsert("products", items("d1", "d2")).accepted == 2
    assert library.open("products").search_text("shoe", 10).document_ids == ("d1", "d2")
    assert library.delete("products", ["d1", "never"]) == 1
    library.close()
    with closing(build()) as again:
        assert again.open("products").search_text("shoe", 10).document_ids == ("d2",)
        assert again.open("other").count() == 0


def test_every_item_gets_a_verdict_of_its_own(library):
    verdict = library.upsert(
        "products",
        [
            *items("d1", "d2"),
            b"{",
            encode(document_id="d3", vector=[1.0, 2.0]),
            encode(document_id="d4", vector=[1.0, 2.0, 3.0]),
            *items("d1", text="blue hat"),
            encode(document_id="d5", text="a", payload={"n": 1e400}),
        ],
    )
    assert (verdict.accepted, verdict.duplicate, verdict.duplicates) == (3, 1, [0])
    assert [(one.index, one.code, one.pointer) for one in verdict.rejected] == [
        (2, "malformed_json", ""),
        (4, "wrong_dimension", "/vector"),
        (6, "malformed_json", ""),
    ]
    assert library.open("products").search_text("blue", 10).document_ids == ("d1",)


def test_an_upload_of_nothing_is_no_error(library):
    assert library.upsert("products", []).accepted == 0


def test_odd_names_of_retrievers_are_kept_apart(library, tmp_path):
    names = ["Shop", "shop", "../shop", "a/b", "x" * 128, "~shop", "ö"]
    for name in names:
        library.upsert(name, items("d1", text=name))
    assert len({to_folder_name(name).casefold() for name in names}) == len(names)
    assert len(list((tmp_path / "indexes").iterdir())) == len(names)
    assert [path.name for path in tmp_path.iterdir()] == ["indexes"]


def test_a_dropped_retriever_leaves_nothing(library, tmp_path):
    library.upsert("products", items("d1"))
    wait_for(library)
    library.drop("products")
    assert list((tmp_path / "indexes").iterdir()) == []
    assert library.open("products").count() == 0


def test_texts_are_embedded_and_found_by_meaning(library, specs, embedding_server):
    specs["products"] = SMALL
    upload = [
        encode(document_id="cat", text="a kitten lay on a rug"),
        encode(document_id="money", text="stock markets fell"),
        encode(document_id="own", text="brings its own", vector=[1.0] + [0.0] * 383),
    ]
    assert library.upsert("products", upload).accepted == 3
    index = library.open("products")
    assert (index.dimension, index.model_id) == (384, "text-embedding-3-small")
    assert sum(call["n"] for call in embedding_server.calls) == 3  # one asks for the length
    vector = index.embedder.embed_queries(["the cat sat on the mat"])[0]
    assert index.search_vector(vector, 10).document_ids[0] == "cat"


def test_an_embedder_that_is_down_rejects_what_needs_it_and_takes_the_rest(
    library, specs, embedding_server
):
    specs["products"] = SMALL
    library.upsert("products", items("before"))
    embedding_server.behave(statuses=[200, 500])
    own = encode(document_id="own", text="own vector", vector=[1.0] + [0.0] * 383)
    verdict = library.upsert("products", [*items(*(f"d{i}" for i in range(300))), own])
    codes = {one.code for one in verdict.rejected}
    assert codes == {"embedder_unavailable"}
    assert (verdict.accepted, len(verdict.rejected)) == (1, 300)
    assert len(embedding_server.calls) == 2  # and none more after it failed
    assert library.open("products").search_text("own", 10).document_ids == ("own",)


def test_an_index_is_not_begun_with_an_embedder_that_is_down(library, specs, embedding_server):
    specs["products"] = SMALL
    embedding_server.behave(statuses=[500] * 9)
    with pytest.raises(UnavailableError, match="status 500"):
        library.upsert("products", items("d1"))
    embedding_server.behave()
    assert library.upsert("products", items("d1")).accepted == 1
    assert library.open("products").dimension == 384


def test_vectors_of_another_length_than_the_embedders_are_refused(library, specs):
    specs["products"] = SMALL
    verdict = library.upsert("products", [encode(document_id="d1", text="a", vector=[1.0, 2.0])])
    assert [(one.code, one.pointer) for one in verdict.rejected] == [("wrong_dimension", "/vector")]
    assert "384" in verdict.rejected[0].detail


def test_another_embedder_fills_another_index_that_takes_the_place(
    library, specs, embedding_server, build, tmp_path
):
    library.upsert("products", items("d1", "d2", "d3"))
    index = library.open("products")
    assert index.vectors(["d1"]) == {}
    for spec in (SMALL, LARGE):
        specs["products"] = spec
        library.refresh("products")
        wait_for(library)
        assert library.failure("products") is None
        assert (index.model_id, index.spec) == (spec.model, spec)
        assert sorted(index.vectors(["d1", "d2", "d3"])) == ["d1", "d2", "d3"]
        assert index.search_text("shoes", 10).document_ids == ("d1", "d2", "d3")
    specs["products"] = None
    library.refresh("products")
    wait_for(library)
    assert (index.model_id, index.embedder, index.vectors(["d1"])) == (None, None, {})
    library.close()
    assert [path.name for path in (tmp_path / "indexes" / "products").glob("index-*")] == [
        "index-4"
    ]
    with closing(build()) as again:
        assert again.open("products").count() == 3


def test_what_is_written_while_documents_are_embedded_is_carried_over(tmp_path):
    class Slow:
        model_id, dimension = "slow", 2
        is_asked, may_go_on = threading.Event(), threading.Event()

        def embed_documents(self, texts):
            self.is_asked.set()
            assert self.may_go_on.wait(60)
            return np.tile(np.float32([0.6, 0.8]), (len(texts), 1))

        embed_queries = embed_documents

    slow, spec = Slow(), EmbedderSpec("local", "slow")
    index = RetrieverIndex(tmp_path, "products", lambda one: slow if one == spec else None)
    index.upsert([build_document(f"d{i}", f"text {i}", EAST) for i in range(5)])
    embedding = threading.Thread(target=index.embed_anew, args=[spec])
    embedding.start()
    assert slow.is_asked.wait(60)
    index.delete(["d0"])
    index.upsert([build_document("d1", "changed"), build_document("d9", "new")])
    assert index.search_vector(np.float32(EAST), 10).document_ids == ("d2", "d3", "d4")
    slow.may_go_on.set()
    embedding.join()
    assert sorted(index.document_ids()) == ["d1", "d2", "d3", "d4", "d9"]
    assert index.search_text("changed", 10).document_ids == ("d1",)
    assert index.vectors(["d9"])["d9"] == pytest.approx([0.6, 0.8])
    assert (index.dimension, index.model_id) == (2, "slow")
    index.close()


def test_an_embedder_that_fails_half_way_leaves_the_index_as_it_was(
    library, specs, embedding_server, tmp_path
):
    specs["products"] = SMALL
    library.upsert("products", items(*(f"d{i}" for i in range(20))))
    wait_for(library)
    specs["products"] = LARGE
    embedding_server.behave(statuses=[200, 200, 500])
    library.refresh("products")
    wait_for(library)
    index = library.open("products")
    assert isinstance(library.failure("products"), UnavailableError)
    assert index.model_id == "text-embedding-3-small"
    assert len(index.vectors([f"d{i}" for i in range(20)])) == 20
    assert [path.name for path in (tmp_path / "indexes" / "products").glob("index-*")] == [
        "index-1"
    ]
    embedding_server.behave()
    library.refresh("products")
    wait_for(library)
    assert library.failure("products") is None
    assert index.model_id == "text-embedding-3-large"


def test_another_model_under_the_same_name_is_not_asked(tmp_path):
    class Model:
        dimension = 2

        def __init__(self, model_id):
            self.model_id = model_id

        def embed_documents(self, texts):
            return np.tile(np.float32([0.6, 0.8]), (len(texts), 1))

        embed_queries = embed_documents

    spec = EmbedderSpec("local", "model")
    with closing(RetrieverIndex(tmp_path, "products", lambda _one: Model("model@1"))) as index:
        index.make(spec)
        index.upsert([build_document("d1", "text")])
    with closing(RetrieverIndex(tmp_path, "products", lambda _one: Model("model@2"))) as index:
        with pytest.raises(
            ConflictError, match="filled by 'model@1', and the model is 'model@2' now"
        ):
            index.embedder.embed_queries(["a"])
        index.embed_anew(spec)
        assert index.model_id == "model@2"


def test_an_embedder_that_cannot_be_built_is_said_at_once(library, specs):
    specs["products"] = EmbedderSpec("openai")
    with pytest.raises(InputError, match="names its model"):
        library.upsert("products", items("d1"))
    assert library.open("products").spec is None


def test_closed_indexes_are_not_opened_again(build):
    library = build()
    library.upsert("products", items("d1"))
    library.close()
    library.close()
    with pytest.raises(UnavailableError, match="closed"):
        library.open("products")


def test_the_texts_of_documents_are_known(library):
    library.upsert("products", items("d1", "d2"))
    assert library.texts("products", ["d2", "never"]) == {"d2": "red shoes d2"}
    assert library.texts("other", ["d2"]) == {}
