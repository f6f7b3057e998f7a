"""What every index of documents promises; subclass, build an index, inherit the tests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest

from rankloop.errors import InputError
from rankloop.indexing.base import Document, DocumentIndex
from rankloop.indexing.filter_matching import matches
from rankloop.indexing.filter_reading import read_filter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

EAST: Final = (1.0, 0.0, 0.0)
NORTH: Final = (0.0, 1.0, 0.0)
UP: Final = (0.0, 0.0, 1.0)


def build_document(
    document_id: str,
    text: str = "",
    vector: tuple[float, ...] | None = None,
    **payload: object,
) -> Document:
    """Build a document.

    Example:
        >>> build_document("d1", "red shoes", price=70).payload
        {'price': 70}
    """
    held = None if vector is None else np.array(vector, np.float32)
    return Document(document_id, text, held, payload)


def build_payloads(rng: np.random.Generator, count: int) -> list[dict[str, Any]]:
    """Make payloads whose fields hold anything that a field can hold."""
    values: list[Any] = [
        *(1, 2, 1.0, 2.5, -3, 2**53 + 1, 0, True, False, None, "", "a", "b", "2", "true", "A"),
        *("\x00true", "\x01x", "é" * 300, "2026-01-02", "2026-03-04", [], [None], ["a", "b"]),
        *([1, "a", None], [True], [[1]], [{"x": 1}], {}, {"x": 1}, {"x": ["a", 2]}, {"x": None}),
    ]
    names = ["a", "b", "c d", "e.f", 'q"q', "x"]
    return [
        {name: values[rng.integers(len(values))] for name in names if rng.random() < 0.8}
        for _ in range(count)
    ]


def build_filters(rng: np.random.Generator, count: int) -> list[dict[str, Any]]:
    """Make filters of every operator on the fields of `build_payloads`."""
    scalars: list[Any] = [1, 2, 2.5, -3, 0, 2**53 + 1, True, False, "", "a", "b", "2", "true"]
    scalars += ["\x00true", "\x01x", "é" * 300, "2026-02-01", "A"]
    fields = ["a", "b", "c d", "a.x", "b.x", "document_id", 'q"q', "x", "never"]
    orders = ["$gt", "$gte", "$lt", "$lte"]
    bounds: list[Any] = [one for one in scalars if not isinstance(one, bool)]

    def pick(options: list[Any]) -> Any:  # noqa: ANN401 whatever is in them
        return options[rng.integers(len(options))]

    def condition() -> dict[str, Any]:
        field, kind = pick(fields), rng.integers(5)
        if kind == 0:
            return {field: {pick(["$eq", "$ne"]): pick([*scalars, "d1", "d2"])}}
        if kind == 1:
            return {field: {pick(orders): pick(bounds)}}
        if kind == 2:
            chosen = [pick([*scalars, "d3", "d4"]) for _ in range(rng.integers(5))]
            return {field: {pick(["$in", "$nin"]): chosen}}
        if kind == 3:
            return {field: {"$exists": bool(rng.integers(2))}}
        return {"$not": condition()}

    def group() -> dict[str, Any]:
        parts = [condition() for _ in range(rng.integers(4))]
        return {pick(["$and", "$or"]): parts} if rng.integers(2) else condition()

    return [{"$and": [group(), group()]} if rng.integers(2) else group() for _ in range(count)]


class DocumentIndexContract(ABC):
    """What every `DocumentIndex` promises.

    Example::

        class TestMyIndex(DocumentIndexContract):
            def build(self, folder):
                return MyIndex(folder, dimension=3)
    """

    @abstractmethod
    def build(self, folder: Path) -> DocumentIndex:
        """Open an index of vectors of length 3 in a folder; twice over, the same one."""

    @pytest.fixture
    def index(self, tmp_path: Path) -> Iterator[DocumentIndex]:
        """An empty index."""
        with closing(self.build(tmp_path / "index")) as index:
            yield index

    def test_an_empty_index_finds_nothing(self, index: DocumentIndex) -> None:
        assert index.count() == 0
        assert index.search_text("anything", 10).document_ids == ()
        assert index.search_vector(_vector(EAST), 10).document_ids == ()
        assert index.document_ids() == []

    def test_words_find_documents_the_better_match_first(self, index: DocumentIndex) -> None:
        index.upsert(
            [
                build_document("d1", "a blue hat and a blue scarf and gloves"),
                build_document("d2", "a red hat"),
                build_document("d3", "a blue hat"),
            ]
        )
        found = index.search_text("blue hat", 10)
        assert set(found.document_ids[:2]) == {"d1", "d3"}
        assert found.document_ids[2] == "d2"
        assert (np.diff(found.scores) <= 0).all()

    def test_a_rare_word_counts_more_than_a_common_one(self, index: DocumentIndex) -> None:
        index.upsert([build_document(f"d{i}", "common shoes") for i in range(5)])
        index.upsert([build_document("rare", "unusual shoes")])
        assert index.search_text("unusual common", 10).document_ids[0] == "rare"

    def test_vectors_find_documents_by_cosine(self, index: DocumentIndex) -> None:
        index.upsert(
            [
                build_document("east", vector=(5.0, 0.0, 0.0)),
                build_document("north_east", vector=(1.0, 1.0, 0.0)),
                build_document("west", vector=(-1.0, 0.0, 0.0)),
                build_document("wordy", "no vector"),
            ]
        )
        found = index.search_vector(_vector(EAST), 10)
        assert found.document_ids == ("east", "north_east", "west")
        assert found.scores == pytest.approx([1.0, np.sqrt(0.5), -1.0], abs=1e-5)

    def test_equal_scores_stand_in_the_order_of_names(self, index: DocumentIndex) -> None:
        names = ["d3", "d1", "d4", "d2"]
        index.upsert([build_document(name, "same text", EAST) for name in names])
        for found in (index.search_text("text", 4), index.search_vector(_vector(EAST), 4)):
            assert found.document_ids == ("d1", "d2", "d3", "d4")

    def test_the_limit_is_kept_however_large(self, index: DocumentIndex) -> None:
        index.upsert([build_document(f"d{i}", "shoes", EAST) for i in range(5)])
        for limit, expected in ((0, 0), (2, 2), (10_000_000, 5)):
            assert len(index.search_text("shoes", limit).document_ids) == expected
            assert len(index.search_vector(_vector(EAST), limit).document_ids) == expected

    def test_a_document_of_the_same_name_takes_the_place(self, index: DocumentIndex) -> None:
        index.upsert([build_document("d1", "old words", EAST, price=1)])
        index.upsert([build_document("d1", "new text", None, brand="a")])
        assert index.count() == 1
        assert index.search_text("old words", 10).document_ids == ()
        assert index.search_text("text", 10).document_ids == ("d1",)
        assert index.search_vector(_vector(EAST), 10).document_ids == ()
        assert index.vectors(["d1"]) == {}
        assert index.payloads(["d1"]) == {"d1": {"brand": "a"}}
        assert index.count(read_filter({"price": 1})) == 0

    def test_of_two_with_one_name_the_last_counts(self, index: DocumentIndex) -> None:
        index.upsert([build_document("d1", "first"), build_document("d1", "second")])
        assert index.count() == 1
        assert index.search_text("second", 10).document_ids == ("d1",)

    def test_deleted_documents_are_gone(self, index: DocumentIndex) -> None:
        index.upsert([build_document(f"d{i}", "shoes", EAST) for i in range(4)])
        assert index.delete(["d1", "d2", "d1", "never"]) == 2
        assert index.search_text("shoes", 10).document_ids == ("d0", "d3")
        assert index.search_vector(_vector(EAST), 10).document_ids == ("d0", "d3")
        assert sorted(index.document_ids()) == ["d0", "d3"]
        assert index.payloads(["d1"]) == {}
        assert index.vectors(["d1"]) == {}
        index.upsert([build_document("d1", "shoes anew")])
        assert index.search_text("anew", 10).document_ids == ("d1",)

    def test_names_may_be_addresses_of_any_length_allowed(self, index: DocumentIndex) -> None:
        names = ["https://shop.example/ä?b=1&c=%20#d", "x" * 512, "Ω", "x" * 511]
        index.upsert([build_document(name, "page") for name in names])
        assert set(index.search_text("page", 10).document_ids) == set(names)
        assert index.delete([names[0]]) == 1
        assert index.count(read_filter({"document_id": {"$in": names}})) == 3

    def test_fields_come_back_as_they_were_sent(self, index: DocumentIndex) -> None:
        payload = {
            "price": 1.0,
            "id": 2**53 + 1,
            "tags": ["a", None, [1]],
            "deep": {"er": {"still": True}},
            "none": None,
            "text": "é ☃ \x00",
            "odd.name": {"": []},
        }
        index.upsert([Document("d1", "text", None, payload)])
        assert index.payloads(["d1", "never"]) == {"d1": payload}
        assert index.search_text("text", 1).payloads == (payload,)

    def test_vectors_come_back_at_unit_length(self, index: DocumentIndex) -> None:
        index.upsert([build_document("d1", vector=(3.0, 4.0, 0.0)), build_document("d2", "none")])
        vectors = index.vectors(["d1", "d2", "never"])
        assert list(vectors) == ["d1"]
        assert vectors["d1"] == pytest.approx([0.6, 0.8, 0.0])

    def test_whole_documents_come_back(self, index: DocumentIndex) -> None:
        index.upsert([build_document("d1", "some text", NORTH, price=3), build_document("d2")])
        by_name = {one.document_id: one for one in index.documents(["d2", "d1", "never"])}
        assert sorted(by_name) == ["d1", "d2"]
        assert by_name["d1"].text == "some text"
        assert by_name["d1"].payload == {"price": 3}
        assert by_name["d1"].vector == pytest.approx(NORTH)
        assert by_name["d2"].vector is None

    def test_a_filter_holds_for_all_that_is_found(self, index: DocumentIndex) -> None:
        index.upsert(
            [build_document(f"d{i}", "shoes", EAST, price=i, brand=f"b{i % 3}") for i in range(30)]
        )
        cheap = read_filter({"price": {"$lt": 10}, "brand": {"$in": ["b0", "b1"]}})
        expected = {f"d{i}" for i in range(10) if i % 3 != 2}
        assert set(index.search_text("shoes", 30, cheap).document_ids) == expected
        assert set(index.search_vector(_vector(EAST), 30, cheap).document_ids) == expected
        assert index.count(cheap) == len(expected)

    def test_thousands_of_documents_can_be_left_out(self, index: DocumentIndex) -> None:
        index.upsert([build_document(f"d{i}", "shoes", EAST) for i in range(50)])
        out = [f"d{i}" for i in range(45)] + [f"never{i}" for i in range(5_000)]
        left = read_filter({"document_id": {"$nin": out}})
        expected = ("d45", "d46", "d47", "d48", "d49")
        assert index.search_text("shoes", 10, left).document_ids == expected
        assert index.search_vector(_vector(EAST), 10, left).document_ids == expected

    def test_filters_hold_for_the_documents_that_they_match(self, index: DocumentIndex) -> None:
        rng = np.random.default_rng(7)
        payloads = {f"d{i}": one for i, one in enumerate(build_payloads(rng, 60))}
        half = len(payloads) // 2
        documents = [Document(name, "shoes", None, one) for name, one in payloads.items()]
        index.upsert(documents[:half])
        index.upsert(documents[half:])
        for sent in build_filters(rng, 300):
            filters = read_filter(sent)
            expected = {name for name, one in payloads.items() if matches(filters, name, one)}
            found = index.search_text("shoes", 100, filters)
            assert set(found.document_ids) == expected, sent
            assert index.count(filters) == len(expected), sent

    @pytest.mark.parametrize(
        "vector",
        [(1.0, 0.0), (1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (np.nan, 1.0, 0.0), (np.inf, 0.0, 0.0)],
        ids=["short", "long", "zero", "nan", "infinite"],
    )
    def test_a_vector_that_fits_not_is_refused(
        self, index: DocumentIndex, vector: tuple[float, ...]
    ) -> None:
        index.upsert([build_document("d1", "kept", EAST)])
        with pytest.raises(InputError) as of_search:
            index.search_vector(_vector(vector), 10)
        with pytest.raises(InputError) as of_upsert:
            index.upsert([build_document("d2", "good", UP), build_document("d3", vector=vector)])
        assert of_search.value.where == of_upsert.value.where == "/vector"
        assert index.document_ids() == ["d1"]

    def test_the_same_question_has_the_same_answer(self, index: DocumentIndex) -> None:
        rng = np.random.default_rng(3)
        words = [f"word{i}" for i in range(20)]
        index.upsert(
            [
                build_document(f"d{i}", " ".join(rng.choice(words, 5)), tuple(rng.normal(size=3)))
                for i in range(100)
            ]
        )
        question = _vector((0.3, 0.2, 0.1))
        assert _answer(index.search_text("word1 word2", 20)) == _answer(
            index.search_text("word1 word2", 20)
        )
        assert _answer(index.search_vector(question, 20)) == _answer(
            index.search_vector(question, 20)
        )

    def test_building_for_speed_changes_no_answer(self, index: DocumentIndex) -> None:
        index.upsert([build_document(f"d{i}", f"shoes {i}", EAST, price=i) for i in range(20)])
        before = _answer(index.search_text("shoes", 20, read_filter({"price": {"$gte": 5}})))
        index.flush()
        index.optimize()
        assert (
            _answer(index.search_text("shoes", 20, read_filter({"price": {"$gte": 5}}))) == before
        )


def _answer(found: Any) -> list[tuple[str, float, Mapping[str, Any]]]:  # noqa: ANN401 a Found
    """Return what was found in a form that compares."""
    return list(zip(found.document_ids, found.scores.tolist(), found.payloads, strict=True))


def _vector(numbers: tuple[float, ...]) -> NDArray[np.float32]:
    return np.array(numbers, np.float32)
