"""`rankloop models`: listed, shown, promoted, rolled back, refused with exit status 1."""

from datetime import UTC, datetime

import pytest

from rankloop.catalog.models import Decision
from rankloop.tables.manifests import DataWindow, Measured
from rankloop.testing.trained import keep_adapter
from rankloop.wiring import open_engine

GAIN = Measured(measure="nDCG@10", part="seen", value=0.6, baseline=0.5, low=0.05, high=0.15, n=90)
WINDOW = DataWindow(start=datetime(2026, 1, 1, tzinfo=UTC), n_searches=12_000, n_clicks=3_400)


@pytest.fixture
def shop(rankloop):
    engine = open_engine(rankloop.cwd / "d")
    engine.serving.configure("products", {"stages": []})
    for name in ("a1", "a2"):
        keep_adapter(engine.models, name, metrics=[GAIN], window=WINDOW)
    engine.models.catalog.move("a1", "shadow", Decision("gate", "it is shown to be [better]"))
    engine.close()
    return rankloop


def test_models_are_listed_with_what_they_gained(shop):
    listed = shop.read("models", "list", "--state", "shadow", "--data", "d")["results"]
    shown = shop("models", "list", "--data", "d").stdout

    assert [one["model_id"] for one in listed] == ["a1"]
    assert "0.500 → 0.600" in " ".join(shown.split())
    assert shop("models", "list", "--kind", "ranker", "--data", "d").stdout.startswith(
        "There is no"
    )


def test_the_name_of_a_model_is_listed_whole_on_a_narrow_screen(shop):
    name = "adapter-of-the-spring-sale-6ebbd7c459"
    engine = open_engine(shop.cwd / "d")
    keep_adapter(engine.models, name, metrics=[GAIN], window=WINDOW)
    engine.close()

    assert name in shop("models", "list", "--data", "d").stdout


def test_a_model_is_shown_with_its_measures_and_steps(shop):
    shown = " ".join(shop("models", "show", "a1", "--data", "d").stdout.split())

    assert "a1: adapter for products, shadow, does not rank" in shown
    assert "of 12,000 searches with 3,400 clicks" in shown
    assert "nDCG@10 seen 0.500 0.600 +0.100 (+0.050 to +0.150) 90" in shown
    assert "shadow gate it is shown to be [better]" in shown
    assert (
        shop.read("models", "show", "a1", "--data", "d")["manifest"]["window"]["n_clicks"] == 3_400
    )


def test_a_model_is_promoted_and_rolled_back_with_one_command_each(shop):
    assert "a1 ranks for products" in shop("models", "promote", "a1", "--data", "d").stdout
    words = ("models", "promote", "a2", "--force", "--why", "checked", "--data", "d")
    assert shop.read(*words)["is_serving"] is True

    done = shop("models", "rollback", "a2", "--data", "d")
    assert "a1 ranks for products from now on" in done.stdout
    assert "no adapter ranks" in shop("models", "rollback", "a1", "--data", "d").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("promote", "a2"), "it is trained"),
        (("promote", "nobody"), "no model 'nobody'"),
        (("rollback", "a1"), "does not serve"),
        (("show", "nobody"), "no model 'nobody'"),
    ],
    ids=["gate", "unknown", "not-serving", "unknown-shown"],
)
def test_what_is_refused_ends_with_1(shop, words, said):
    done = shop("models", *words, "--data", "d")

    assert (done.returncode, said in done.stderr) == (1, True)


def test_a_wrong_filter_is_wrong_usage(shop):
    assert shop("models", "list", "--state", "serving", "--data", "d").returncode == 2


def test_what_keeps_a_promoted_model_from_ranking_is_noted(shop):
    shop("models", "promote", "a1", "--data", "d")
    (shop.cwd / "d" / "models" / "a1" / "matrix.npy").write_bytes(b"other")

    assert "matrix.npy was changed" in shop("models", "list", "--data", "d").stderr
