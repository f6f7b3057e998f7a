"""Files as blocks of numbered lines."""

import gzip

import pytest

from rankloop.capture.file_lines import read_blocks
from rankloop.errors import FileError


def read(path, block_bytes=64):
    """Read a file in small blocks; return (number, text) pairs and faults."""
    blocks = list(read_blocks(path, lambda _done, _size: None, block_bytes))
    lines = [
        (number, text.rstrip("\r\n"))
        for block in blocks
        for number, text in zip(
            block.lines.column("n").to_pylist(), block.lines.column("body").to_pylist(), strict=True
        )
    ]
    return lines, [fault for block in blocks for fault in block.faults]


def write(folder, content):
    path = folder / "log.ndjson"
    path.write_bytes(content)
    return path


def refuse(path, block_bytes=64):
    with pytest.raises(FileError) as caught:
        read(path, block_bytes)
    return caught.value


LINES = [f'{{"line": {number}, "text": "café"}}' for number in range(1, 41)]
TEXT = "\n".join(LINES).encode() + b"\n"


@pytest.mark.parametrize(
    "content",
    [TEXT, TEXT[:-1], gzip.compress(TEXT), b"\xef\xbb\xbf" + TEXT],
    ids=["plain", "no last newline", "packed", "byte order mark"],
)
@pytest.mark.parametrize("block_bytes", [30, 64, 1_000_000])
def test_lines_are_the_same_however_a_file_is_packed_and_cut(tmp_path, content, block_bytes):
    lines, faults = read(write(tmp_path, content), block_bytes)

    assert lines == list(enumerate(LINES, start=1))
    assert faults == []


def test_an_archive_of_several_members_and_padding_is_one_file(tmp_path):
    half = len(TEXT) // 2
    packed = gzip.compress(TEXT[:half]) + gzip.compress(TEXT[half:]) + b"\0" * 512

    assert read(write(tmp_path, packed))[0] == list(enumerate(LINES, start=1))


def test_blank_lines_are_left_out_and_counted(tmp_path):
    assert read(write(tmp_path, b"a\n\n\r\n  \nb\r\n"))[0] == [(1, "a"), (5, "b")]


def test_a_line_that_is_no_text_is_a_fault_and_the_others_stand(tmp_path):
    lines, faults = read(write(tmp_path, b"a\nb\xff\xfe\n\nc\n"))

    assert lines == [(1, "a"), (4, "c")]
    (fault,) = faults
    assert (fault.line, fault.code) == (2, "not_utf8")
    assert "byte 1" in fault.detail


@pytest.mark.parametrize(
    "content", [b"", gzip.compress(b""), b"\n\n \n"], ids=["no bytes", "packed", "blank lines"]
)
def test_an_empty_file_is_said_to_be_empty(tmp_path, content):
    assert "is empty" in str(refuse(write(tmp_path, content)))


def test_a_cut_archive_names_the_line_it_reached(tmp_path):
    error = refuse(write(tmp_path, gzip.compress(TEXT, 0)[: len(TEXT) // 2]))

    assert "is cut off after line" in str(error)
    assert error.where.startswith("log.ndjson:")
    assert 15 <= int(error.where.rpartition(":")[2]) <= 21


def test_an_archive_cut_in_its_checksum_is_cut(tmp_path):
    assert "is cut off after line 40" in str(refuse(write(tmp_path, gzip.compress(TEXT)[:-4])))


@pytest.mark.parametrize(
    "harm", [b"\0" * 8, b"trailing garbage"], ids=["wrong checksum", "garbage behind"]
)
def test_a_damaged_archive_is_said_to_be_damaged(tmp_path, harm):
    packed = gzip.compress(TEXT)
    content = packed[:-8] + harm if harm[0] == 0 else packed + harm

    assert "is damaged after line" in str(refuse(write(tmp_path, content)))


def test_what_is_no_text_is_named(tmp_path):
    assert "Parquet" in str(refuse(write(tmp_path, b"PAR1" + bytes(100))))
    assert "binary" in str(refuse(write(tmp_path, b"abc\x00def")))
    assert "holds a picture" in str(refuse(write(tmp_path, gzip.compress(b"\x89PNG\r\n"))))


def test_a_line_without_end_is_refused(tmp_path):
    path = write(tmp_path, b"x" * (6 * 1024 * 1024))

    assert "line 1 is over" in str(refuse(path, 1_000_000))


def test_what_is_no_file_is_said_so(tmp_path):
    assert "is a folder" in str(refuse(tmp_path))
    assert "cannot be read" in str(refuse(tmp_path / "absent"))


def test_progress_ends_at_the_size_of_the_file(tmp_path):
    told = []

    for _ in read_blocks(write(tmp_path, TEXT), lambda *now: told.append(now), 64):
        pass

    assert told == sorted(told)
    assert told[-1] == (len(TEXT), len(TEXT))
