"""CSV rows in the wire form."""

import json

import pyarrow as pa
import pytest

from rankloop.dialects.csv_rows import CsvTranslator, read_columns
from rankloop.errors import FileError
from rankloop.store.duckdb import DuckDBStore


@pytest.fixture(scope="module")
def staging():
    store = DuckDBStore()
    with store.staging() as staging:
        yield staging
    store.close()


def translate(staging, *blocks):
    """Translate blocks of lines; return bodies by line and the rejections."""
    translator = CsvTranslator(staging, "log.csv")
    bodies, rejections, n_before = {}, [], 0
    for lines in blocks:
        table = pa.table(
            {
                "n": pa.array(range(n_before + 1, n_before + len(lines) + 1), pa.int64()),
                "body": pa.array([f"{line}\n" for line in lines], pa.large_string()),
            }
        )
        n_before += len(lines)
        for portion in translator.translate(table):
            rejections += portion.rejections
            rows = staging.execute("SELECT n, body FROM import_lines").to_pylist()
            bodies |= {row["n"]: json.loads(row["body"]) for row in rows}
    for portion in translator.finish():
        rejections += portion.rejections
    return bodies, rejections


def test_a_row_with_a_type_is_an_interaction_and_any_other_a_search(staging):
    bodies, rejections = translate(
        staging,
        [
            "feature_id,interaction_type,position,query,device,duration_ms,value,results,user_id",
            'd1,click|long_view,3,"blue, shoes",mobile,4500,59.9,,u1',
            ",,,blue shoes,mobile,,,d1|d2,u1",
            ",,,nothing,,,,|,",
            ",,,unknown,,,,,",
        ],
    )

    assert rejections == []
    assert bodies == {
        2: {
            "feature_id": "d1",
            "interaction_type": ["click", "long_view"],
            "position": 3,
            "value": 59.9,
            "user_id": "u1",
            "metadata": {"query": "blue, shoes", "device": "mobile", "duration_ms": 4500.0},
        },
        3: {
            "query": "blue shoes",
            "device": "mobile",
            "results": [{"document_id": "d1"}, {"document_id": "d2"}],
            "user_id": "u1",
        },
        4: {"query": "nothing", "results": []},
        5: {"query": "unknown"},
    }


def test_whole_numbers_may_be_written_with_a_point(staging):
    bodies, _ = translate(
        staging,
        ["feature_id,interaction_type,position", "d1,view,3.0", "d1,view,3.5", "d1,view,x"],
    )

    assert [body["position"] for body in bodies.values()] == [3, 3.5, "x"]


def test_objects_stand_in_a_cell_as_json(staging):
    bodies, _ = translate(
        staging,
        [
            "feature_id,interaction_type,metadata,query",
            'd1,view,"{""page"": 2}",shoes',
            "d1,view,not json,",
        ],
    )

    assert bodies[2]["metadata"] == {"page": 2, "query": "shoes"}
    assert bodies[3]["metadata"] == "not json"


def test_a_quoted_cell_may_go_on_in_the_next_line_and_block(staging):
    bodies, rejections = translate(
        staging, ["feature_id,interaction_type,query", 'd1,click,"two'], ['lines"', "d2,click,one"]
    )

    assert rejections == []
    assert bodies[2]["metadata"]["query"] == "two\nlines"
    assert bodies[4]["feature_id"] == "d2"


def test_what_is_no_row_is_refused_by_line(staging):
    bodies, rejections = translate(
        staging,
        [
            "feature_id,interaction_type,duration_ms",
            "d1,click",
            "d1,click,soon",
            'x"y,"z,1',
            "d2,click,1",
            'd3,click,"never closed',
        ],
    )

    assert list(bodies) == [5]
    assert [(each.line, each.code) for each in rejections] == [
        (2, "malformed_line"),
        (3, "wrong_type"),
        (4, "malformed_line"),
        (6, "malformed_line"),
    ]


def test_unknown_columns_are_named():
    with pytest.raises(FileError, match="'colour', 'size'") as caught:
        read_columns("feature_id,colour,interaction_type,size", "log.csv")

    assert "feature_id" in caught.value.hint


def test_another_separator_is_recognized():
    with pytest.raises(FileError) as caught:
        read_columns("feature_id;interaction_type", "log.csv")

    assert "commas" in caught.value.hint


def test_a_column_may_not_stand_twice():
    with pytest.raises(FileError, match="twice"):
        read_columns("query,query", "log.csv")
