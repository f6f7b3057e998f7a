"""Files into the store: everything once, and a verdict on every record."""

import gzip
import json
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankloop.capture.checks import Checker
from rankloop.capture.custom_types import TypeLedger
from rankloop.capture.files import FileImport, FileImportConfig
from rankloop.capture.identifiers import IdentifierLedger
from rankloop.errors import FileError, InputError
from rankloop.store.duckdb import DuckDBStore

CLICK = '{"feature_id":"d%s","interaction_type":["click"],"search_id":"s1"}'
LIST = '{"search_id":"s%s","query":"shoes","results":[{"document_id":"a"},{"document_id":"b"}]}'


def ledger(store, kind):
    return IdentifierLedger(
        lambda names: store.known_identifiers(kind, names), store.identifier_hashes(kind)
    )


class Folder:
    """A store in memory and an importer on it."""

    def __init__(self, path, block_bytes=1_000_000):
        self.path = path
        self.store = DuckDBStore()
        self.block_bytes = block_bytes

    def write(self, content, name="log"):
        path = self.path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def importer(self):
        """Build an importer as a new process would: it knows what the store knows."""
        return FileImport(
            self.store,
            Checker(str, TypeLedger()),
            ledger(self.store, "search"),
            ledger(self.store, "interaction"),
            None,
            FileImportConfig(self.block_bytes),
        )

    def take(self, content, form="native", retriever=None, **more):
        verdict = self.importer().run([self.write(content)], form, retriever, **more)
        return verdict.accepted, verdict.duplicate, verdict.rejected

    def ask(self, statement):
        with self.store.staging() as staging:
            return staging.execute(statement).to_pylist()

    def count(self):
        (row,) = self.ask(
            "SELECT (SELECT count(*) FROM searches) AS s, (SELECT count(*) FROM impressions) AS i,"
            " (SELECT count(*) FROM interactions) AS a"
        )
        return row["s"], row["i"], row["a"]


@pytest.fixture
def folder(tmp_path):
    folder = Folder(tmp_path)
    yield folder
    folder.store.close()


def test_searches_and_interactions_of_one_file_are_told_apart(folder):
    text = "\n".join([LIST % 1, CLICK % "a", CLICK % "b", "not json", '{"colour": 1}'])

    assert folder.take(text) == (3, 0, 2)
    assert folder.count() == (1, 2, 2)


def test_a_second_import_changes_nothing_and_equal_lines_stay_two_rows(folder):
    text = "\n".join([CLICK % "a", CLICK % "a", CLICK % "b", LIST % 1])

    assert folder.take(text) == (4, 0, 0)
    assert folder.take(text) == (0, 4, 0)
    assert folder.count() == (1, 2, 3)


def test_a_line_more_is_the_only_new_row(folder):
    folder.take("\n".join([CLICK % "a"] * 2))

    assert folder.take("\n".join([CLICK % "a"] * 3)) == (1, 2, 0)


def test_a_name_depends_on_format_and_retriever_and_not_on_packing(folder):
    text = f"{CLICK % 'a'}\n"

    assert folder.take(text) == (1, 0, 0)
    assert folder.take(gzip.compress(text.replace("\n", "\r\n").encode())) == (0, 1, 0)
    assert folder.take(text, retriever="shop") == (1, 0, 0)


def test_identifiers_of_the_records_decide_where_they_have_some(folder):
    line = '{"interaction_id":"i1","feature_id":"%s","interaction_type":"click"}'

    assert folder.take("\n".join([line % "a", line % "b", line % "c"])) == (1, 2, 0)
    assert folder.take(line % "d", retriever="shop") == (0, 1, 0)
    assert folder.ask("SELECT document_id FROM interactions") == [{"document_id": "a"}]


def test_page_two_is_another_list_of_the_same_search(folder):
    page = '{"search_id":"s1","query":"q","offset":%d,"results":[{"document_id":"%s"}]}'

    assert folder.take("\n".join([page % (0, "a"), page % (1, "b"), page % (1, "c")])) == (2, 1, 0)
    assert folder.ask("SELECT position, document_id FROM impressions ORDER BY 1") == [
        {"position": 0, "document_id": "a"},
        {"position": 1, "document_id": "b"},
    ]


def test_an_absent_list_is_unknown_and_an_empty_one_found_nothing(folder):
    folder.take('{"query":"a"}\n{"query":"b","results":[]}\n{"query":"c","results":null}')

    rows = folder.ask("SELECT query, n_results FROM searches ORDER BY query")
    assert [row["n_results"] for row in rows] == [None, 0, None]


