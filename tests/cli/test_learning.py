"""`rankloop learn`: on logs that can teach little, what it says, how it ends, what it leaves."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import msgspec
import pytest

from rankloop.cli.learning import check_page
from rankloop.errors import InputError
from rankloop.tables.learning import LearnReport

FIRST = datetime(2026, 3, 2, 12, tzinfo=UTC)
DOCUMENTS = ["a", "b", "c", "d"]
ORDERS = list(itertools.permutations(DOCUMENTS))


def write_log(folder, *, n=240, days=12, n_queries=24, is_frozen=False, clicks=True, names=("p",)):
    """Write searches of four documents in every order, of which people click the first good one."""
    path, rows = folder / "log.ndjson", []
    for k in range(n):
        shown = DOCUMENTS if is_frozen else ORDERS[k % len(ORDERS)]
        at = (FIRST + timedelta(days=k % days, seconds=k)).isoformat()
        who = {"timestamp": at, "user_id": f"u{k % 60}", "retriever_id": names[k % len(names)]}
        rows.append(
            {
                "search_id": f"s{k}",
                "query": f"query {k % n_queries}",
                "results": [{"document_id": one} for one in shown],
                **who,
            }
        )
        if clicks:
            clicked = shown[0] if k % 3 else "a"
            click = {"feature_id": clicked, "interaction_type": ["click"], "search_id": f"s{k}"}
            rows.append({**click, **who})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def learn(rankloop, tmp_path):
    """Return what imports a log and learns from it."""

    def learn(*words, **log):
        if log:
            rankloop.read("import", write_log(tmp_path, **log), "--format", "native", "--data", "d")
        return rankloop("learn", "--data", "d", *words)

    return learn


class TagReader(HTMLParser):
    """Reads which tags a page has, and whether each is closed."""

    def __init__(self):
        super().__init__()
        self.tags = set()
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)

    def handle_data(self, data):
        self.text += data


def test_an_empty_folder_is_wrong_usage_and_says_what_to_send(learn):
    done = learn()
    assert done.returncode == 2
    assert "nothing is on record" in done.stderr
    assert "Send searches and interactions first" in done.stderr


def test_a_log_without_clicks_is_told_so(learn):
    done = learn(clicks=False)
    assert done.returncode == 1
    assert "nothing was clicked in 240 searches" in done.stdout
    assert "Send clicks with the `search_id`" in " ".join(done.stdout.split())
    assert "0 clicks, 1,000 are needed" in done.stdout


def test_rankings_that_never_change_are_told_so_with_what_would_help(learn):
    done = learn(is_frozen=True)
    assert done.returncode == 1
    assert "position and document cannot be told apart" in done.stdout
    assert "`rankloop bias` says which swaps would help" in " ".join(done.stdout.split())


def test_one_query_keeps_what_serves_and_says_how_many_are_needed(learn):
    done = learn("--json", n_queries=1)
    report = msgspec.json.decode(done.stdout, type=LearnReport)
    ranker = next(one for one in report.candidates if one.kind == "ranker")
    needs = {need.what: (need.have, need.need) for need in ranker.needs}
    assert done.returncode == 1
    assert (report.promoted, ranker.decision) == (None, "not_trained")
    assert needs["queries"] == (1, 200)
    assert "boosting by popularity takes less" in ranker.why


def test_three_days_train_nothing_and_the_page_says_how_many_more(learn, tmp_path):
    done = learn("--html", "learned.html", days=3)
    page = TagReader()
    page.feed((tmp_path / "learned.html").read_text())
    assert done.returncode == 1
    assert "the log spans 3 days" in page.text
    assert {"html", "table", "title"} <= page.tags
    assert "script" not in page.tags
    assert "learned.html is written." in done.stderr


def test_of_two_retrievers_one_must_be_named_and_be_there(learn):
    unnamed = learn(names=("p", "q"))
    assert unnamed.returncode == 2
    assert "one must be named" in unnamed.stderr
    assert "p, q" in unnamed.stderr

    unknown = learn("--retriever", "nobody", "--json")
    problem = json.loads(unknown.stdout)
    assert unknown.returncode == 2
    assert "nobody" in problem["detail"]
    assert "p, q" in problem["hint"]


def test_a_page_that_cannot_be_written_is_refused_before_anything_is_done(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere" / "page.html"):
        with pytest.raises(InputError) as refused:
            check_page(path)
        assert refused.value.where == "--html"
    check_page(None)
    check_page(tmp_path / "page.html")
