"""Reports made by hand, in the form that the API answers."""

import contextlib
import io
import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from unittest import mock

import msgspec
import pytest

from rankloop.cli.main import main
from rankloop.tables.engagement import (
    DocumentRow,
    LosingQuery,
    LowEngagementQuery,
    QueryRow,
    SkippedDocument,
    ZeroResultQuery,
)
from rankloop.tables.overview import (
    ClickedWithin,
    FirstClick,
    FirstClickPosition,
    Overview,
    PositionRow,
    RobotTraffic,
    TimeToFirstClick,
)
from rankloop.tables.rates import Rate
from rankloop.tables.signals import DayRow, Signals
from rankloop.tables.windows import InsightsWindow


def rate(value, n=1_000):
    return Rate(value, n, max(0.0, value - 0.01), min(1.0, value + 0.01), "user")


def overview(**changes):
    fields = {
        "searches": 20_000, "impressions": 200_000, "interactions": 12_000,
        "clicked_searches": 8_000, "clicked_impressions": 9_000, "orphan_interactions": 240,
        "duplicate_clicks": 270, "converted_searches": 1_200, "zero_result_searches": 600,
        "unknown_result_searches": 0, "repeated_searches": 5, "robots": RobotTraffic(600, 2_000),
        "users": 4_000, "sessions": 11_000, "visits": 11_200, "ctr": rate(0.412),
        "impression_ctr": rate(0.045), "conversion_rate": rate(0.06),
        "zero_result_rate": rate(0.03), "abandonment": rate(0.55), "reformulation": rate(0.02),
    }  # fmt: skip
    return Overview(**{**fields, **changes})


def signals(**changes):
    fields = {
        "retriever_id": "shop",
        "window": InsightsWindow(start=datetime(2026, 2, 15, tzinfo=UTC)),
        "overview": overview(),
        "ctr_by_position": [
            PositionRow(0, 20_000, 6_000, rate(0.3)),
            PositionRow(1, 20_000, 2_800, rate(0.14)),
            PositionRow(2, 0, 0, Rate.unknown()),
        ],
        "deeper": None,
        "average_first_click_position": 1.9,
        "first_click": FirstClick(
            1.9,
            8_000,
            1.85,
            1.95,
            rate(0.588),
            [FirstClickPosition(0, 6_000, 0.75), FirstClickPosition(1, 2_000, 0.25)],
        ),
        "time_to_first_click": TimeToFirstClick(
            8_000, 6.2, 4.1, 9.8, [ClickedWithin(5, rate(0.1)), ClickedWithin(30, rate(0.4))]
        ),
        "skipped_documents": [
            SkippedDocument(
                "p0042",
                900,
                3,
                81.5,
                "position_ctr",
                78.5,
                1e-9,
                1.2,
                rate(0.004),
                LosingQuery("k1", "wireless earbuds", 500, 1, 60.0),
            )
        ],
        "low_engagement_queries": [
            LowEngagementQuery(
                "k2",
                "garden hose",
                400,
                12,
                rate(0.03),
                12,
                130.5,
                "position_ctr",
                118.5,
                1e-9,
                ["ctr_below_5_percent", "fewer_clicks_than_expected"],
            )
        ],
        "zero_result_queries": [ZeroResultQuery("k3", "gift card", 90, 90, rate(1.0), 2)],
        "top_queries": [
            QueryRow("k1", "wireless earbuds", 900, 9_000, 400, None, 0, 400, 20, 1.2, rate(0.4))
        ],
        "top_documents": [DocumentRow("p0001", 5_000, 900, 80, None, 2.5, rate(0.18))],
        "missing": [],
        "notes": {"ctr_by_position": "Descriptive: it is not a propensity curve."},
    }
    return Signals(**{**fields, **changes})


def to_document(record, days=2):
    rows = [
        DayRow(date(2026, 2, 15 + day), 900, 9_000, 400, 20, 50, rate(0.4)) for day in range(days)
    ]
    report = {**record.to_report(), "days": msgspec.to_builtins(rows)}
    return json.loads(msgspec.json.encode(report))