@settings(max_examples=12)  # Each case takes two files in three times.
@given(
    st.lists(st.integers(0, 3), min_size=2, max_size=30),
    st.sampled_from([100, 200, 400]),
    st.sampled_from([0, 1, 2]),
)
def test_blocks_do_not_show(tmp_path_factory, picks, block_bytes, n_bad):
    texts = [CLICK % "a", CLICK % "é", LIST % "", LIST.replace('"search_id":"s%s",', "")]
    lines = [texts[pick] for pick in picks] + ["{"] * n_bad + [CLICK % "z"]
    text = "\n".join(lines)
    folder = Folder(tmp_path_factory.mktemp("blocks"), block_bytes)
    whole = Folder(folder.path)

    verdict = folder.take(text)
    n_twice = max(0, picks.count(2) - 1)  # These lists carry their name.

    assert verdict == whole.take(text) == (len(lines) - n_bad - n_twice, n_twice, n_bad)
    assert folder.take(text) == (0, len(lines) - n_bad, n_bad)
    names = [
        Counter(
            row["name"]
            for row in each.ask(
                "SELECT interaction_id AS name FROM interactions UNION ALL"
                " SELECT search_id FROM searches"
            )
        )
        for each in (folder, whole)
    ]
    assert names[0] == names[1]
    for each in (folder, whole):
        each.store.close()


