"""The commands by name, and the outermost door: errors become one line and an exit status."""

import sys
from collections.abc import Callable, Sequence
from typing import Final

from cyclopts import App, CycloptsError, Parameter

from rankloop.cli import (
    demonstrating,
    documents,
    estimating,
    exporting,
    importing,
    judging,
    learning,
    modeling,
    operating,
    reporting,
    retrieving,
    serving,
    training,
    working,
)
from rankloop.cli.output import Output, report_failure, to_epilogue
from rankloop.errors import InputError
from rankloop.version import __version__

HELP: Final = """\
Closes the loop between what people do with search results and their ranking.

Every command takes --data DIR (a folder, opened in this process) or
--url URL (a running server), and --json for one document on standard output.
Exit status: 0 done, 1 the answer is no, 2 wrong usage, 3 unavailable."""

START: Final = """\
Start here:
  rankloop demo --once     a simulated shop, measured against its own truth
  rankloop serve           the API, at http://127.0.0.1:8400
  rankloop report          what people do with your results"""

INTERRUPTED: Final = 130
"""Ctrl-C, as shells have it: 128 and the number of the signal."""

GROUPS: Final = ("jobs", "judgments", "keys", "models", "retrievers", "train")
"""Commands that have commands of their own."""

app = App(
    name="rankloop",
    help=HELP,
    help_epilogue=START,
    help_format="plaintext",
    version=__version__,
    default_parameter=Parameter(negative=()),
    suppress_keyboard_interrupt=False,
)


def _add(command: Callable[..., int], examples: str, name: str | None = None) -> None:
    """Register a command with its examples."""
    app.command(command, name=name, help_epilogue=to_epilogue(examples))


_add(demonstrating.demo, demonstrating.EXAMPLES)
_add(serving.serve, serving.EXAMPLES)
_add(importing.import_files, importing.EXAMPLES, name="import")
_add(documents.documents, documents.EXAMPLES)
app.command(retrieving.retrievers)
_add(retrieving.search, retrieving.SEARCH_EXAMPLES)
_add(reporting.report, reporting.REPORT_EXAMPLES)
_add(reporting.doctor, reporting.DOCTOR_EXAMPLES)
_add(estimating.bias, estimating.BIAS_EXAMPLES)
_add(exporting.export, exporting.EXPORT_EXAMPLES)
_add(exporting.erase, exporting.ERASE_EXAMPLES)
app.command(judging.judgments)
app.command(training.train)
_add(learning.learn, learning.LEARN_EXAMPLES)
app.command(working.jobs)
app.command(modeling.models)
app.command(operating.keys)
_add(operating.settings, operating.SETTINGS_EXAMPLES)
_add(operating.bench, operating.BENCH_EXAMPLES)


def main(tokens: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        tokens: The command line without the program's name; the process's when left out.

    Returns:
        The exit status: 0 done, 1 the answer is no, 2 wrong usage, 3 unavailable.
    """
    given = list(sys.argv[1:] if tokens is None else tokens)
    command = " ".join(_words(given))
    is_json = "--json" in given
    try:
        status = app(given, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        return report_failure(_to_usage_error(error, command), command, is_json=is_json)
    except KeyboardInterrupt:
        Output(is_json=is_json).note("stopped")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has gone (`rankloop report | head`): end quietly.
        sys.stdout = None
        return 0
    except Exception as error:  # noqa: BLE001 the outermost door: a line, never a traceback
        return report_failure(error, command, is_json=is_json)
    return status if isinstance(status, int) else 0


def _words(tokens: list[str]) -> list[str]:
    """Name the command: what stands before the first option, at most two words."""
    words: list[str] = []
    for token in tokens[:2]:
        if token.startswith("-") or not token.isidentifier():
            break
        words.append(token)
    return words if words and words[0] in GROUPS else words[:1]


def _to_usage_error(error: CycloptsError, command: str) -> InputError:
    """Put a refusal of the command line into our form."""
    message = " ".join(str(error).split()).rstrip(".")
    known = command if command.split(" ")[0] in app else ""
    return InputError(message, hint=f"See: rankloop {known} --help".replace("  ", " "))


if __name__ == "__main__":
    sys.exit(main())
