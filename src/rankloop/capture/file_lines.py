"""Files as blocks of numbered lines, plain or gzip, with every fault named by its place."""

from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rankloop.dialects.formats import name_foreign
from rankloop.dialects.translation import LineRejection
from rankloop.errors import FileError
from rankloop.events.limits import MAX_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Offsets = NDArray[np.int64]

BLOCK_BYTES: Final = 40 * 1024 * 1024
"""About how much text one block holds: what a transaction takes. It is more than one row group of
the engine (122,880 rows), so that rows are not written twice; two blocks lie beside the engine's
own memory, and much larger ones do not fit into it."""

_GZIP: Final = b"\x1f\x8b"
_GZIP_BITS: Final = 31
_READ_BYTES: Final = 256 * 1024
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_HEAD_BYTES: Final = 4_096
_BATCH_LINES: Final = 8_192


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Some whole lines of a file, in order; blank ones are left out."""

    lines: pa.Table
    """Columns `n` (int64, the line's number from 1) and `body` (text with its line end)."""

    faults: list[LineRejection]
    """Lines that are no text."""

    @property
    def is_telling(self) -> bool:
        """Whether there is anything in it."""
        return bool(self.lines.num_rows or self.faults)

    def head(self, most: int = 20) -> list[str]:
        """Return the first lines without their ends."""
        texts: list[str] = self.lines.column("body").slice(0, most).to_pylist()
        return [text.rstrip("\r\n") for text in texts]


def read_blocks(
    path: Path, on_progress: Callable[[int, int], None], block_bytes: int = BLOCK_BYTES
) -> Iterator[LineBlock]:
    """Read a file block by block; the next one is read while the last is worked on.

    Args:
        path: The file; gzip is recognized by its first bytes, whatever its name.
        on_progress: Told the bytes read so far and the file's size.
        block_bytes: About how much text a block holds.

    Yields:
        Blocks with at least one line that is not blank, or with faults.

    Raises:
        FileError: The file is empty, absent, no text, damaged or cut off; it says where. Blocks
            that were yielded before stand.
    """
    blocks = _read_blocks(path, on_progress, block_bytes)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="file-reader") as reader:
        upcoming = reader.submit(next, blocks, None)
        while (block := upcoming.result()) is not None:
            upcoming = reader.submit(next, blocks, None)
            yield block


def _read_blocks(
    path: Path, on_progress: Callable[[int, int], None], block_bytes: int
) -> Iterator[LineBlock]:
    """Read, cut at line ends, and number."""
    n_bytes, count, is_empty, rest = _measure(path), _Count(), True, b""
    with _open(path) as (pieces, raw):
        for piece in _name_faults(pieces(block_bytes), path, count):
            text = rest + piece if rest else piece
            end = text.rfind(b"\n") + 1
            block = _to_block(text, end, count)
            rest = text[end:]
            _check_length(rest, path, count)
            on_progress(raw.tell() if n_bytes else 0, n_bytes)
            if block.is_telling:
                is_empty = False
                yield block
        block = _to_block(rest, len(rest), count)
        if block.is_telling:
            is_empty = False
            yield block
    on_progress(n_bytes, n_bytes)
    if is_empty:
        raise FileError(f"{path.name} is empty: there is no line in it", where=path.name)


@dataclass(slots=True)
class _Count:
    """How many lines of a file are done."""

    n_lines: int = 0


def _name_faults(pieces: Iterator[bytes], path: Path, count: _Count) -> Iterator[bytes]:
    """Look at the first piece, and say of a broken archive which line it reached."""
    is_first = True
    try:
        for piece in pieces:
            if is_first:
                piece = piece.removeprefix(_BYTE_ORDER_MARK)
                _check_text(piece[:_HEAD_BYTES], path, "holds")
                is_first = False
            yield piece
    except _ArchiveError as error:
        n_lines = count.n_lines + error.n_lines
        raise FileError(
            f"{path.name} {error.what} after line {n_lines}",
            where=f"{path.name}:{n_lines + 1}",
            hint="Fetch the file again and import it: what was taken in counts as duplicate then.",
        ) from error


def _check_length(line: bytes, path: Path, count: _Count) -> None:
    """Refuse a line that does not end."""
    if len(line) > MAX_BODY_BYTES:
        raise FileError(
            f"{path.name}: line {count.n_lines + 1} is over {MAX_BODY_BYTES} bytes",
            where=f"{path.name}:{count.n_lines + 1}",
            hint="The file should hold one record a line.",
        )


def _measure(path: Path) -> int:
    """Return a file's size, or say why it cannot be read."""
    try:
        if path.is_dir():
            raise FileError(f"{path} is a folder, not a file", where=str(path))
        return path.stat().st_size
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}", where=str(path)) from error