def test_a_cut_archive_leaves_whole_blocks_and_the_mended_one_completes_them(tmp_path):
    folder = Folder(tmp_path, block_bytes=300)
    text = "".join(f"{CLICK % number}\n" for number in range(40)).encode()
    packed = gzip.compress(text, 0)

    with pytest.raises(FileError, match="is cut off after line"):
        folder.take(packed[: len(packed) // 2])
    n_before = folder.count()[2]

    assert 0 < n_before < 20
    assert folder.take(packed) == (40 - n_before, n_before, 0)
    folder.store.close()


@pytest.mark.parametrize("form", ["native", "ubi", "yandex", "csv"])
@pytest.mark.parametrize(
    "content",
    [b"", gzip.compress(CLICK.encode())[:-6], b"PAR1\0\0", b"Dear all,\nno log here.\n"],
    ids=["empty", "cut archive", "Parquet", "letter"],
)
def test_a_file_that_is_none_stores_nothing(folder, form, content):
    with pytest.raises(FileError) as caught:
        folder.take(content, form)

    assert "log" in caught.value.where
    assert folder.count() == (0, 0, 0)


def test_a_file_of_another_format_stores_nothing_and_names_it(folder):
    with pytest.raises(FileError) as caught:
        folder.take(CLICK % "a", "yandex")

    assert caught.value.hint == "Try --format native."
    assert folder.count() == (0, 0, 0)


def test_an_unknown_format_is_refused(folder):
    with pytest.raises(InputError, match="avro"):
        folder.take(CLICK % "a", "avro")


def test_reasons_name_line_code_pointer_and_detail(folder):
    lines = [CLICK % "a", CLICK.replace("}", ',"position":-1}') % "b", CLICK % "c"]
    content = "\n".join(lines).encode() + b"\n\xff\n"

    verdict = folder.importer().run([folder.write(content)], "native")

    assert [(each.line, each.code, each.pointer) for each in verdict.reasons] == [
        (2, "out_of_range", "/position"),
        (4, "not_utf8", ""),
    ]
    assert set(verdict.to_dict()["reasons"][0]) >= {"line", "code", "pointer", "detail"}


def test_all_rejections_are_counted_and_the_first_are_told(folder):
    verdict = folder.importer().run([folder.write("\n".join([CLICK % "a"] + ["{"] * 50))], "native")

    assert verdict.rejected == 50
    assert [each.line for each in verdict.reasons] == list(range(2, 22))


def test_several_files_are_one_import_and_each_counts_its_own_lines(folder):
    paths = [folder.write(CLICK % "a", "one"), folder.write(CLICK % "a", "two")]

    verdict = folder.importer().run(paths, "native")

    # Imported one by one, the second would name its line the same.
    assert (verdict.accepted, verdict.duplicate) == (1, 1)


def test_an_interaction_without_a_retriever_takes_that_of_its_search(folder):
    folder.take((LIST % 1).replace("{", '{"retriever_id":"shop",', 1) + "\n" + CLICK % "a")

    assert folder.ask("SELECT retriever_id FROM interactions") == [{"retriever_id": "shop"}]


def test_csv_goes_the_same_way(folder):
    text = "feature_id,interaction_type,position,query,results\nd1,click,0,shoes,\n,,,shoes,d1|d2\n"

    assert folder.take(text + "d1,click,-1,,\n", "csv") == (2, 0, 1)
    assert folder.take(text, "csv") == (0, 2, 0)
    assert folder.count() == (1, 2, 1)


def test_a_csv_file_with_unknown_columns_stores_nothing(folder):
    with pytest.raises(FileError, match="colour"):
        folder.take("feature_id,interaction_type,colour\nd1,click,blue\n", "csv")


YANDEX = [
    "0\t0\tQ\t2031\t0.0\td1\td2\td3",
    "0\t710\tC\td1\t\t\t",
    "7\t1014643294\tQ\t2034\t3\td4",
    "7\t1014643301\tC\td9",
    "7\tsoon\tC\td9",
    "7\t1\tX\td9",
    "7\t1",
    "8\t5\tQ\t2034\t3",
]


def test_a_yandex_log_starts_every_session_at_one_moment(folder):
    start = datetime(2011, 5, 1, tzinfo=UTC)

    assert folder.take("\n".join(YANDEX), "yandex", "y", start=start) == (5, 0, 3)
    assert folder.ask(
        'SELECT session_id, "at"::VARCHAR AS "at", document_id FROM interactions ORDER BY 1'
    ) == [
        {"session_id": "0", "at": "2011-05-01 00:00:00.71", "document_id": "d1"},
        {"session_id": "7", "at": "2011-05-01 00:00:00.007", "document_id": "d9"},
    ]
    lists = folder.ask(
        'SELECT session_id, "at"::VARCHAR AS "at", query, tags, n_results FROM searches ORDER BY 1'
    )
    assert {row["at"] for row in lists} == {"2011-05-01 00:00:00"}
    assert [row["n_results"] for row in lists] == [3, 1, 0]
    assert lists[0] | {"at": None} == {
        "session_id": "0",
        "at": None,
        "query": "2031",
        "tags": '["region:0.0"]',
        "n_results": 3,
    }


def test_a_session_of_a_yandex_log_may_reach_into_the_next_block(tmp_path):
    folder = Folder(tmp_path, block_bytes=40)
    folder.take("\n".join(f"1\t{100 + line}\tC\td{line}" for line in range(12)), "yandex")

    moments = folder.ask('SELECT "at" FROM interactions ORDER BY "at"')
    assert [row["at"].microsecond // 1000 for row in moments] == list(range(12))
    folder.store.close()


def test_complaints_about_a_yandex_log_name_its_columns(folder):
    verdict = folder.importer().run([folder.write("\n".join(YANDEX))], "yandex")

    assert [(each.line, each.pointer) for each in verdict.reasons] == [
        (5, "/time"),
        (6, "/action"),
        (7, "/action"),
    ]


def test_the_real_yandex_log_goes_in_once(folder, shared_data):
    path = shared_data / "clara2" / "search_log.tsv.gz"

    first = folder.importer().run([path], "yandex", "clara2")
    second = folder.importer().run([path], "yandex", "clara2")

    assert (first.accepted, first.duplicate, first.rejected) == (43_177, 0, 0)
    assert (second.accepted, second.duplicate, second.rejected) == (0, 43_177, 0)
    assert folder.count() == (31_564, 315_640, 11_613)


def test_every_record_of_the_real_ubi_file_has_a_verdict(folder, shared_data):
    path = shared_data / "ubi" / "ubi_queries_events.ndjson.gz"
    with gzip.open(path) as file:
        n_records = sum(b'{"index"' not in line for line in file)

    first = folder.importer().run([path], "ubi")
    second = folder.importer().run([path], "ubi")

    assert first.accepted + first.rejected == n_records == 473 + 3_448
    assert first.accepted > 0.95 * n_records
    assert {each.pointer for each in first.reasons} == {"/query_id"}
    assert (second.accepted, second.duplicate) == (0, first.accepted)
    bases = {note.partition(":")[0]: "count from 1" in note for note in first.notes}
    assert bases == {"Chorus": True, "esci_ubi_sample": False, "ubi-demo": True}


def test_json_of_the_verdict_has_the_promised_names(folder):
    verdict = folder.importer().run([folder.write(CLICK % "a")], "native").to_dict()

    assert {"accepted", "duplicate", "rejected", "reasons"} <= verdict.keys()
    assert json.loads(json.dumps(verdict)) == verdict
