"""Pointers of the wire form in a foreign format's words."""

import pytest

from rankloop.dialects.csv_rows import CsvTranslator
from rankloop.dialects.native import NativeTranslator
from rankloop.dialects.statements import read_statement
from rankloop.dialects.translation import rename_pointer
from rankloop.dialects.ubi import UbiTranslator
from rankloop.dialects.yandex import YandexTranslator


@pytest.mark.parametrize(
    ("pointer", "translator", "said"),
    [
        ("/position", NativeTranslator, "/position"),
        ("/results/3/document_id", NativeTranslator, "/results/3/document_id"),
        ("/results/3/document_id", UbiTranslator, "/query_response_hit_ids/3"),
        ("/feature_id", UbiTranslator, "/event_attributes/object/object_id"),
        ("/tags/0", YandexTranslator, "/region"),
        ("/metadata/query", CsvTranslator, "/query"),
        ("", UbiTranslator, ""),
    ],
)
def test_a_complaint_names_the_field_as_the_file_does(pointer, translator, said):
    assert rename_pointer(pointer, translator.pointers) == said


def test_a_statement_takes_only_the_parameters_it_names():
    statement = read_statement("dialects", "ubi_lines")

    assert statement.pick({"after": 1, "most": 2, "other": 3}) == {"after": 1, "most": 2}