@contextmanager
def _open(path: Path) -> Iterator[tuple[Callable[[int], Iterator[bytes]], IO[bytes]]]:
    """Open a file; gives what reads its text in pieces, and the file for the progress."""
    try:
        raw = path.open("rb")
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}", where=str(path)) from error
    with raw:
        head = raw.peek(_HEAD_BYTES)[:_HEAD_BYTES]
        if head.startswith(_GZIP):
            yield lambda n_bytes: _inflate(raw, n_bytes), raw
        else:
            _check_text(head, path, "is")
            yield lambda n_bytes: iter(lambda: raw.read(n_bytes), b""), raw


def _inflate(raw: IO[bytes], n_bytes: int) -> Iterator[bytes]:
    """Unpack gzip, of one member or several, in pieces of about `n_bytes`."""
    inflater, is_open = zlib.decompressobj(_GZIP_BITS), False
    pieces: list[bytes] = []
    n_waiting = 0
    packed = raw.read(_READ_BYTES)
    while packed:
        try:
            text = inflater.decompress(packed, n_bytes)
        except zlib.error as error:
            raise _ArchiveError("is damaged", pieces) from error
        pieces.append(text)
        n_waiting += len(text)
        is_open = not inflater.eof
        if inflater.eof:
            # Zeros may pad the last member; anything else must begin another one.
            packed = inflater.unused_data.lstrip(b"\0")
            inflater = zlib.decompressobj(_GZIP_BITS)
        else:
            packed = inflater.unconsumed_tail
        if n_waiting >= n_bytes:
            yield b"".join(pieces)
            pieces, n_waiting = [], 0
        packed = packed or raw.read(_READ_BYTES)
    if is_open:
        raise _ArchiveError("is cut off", pieces)
    if pieces:
        yield b"".join(pieces)


class _ArchiveError(Exception):
    """An archive does not go on, or not as it should."""

    def __init__(self, what: str, pieces: list[bytes]) -> None:
        super().__init__(what)
        self.what = what
        self.n_lines = sum(piece.count(b"\n") for piece in pieces)


def _check_text(head: bytes, path: Path, verb: str) -> None:
    """Refuse what is no text."""
    foreign = name_foreign(head)
    if foreign is not None:
        raise FileError(
            f"{path.name} {verb} {foreign}, not lines of text",
            where=path.name,
            hint="Plain text and gzip are taken.",
        )


def _to_block(text: bytes, end: int, count: _Count) -> LineBlock:
    """Lay the lines before `end` out as a column, without a copy where all is well."""
    ends = _find_ends(text, end)
    n_lines = ends.size - 1
    numbers = np.arange(count.n_lines + 1, count.n_lines + n_lines + 1, dtype=np.int64)
    count.n_lines += n_lines
    lines = pa.LargeStringArray.from_buffers(n_lines, pa.py_buffer(ends), pa.py_buffer(text))
    faults: list[LineRejection] = []
    try:
        lines.validate(full=True)
    except pa.ArrowInvalid:
        lines, numbers, faults = _keep_text(text, ends, numbers)
    table = pa.table({"n": numbers, "body": lines})
    if pc.min(pc.binary_length(table["body"])).as_py() in (None, 1, 2):
        table = table.filter(pc.not_equal(pc.utf8_trim_whitespace(table["body"]), ""))
    # Batches are what several threads share the work by.
    table = pa.Table.from_batches(table.to_batches(max_chunksize=_BATCH_LINES), table.schema)
    return LineBlock(table, faults)


def _find_ends(text: bytes, end: int) -> Offsets:
    """Return where lines begin and, last, where they end."""
    ends, place, find = [0], 0, text.find
    note = ends.append
    while place := find(b"\n", place, end) + 1:
        note(place)
    if ends[-1] != end:
        note(end)
    return np.array(ends, dtype=np.int64)


def _keep_text(
    text: bytes, ends: Offsets, numbers: Offsets
) -> tuple[pa.Array, Offsets, list[LineRejection]]:
    """Keep the lines that are UTF-8, and say of the others at which byte they are not."""
    kept, places, faults = [], [], []
    for place, number in enumerate(numbers.tolist()):
        line = text[ends[place] : ends[place + 1]]
        try:
            kept.append(line.decode())
            places.append(place)
        except UnicodeDecodeError as error:
            detail = f"byte {error.start} is not UTF-8: {error.reason}"
            faults.append(LineRejection(number, "not_utf8", "", detail))
    return pa.array(kept, pa.large_string()), numbers[places], faults
