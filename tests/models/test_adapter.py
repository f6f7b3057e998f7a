"""Adapters: a step of queries, kept in a folder, refused where it does not fit."""

from datetime import UTC, datetime

import numpy as np
import pytest

from rankloop.errors import ConflictError, InputError
from rankloop.models.adapter import QueryAdapter
from rankloop.models.manifest import Manifest

QUARTER_TURN = np.array([[0.0, -1.0], [1.0, 0.0]], np.float32)


def manifest(base="m", dimension=2):
    return Manifest(
        model_id="a1",
        kind="adapter",
        retriever_id="products",
        base=base,
        dimension=dimension,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        code_version="0.1",
    )


def residual(share=1.0, shift=(0.0, 0.0)):
    up, down = np.array([[0.0], [1.0]], np.float32), np.array([[1.0], [0.0]], np.float32)
    return QueryAdapter("m", 2, share, up=up, down=down, shift=np.array(shift, np.float32))


def anchored(width=0.5):
    anchors, steps = np.array([[1.0, 0.0]], np.float32), np.array([[-1.0, 1.0]], np.float32)
    return QueryAdapter("m", 2, anchors=anchors, steps=steps, width=width)


def test_a_query_takes_the_step_of_the_anchor_it_stands_on():
    assert anchored().apply(np.array([[1, 0]], np.float32)).tolist() == [[0, 1]]


def test_a_query_further_off_takes_less_of_the_step():
    # |q - a|² = 2 (1 - 0.6) = 0.8, so the share taken is exp(-0.8 / (2 · 0.25)) = 0.2019.
    moved = anchored().apply(np.array([[0.6, 0.8]], np.float32))[0]
    by_hand = np.array([0.6 - 0.2019, 0.8 + 0.2019])
    assert moved == pytest.approx(by_hand / np.linalg.norm(by_hand), abs=1e-4)


def test_a_matrix_moves_a_query():
    moved = QueryAdapter("m", 2, matrix=QUARTER_TURN).apply(np.array([[1, 0]], np.float32))

    assert moved.tolist() == [[0, 1]]


def test_a_residual_is_added_to_the_query_and_brought_to_length_one():
    # q + up (down·q) + shift = (1, 0) + (0, 1) + (0, 1/3) = (1, 4/3), of length 5/3.
    moved = residual(shift=(0, 1 / 3)).apply(np.array([[1, 0]], np.float32))

    assert moved[0] == pytest.approx([0.6, 0.8])


def test_share_0_leaves_every_query_where_it_is():
    queries = np.array([[0.6, 0.8], [1, 0]], np.float32)

    assert np.array_equal(residual(share=0.0).apply(queries), queries)


def test_documents_are_scored_by_a_blend_of_both_cosines():
    query = np.array([[0.6, 0.8]], np.float32)
    documents = np.array([[1, 0], [0, 1], [0.8, -0.6]], np.float32)
    old, new = documents @ query[0], documents @ residual().apply(query)[0]

    blended = documents @ residual(share=0.3).apply(query)[0]

    by_hand = 0.7 * old + 0.3 * new
    assert blended == pytest.approx(by_hand * (blended[0] / by_hand[0]), abs=1e-6)


def test_a_query_that_would_be_moved_to_nothing_stays():
    adapter = QueryAdapter("m", 2, matrix=np.zeros((2, 2), np.float32))

    assert adapter.apply(np.array([[0.6, 0.8]], np.float32))[0] == pytest.approx([0.6, 0.8])


@pytest.mark.parametrize(
    "adapter",
    [QueryAdapter("m", 2, 0.25, matrix=QUARTER_TURN), residual(0.5, (0.1, 0.2)), anchored()],
    ids=["matrix", "residual", "anchors"],
)
def test_what_was_saved_is_read_back_and_moves_alike(adapter, tmp_path):
    adapter.save(tmp_path)
    read = QueryAdapter.load(tmp_path, manifest())

    queries = np.array([[0.6, 0.8], [1, 0]], np.float32)
    assert np.array_equal(read.apply(queries), adapter.apply(queries))
    assert read.share == adapter.share


def test_the_same_adapter_makes_the_same_files(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        residual().save(tmp_path / name)

    a, b = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "ab")
    assert a == b


def test_an_index_of_another_model_is_refused_with_both_named():
    with pytest.raises(ConflictError, match=r"'m'.*'other'"):
        residual().check_fits("other", 2)


def test_an_index_of_another_length_is_refused_with_both_named():
    with pytest.raises(ConflictError, match=r"of 2.*of 384"):
        residual().check_fits("m", 384)


def test_an_index_that_nobody_filled_by_a_model_is_judged_by_its_length_alone():
    residual().check_fits(None, 2)
    with pytest.raises(ConflictError, match="of 3"):
        residual().check_fits(None, 3)


def test_vectors_of_another_length_are_refused():
    with pytest.raises(ConflictError, match="of 2, these have 3"):
        residual().apply(np.ones((1, 3), np.float32))


def test_an_adapter_that_is_not_what_its_manifest_says_is_refused(tmp_path):
    residual().save(tmp_path)

    with pytest.raises(ConflictError, match=r"'m'.*'other'"):
        QueryAdapter.load(tmp_path, manifest(base="other"))


@pytest.mark.parametrize("text", [b"", b"{}", b'{"base_model": "m"}'], ids=["none", "empty", "cut"])
def test_an_adapter_that_cannot_be_read_is_refused(tmp_path, text):
    residual().save(tmp_path)
    (tmp_path / "adapter.json").write_bytes(text)

    with pytest.raises(ConflictError, match="cannot be read"):
        QueryAdapter.load(tmp_path, manifest())


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"matrix": np.zeros((2, 3), np.float32)},
        {"matrix": np.full((2, 2), np.nan, np.float32)},
        {"up": np.zeros((2, 1), np.float32)},
        {"anchors": np.zeros((1, 2), np.float32), "steps": np.zeros((2, 2), np.float32)},
    ],
    ids=["nothing", "wide", "nan", "half", "uneven"],
)
def test_arrays_that_make_no_adapter_are_refused(parts):
    with pytest.raises(InputError):
        QueryAdapter("m", 2, **parts)
