"""`rankloop judgments`: relevance that people or models have judged, brought in."""

from pathlib import Path
from typing import Final, Literal

from cyclopts import App

from rankloop.cli.output import OK, to_epilogue
from rankloop.cli.target import HERE, Target

PUT_EXAMPLES: Final = """\
rankloop judgments put human judgments.ndjson
rankloop judgments put esci esci_us_judgments.json --format srw
rankloop judgments put trec qrels.txt --format trec --data ./shop-data"""

LIST_EXAMPLES: Final = "rankloop judgments list"
REMOVE_EXAMPLES: Final = "rankloop judgments remove human"

Format = Literal["ndjson", "srw", "trec"]

judgments = App(
    name="judgments",
    help="Bring in, list and remove relevance judged by people or models.",
    help_epilogue=to_epilogue(f"{PUT_EXAMPLES}\n{LIST_EXAMPLES}\n{REMOVE_EXAMPLES}"),
)


@judgments.command(help_epilogue=to_epilogue(PUT_EXAMPLES))
def put(
    source: str,
    file: Path,
    target: Target = HERE,
    *,
    format: Format = "ndjson",  # noqa: A002 the option's name
) -> int:
    """Bring in the judgments of a source, in place of those it had.

    Ratings are kept relative to the largest of the file. What a source counts
    for is said by `rankloop export judgments --source-weights`.

    Args:
        source: Its name, such as human.
        file: The judgments.
        target: The data folder or the server.
        format: ndjson (query, document_id, relevance), srw or trec.
    """
    output = target.open_output()
    with target.connect() as loop:
        kept = loop.judgments.put(source, file, format)
    output.document(kept)
    output.say(f"{kept.judgments:,} judgments of {kept.queries:,} queries kept as {kept.source}.")
    return OK


@judgments.command(name="list", help_epilogue=to_epilogue(LIST_EXAMPLES))
def list_sources(target: Target = HERE) -> int:
    """List the sources that were brought in.

    Args:
        target: The data folder or the server.
    """
    output = target.open_output()
    with target.connect() as loop:
        sources = loop.judgments.list()
    output.document({"results": [source.to_dict() for source in sources]})
    for each in sources:
        output.say(f"{each.source}: {each.judgments:,} judgments of {each.queries:,} queries")
    if not sources:
        output.note("No judgments were brought in.")
    return OK


@judgments.command(help_epilogue=to_epilogue(REMOVE_EXAMPLES))
def remove(source: str, target: Target = HERE) -> int:
    """Forget the judgments of a source.

    Args:
        source: Its name.
        target: The data folder or the server.
    """
    output = target.open_output()
    with target.connect() as loop:
        loop.judgments.remove(source)
    output.document({"removed": source})
    output.say(f"The judgments of {source} are gone.")
    return OK
