"""How a file betrays its format."""

import pytest

from rankloop.dialects.csv_rows import COLUMNS
from rankloop.dialects.formats import check_format, guess_format
from rankloop.errors import FileError

LINES = {
    "native": ['{"feature_id":"d1","interaction_type":"click"}', '{"query":"q","results":[]}'],
    "ubi": ['{"index":{"_index":"ubi_queries"}}', '{"user_query":"q","query_id":"1"}'],
    "yandex": ["0\t0\tQ\t2031\t0\t97554\t68001", "0\t710\tC\t97554"],
    "csv": ["feature_id,interaction_type,position", "d1,click,3"],
}


@pytest.mark.parametrize("name", LINES)
def test_a_format_knows_its_own(name):
    assert guess_format(LINES[name], COLUMNS) == name
    check_format("log", name, LINES[name], COLUMNS)


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("wanted", LINES)
def test_a_file_of_another_format_is_refused_with_its_name(name, wanted):
    if name == wanted:
        return
    with pytest.raises(FileError) as caught:
        check_format("log", wanted, LINES[name], COLUMNS)

    assert name in caught.value.hint
    assert caught.value.where == "log:1"


def test_one_broken_line_does_not_change_what_a_file_is():
    check_format("log", "native", ['{"feature_id":', *LINES["native"]])


@pytest.mark.parametrize("wanted", ["native", "ubi", "yandex"])
def test_prose_is_no_format(wanted):
    with pytest.raises(FileError):
        check_format("log", wanted, ["Dear colleagues,", "here is the log."])


def test_one_line_that_is_an_array_does_not_make_the_file_one():
    check_format("log", "native", ['{"feature_id":"\\xff"}', '{"a": 1}', "[1]"])


def test_a_json_array_is_told_from_lines():
    with pytest.raises(FileError, match="JSON array"):
        check_format("log", "native", ["[", '{"a": 1},'])


def test_a_search_without_a_list_is_native():
    check_format("log", "native", ['{"query":"q"}'])
