"""Retrievers: every change a version, every version on record, the newest in use."""

import pytest

from rankloop.catalog.retrievers import RetrieverCatalog
from rankloop.errors import NotFoundError

BY_TEXT = {"stages": [{"type": "text_search", "top_k": 50}]}
BY_VECTOR = {"stages": [{"type": "vector_search", "top_k": 50}]}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "catalog.db"


@pytest.fixture
def catalog(path):
    moments = iter(range(1, 100))
    catalog = RetrieverCatalog(path, lambda: next(moments))
    yield catalog
    catalog.close()


def test_a_new_catalog_knows_no_retriever(catalog):
    assert catalog.find("products") is None
    assert catalog.in_use() == []


def test_every_change_is_a_new_version(catalog):
    first = catalog.put("products", BY_TEXT)
    second = catalog.put("products", BY_VECTOR)

    assert (first.name, second.name) == ("products@1", "products@2")
    assert catalog.find("products") == second
    assert catalog.versions("products") == [second, first]


def test_putting_the_same_again_is_no_change(catalog):
    first = catalog.put("products", {"stages": [], "signal_weights": {"click": 1.0}})

    assert catalog.put("products", {"signal_weights": {"click": 1.0}, "stages": []}) == first
    assert len(catalog.versions("products")) == 1


def test_an_old_version_is_restored_as_a_new_one(catalog):
    catalog.put("products", BY_TEXT)
    catalog.put("products", BY_VECTOR)

    restored = catalog.restore("products", 1)

    assert (restored.version, restored.restored_from) == (3, 1)
    assert restored.configuration == BY_TEXT
    assert catalog.find("products") == restored


def test_restoring_what_never_was_names_the_versions_there_are(catalog):
    catalog.put("products", BY_TEXT)

    with pytest.raises(NotFoundError, match="no version 7") as caught:
        catalog.restore("products", 7)

    assert caught.value.hint == "Its versions are 1 to 1."


def test_a_deleted_retriever_is_gone_and_its_numbers_are_not_used_again(catalog):
    catalog.put("products", BY_TEXT)
    catalog.delete("products")

    assert catalog.find("products") is None
    with pytest.raises(NotFoundError):
        catalog.versions("products")
    assert catalog.put("products", BY_TEXT).name == "products@2"


@pytest.mark.parametrize("ask", ["versions", "delete"])
def test_an_unknown_retriever_is_named(catalog, ask):
    with pytest.raises(NotFoundError, match="'products'"):
        getattr(catalog, ask)("products")


def test_what_is_in_use_survives_a_restart(path, catalog):
    kept = catalog.put("products", BY_TEXT)
    catalog.put("gone", BY_TEXT)
    catalog.delete("gone")

    again = RetrieverCatalog(path, lambda: 0)

    assert again.in_use() == [kept]
    again.close()


def test_what_was_put_cannot_be_changed_from_outside(catalog):
    configuration = {"stages": []}
    catalog.put("products", configuration)
    configuration["stages"].append("changed")

    assert catalog.find("products").configuration == {"stages": []}
