"""Models that learned from somebody who is erased are marked, and the receipt names them."""

from datetime import UTC, datetime

import pytest

from rankloop.models.folder import MANIFEST_FILE
from rankloop.models.lineage import find_shard
from rankloop.tables.manifests import DataWindow
from rankloop.testing.trained import keep_adapter

CLICK = {
    "feature_id": "d1",
    "interaction_type": "click",
    "user_id": "ann",
    "timestamp": "2026-11-02T10:00:00Z",
}


@pytest.fixture
def log(api):
    api.fill([CLICK])
    return api


def erase(log, user_id="ann"):
    answer = log.call("DELETE", f"/v1/users/{user_id}")
    assert answer.status == 200, answer.body
    return answer.json()["models"]


def test_a_model_of_the_time_is_marked_and_named(log):
    keep_adapter(log.engine.models, "a1")

    assert erase(log) == ["a1"]
    shown = log.get("/v1/models/a1").json()
    assert len(shown["erased_at"]) == 1
    assert (shown["history"][-1]["decided_by"], shown["state"]) == ("erasure", "trained")


def test_a_model_of_other_groups_or_of_later_data_is_not(log):
    shard = find_shard(log.engine.pseudonyms.to_stored("ann"))
    later = DataWindow(start=datetime(2026, 11, 3, tzinfo=UTC))
    keep_adapter(log.engine.models, "mine", shards=[shard])
    keep_adapter(log.engine.models, "others", shards=[(shard + 1) % 64])
    keep_adapter(log.engine.models, "later", window=later)

    assert erase(log) == ["mine"]
    assert "erased_at" not in log.get("/v1/models/others").json()


def test_a_model_whose_manifest_cannot_be_read_may_have_learned_from_anybody(log):
    keep_adapter(log.engine.models, "a1")
    (log.engine.models.folders.path_of("a1") / MANIFEST_FILE).write_text("{")

    assert erase(log) == ["a1"]


def test_erasing_an_unknown_user_marks_nothing(log):
    keep_adapter(log.engine.models, "a1")

    assert erase(log, "nobody") == []
