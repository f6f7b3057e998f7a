"""A ranker scores the same wherever it is loaded, and loads nothing that it did not write."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import lightgbm
import numpy as np
import pytest

from rankloop.errors import ConflictError, SettingsError, TableError
from rankloop.models.ranker import FORM_FILE, TREES_FILE, Anchor, Ranker

NAMES = ["score", "words:title", "price", "history"]


@pytest.fixture(scope="module")
def features():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(1_000, 4))
    rows[::7, 2] = np.nan
    return rows


@pytest.fixture(scope="module")
def trees(features):
    clicks = np.random.default_rng(2).poisson(np.exp(features[:, 0] + 0.5 * features[:, 1]))
    settings = {
        "objective": "poisson",
        "num_leaves": 15,
        "num_threads": 1,
        "deterministic": True,
        "verbose": -1,
    }
    return lightgbm.train(settings, lightgbm.Dataset(features, clicks), 200)


@pytest.fixture
def ranker(trees):
    return Ranker(trees, NAMES, Anchor("score", 0.3, missing=-2.0))


@pytest.fixture
def folder(ranker, tmp_path):
    ranker.save(tmp_path)
    return tmp_path


def test_what_was_saved_scores_the_same_bit_for_bit(ranker, folder, features):
    assert np.array_equal(Ranker.load(folder).score(features), ranker.score(features))
    assert Ranker.load(folder).feature_names == NAMES


def test_what_was_loaded_is_saved_as_the_same_bytes(folder, tmp_path_factory):
    again = tmp_path_factory.mktemp("again")
    Ranker.load(folder).save(again)
    for name in (TREES_FILE, FORM_FILE):
        assert (again / name).read_bytes() == (folder / name).read_bytes()


def test_the_serving_score_adds_its_weight(trees, features):
    alone = Ranker(trees, NAMES).score(features)
    blended = Ranker(trees, NAMES, Anchor("score", 2.0)).score(features)
    assert blended - alone == pytest.approx(2.0 * features[:, 0])


def test_a_document_without_a_serving_score_gets_the_one_for_missing(trees, features):
    row = features[:1].copy()
    row[0, 0] = np.nan
    alone = Ranker(trees, NAMES).score(row)
    blended = Ranker(trees, NAMES, Anchor("score", 2.0, missing=-1.5)).score(row)
    assert blended - alone == pytest.approx([-3.0])


def test_a_score_hangs_on_its_own_row_alone(ranker, features):
    assert np.array_equal(ranker.score(features)[10:20], ranker.score(features[10:20]))


def test_contributions_sum_to_the_score(ranker, features):
    parts = ranker.contributions(features[:20])
    assert parts.shape == (20, 5)
    assert parts.sum(axis=1) == pytest.approx(ranker.score(features[:20]))


def test_what_decides_contributes_most(ranker, features):
    mean = np.abs(ranker.contributions(features[:50])[:, :4]).mean(axis=0)
    assert mean.argmax() == 0
    assert mean[1] > mean[2:].max()


def test_no_documents_have_no_scores(ranker):
    assert ranker.score(np.empty((0, 4))).shape == (0,)
    assert ranker.contributions(np.empty((0, 4))).shape == (0, 5)


def test_scores_are_the_same_in_eight_threads_at_once(ranker, features):
    expected = ranker.score(features[:100])
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: ranker.score(features[:100]), range(200)))
    assert all(np.array_equal(one, expected) for one in found)


def test_a_hundred_documents_take_well_under_a_millisecond(ranker, features):
    ranker.score(features[:100])
    taken = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(40):
            ranker.score(features[:100])
        taken.append((time.process_time() - start) / 40)
    assert min(taken) < 1e-3


def test_says_so_when_columns_are_missing(ranker):
    with pytest.raises(TableError, match="4 columns are needed"):
        ranker.score(np.zeros((3, 3)))


def test_names_must_fit_the_trees(trees):
    with pytest.raises(TableError, match="3 names were given for 4 features"):
        Ranker(trees, NAMES[:3])
    with pytest.raises(TableError, match="one name"):
        Ranker(trees, ["a", "b", "c", "a"])


def test_an_anchor_must_be_a_feature_with_a_weight(trees):
    with pytest.raises(SettingsError, match="no feature 'bm25'"):
        Ranker(trees, NAMES, Anchor("bm25", 1.0))
    with pytest.raises(SettingsError):
        Anchor("score", -1.0)


@pytest.mark.parametrize("name", [TREES_FILE, FORM_FILE])
def test_a_folder_that_lacks_a_file_is_refused(folder, name):
    (folder / name).unlink()
    with pytest.raises(ConflictError, match=f"it has no {name}"):
        Ranker.load(folder)


def test_trees_that_were_changed_never_reach_lightgbm(folder):
    text = (folder / TREES_FILE).read_text()
    (folder / TREES_FILE).write_text(text.replace("num_leaves=15", "num_leaves=99", 1))
    with pytest.raises(ConflictError, match="not what was saved"):
        Ranker.load(folder)


def test_a_newer_form_is_refused_by_its_number(folder):
    form = json.loads((folder / FORM_FILE).read_bytes())
    (folder / FORM_FILE).write_text(json.dumps({**form, "form": 2, "something": "new"}))
    with pytest.raises(ConflictError, match="form 2, this version knows 1"):
        Ranker.load(folder)


@pytest.mark.parametrize("text", ["", "{", '{"form": 1}', '{"form": "one"}', "[]"])
def test_a_form_that_cannot_be_read_is_refused(folder, text):
    (folder / FORM_FILE).write_text(text)
    with pytest.raises(ConflictError, match="cannot be read"):
        Ranker.load(folder)


def test_names_of_other_trees_are_refused(folder):
    form = json.loads((folder / FORM_FILE).read_bytes())
    (folder / FORM_FILE).write_text(
        json.dumps({**form, "feature_names": NAMES[:3], "anchor": None})
    )
    with pytest.raises(ConflictError, match="do not belong together"):
        Ranker.load(folder)