@pytest.fixture
def report():
    """Return what `rankloop report --json` prints for a shop."""
    return to_document(signals())


@pytest.fixture
def empty_report():
    """Return what it prints for an empty folder."""
    nothing = dict.fromkeys(
        ("ctr", "impression_ctr", "conversion_rate", "zero_result_rate", "abandonment",
         "reformulation"), Rate.unknown(),
    )  # fmt: skip
    zeros = {
        name: 0
        for name in Overview.__struct_fields__
        if name not in {*nothing, "robots", "values", "interactions_by_type"}
    }
    return to_document(
        signals(
            retriever_id=None,
            window=InsightsWindow(),
            overview=Overview(**zeros, **nothing, robots=RobotTraffic(0, 0)),
            ctr_by_position=[],
            average_first_click_position=None,
            first_click=FirstClick(None, 0, None, None, Rate.unknown(), []),
            time_to_first_click=TimeToFirstClick(
                0, None, None, None, [ClickedWithin(5, Rate.unknown())]
            ),
            skipped_documents=[],
            low_engagement_queries=[],
            zero_result_queries=[],
            top_queries=[],
            top_documents=[],
            missing=["searches", "interactions"],
        ),
        days=0,
    )


class Program:
    """The command in a folder of its own.

    A call runs it in this process, which spares the two seconds that its libraries take to load;
    `spawn` runs the real command, `serve` a real server.
    """

    def __init__(self, cwd):
        self.cwd = cwd
        self.servers = []

    def __call__(self, *words, env=None):
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in "oe")
        with (
            contextlib.chdir(self.cwd),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            mock.patch.dict(os.environ, env or {}),
            mock.patch("sys.stdin", io.StringIO()),
        ):
            status = main([str(word) for word in words])
        texts = (stream.buffer.getvalue().decode() for stream in (out, err))
        return subprocess.CompletedProcess(words, status, *texts)

    def read(self, *words):
        """Run with --json and return the document."""
        done = self(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def spawn(self, *words):
        """Run the real command."""
        return subprocess.run(
            [sys.executable, "-m", "rankloop.cli.main", *map(str, words)],
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def serve(self, *words):
        """Start a server and return its process and address."""
        process = subprocess.Popen(
            [sys.executable, "-m", "rankloop.cli.main", "serve", "--port", "0", *map(str, words)],
            cwd=self.cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.servers.append(process)
        first = process.stdout.readline()
        assert first.startswith("Rankloop answers at http://"), process.stderr.read()
        return process, first.split()[-1]

    def close(self):
        """Stop what was started."""
        for process in self.servers:
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=60)


@pytest.fixture
def rankloop(tmp_path):
    """Return the program in an empty folder."""
    with contextlib.closing(Program(tmp_path)) as program:
        yield program


@pytest.fixture
def log(tmp_path):
    """Return a native file: two lists, two clicks, one of them without a search, a bad line."""
    return write_log(tmp_path)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Return the program beside a folder `d` that holds the log; tests of it only read."""
    folder = tmp_path_factory.mktemp("filled")
    with contextlib.closing(Program(folder)) as program:
        program.read("import", write_log(folder), "--format", "native", "--data", "d")
        yield program


def write_log(folder):
    shown = [{"document_id": "k1"}, {"document_id": "k2"}]
    rows = [
        {"search_id": "s1", "retriever_id": "shop", "query": "kettle", "user_id": "ann",
         "session_id": "a", "results": shown},
        {"search_id": "s2", "retriever_id": "shop", "query": "fridge", "user_id": "bob",
         "session_id": "b", "results": []},
        {"search_id": "s1", "feature_id": "k2", "interaction_type": ["click"], "position": 1,
         "user_id": "ann", "session_id": "a"},
        {"feature_id": "k1", "interaction_type": "click", "session_id": "a", "user_id": "ann",
         "retriever_id": "shop"},
        {"feature_id": "k1", "interaction_type": "click", "position": -1},
    ]  # fmt: skip
    path = folder / "log.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
