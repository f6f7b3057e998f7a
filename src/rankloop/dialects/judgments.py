"""Judgments in other tools' forms: Search Relevance Workbench, TREC qrels, LETOR."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from rankloop.errors import FileError
from rankloop.tables.judgments import MAX_RELEVANCE, ImportedJudgment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rankloop.tables.judgments import Judgment

JudgmentFormat = Literal["srw", "trec", "ndjson"]
"""Forms that judgments are read in."""


class _Rating(msgspec.Struct):
    """One document of a query, as the workbench writes it."""

    docId: str  # noqa: N815 the workbench's name
    rating: str | float


class _Rated(msgspec.Struct):
    """One query with its documents."""

    query: str
    ratings: list[_Rating]


class _Workbench(msgspec.Struct):
    """A list of judgments of the Search Relevance Workbench."""

    judgmentRatings: list[_Rated]  # noqa: N815 the workbench's name
    name: str = "rankloop"
    type: str = "IMPORT_JUDGMENT"
    description: str = ""


class _Line(msgspec.Struct):
    """A line of our own form."""

    query: str
    document_id: str
    relevance: float


def read_judgments(content: bytes, form: JudgmentFormat) -> list[ImportedJudgment]:
    """Read a file of judgments.

    Args:
        content: The whole file.
        form: `srw` (JSON of the Search Relevance Workbench), `trec` (qrels: topic, iteration,
            document, grade), or `ndjson` (lines with `query`, `document_id` and `relevance`).

    Returns:
        The judgments in the order of the file; negative TREC grades, which mark spam, become 0.

    Raises:
        FileError: The file is not of that form, or a rating is no number of 0 or more.

    Example:
        >>> read_judgments(b"q1 0 d7 2", "trec")[0].to_dict()
        {'query': 'q1', 'document_id': 'd7', 'rating': 2.0}
    """
    try:
        rows = list(_READERS[form](content))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FileError(
            f"this is no {form} file of judgments", where=f"/{form}", hint="Check --format."
        ) from error
    if not rows:
        raise FileError("the file has no judgments", where=f"/{form}")
    return rows


def write_workbench(judgments: Iterable[Judgment], name: str) -> bytes:
    """Write judgments as the Search Relevance Workbench imports them: ratings from 0 to 4.

    Queries without a text are left out, since the workbench knows no other name for them.
    """
    rated: dict[str, list[_Rating]] = {}
    for each in judgments:
        if each.query:
            rating = _Rating(each.document_id, f"{each.score * MAX_RELEVANCE:.3f}")
            rated.setdefault(each.query, []).append(rating)
    lists = [_Rated(query, ratings) for query, ratings in rated.items()]
    return msgspec.json.encode(_Workbench(lists, name))


def write_qrels(judgments: Iterable[Judgment]) -> Iterator[str]:
    """Yield TREC qrels lines: query key, 0, document, grade."""
    for each in judgments:
        yield f"{each.query_key} 0 {each.document_id} {each.relevance}\n"


def write_letor(judgments: Sequence[Judgment]) -> Iterator[str]:
    """Yield LETOR lines (LIBSVM with `qid`): grade, query number, what is known, who it is.

    The features are those of the log that hold no click: 1 is the logarithm of one plus the looks.
    """
    number = 0
    before: str | None = None
    for each in judgments:
        if each.query_key != before:
            number, before = number + 1, each.query_key
        looks = math.log1p(each.looks)
        yield (
            f"{each.relevance} qid:{number} 1:{looks:.6g} # {each.query_key} {each.document_id}\n"
        )


def _read_workbench(content: bytes) -> Iterator[ImportedJudgment]:
    for rated in msgspec.json.decode(content, type=_Workbench).judgmentRatings:
        for rating in rated.ratings:
            yield ImportedJudgment(rated.query, rating.docId, _to_rating(rating.rating))


def _read_qrels(content: bytes) -> Iterator[ImportedJudgment]:
    for number, line in enumerate(content.decode().splitlines(), start=1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 4:
            raise FileError(f"line {number} has {len(fields)} fields, qrels have 4", where="/trec")
        yield ImportedJudgment(fields[0], fields[2], max(_to_rating(fields[3], least=-9), 0.0))


def _read_lines(content: bytes) -> Iterator[ImportedJudgment]:
    decoder = msgspec.json.Decoder(_Line)
    for line in content.splitlines():
        if line.strip():
            read = decoder.decode(line)
            yield ImportedJudgment(read.query, read.document_id, _to_rating(read.relevance))


def _to_rating(value: str | float, least: float = 0.0) -> float:
    """Read a rating."""
    try:
        rating = float(value)
    except ValueError:
        rating = math.nan
    if not (math.isfinite(rating) and rating >= least):
        raise FileError(f"a rating is {value}, a number of 0 or more is needed", where="/rating")
    return rating


_READERS: Final[dict[JudgmentFormat, Callable[[bytes], Iterator[ImportedJudgment]]]] = {
    "srw": _read_workbench,
    "trec": _read_qrels,
    "ndjson": _read_lines,
}
