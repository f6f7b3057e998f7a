"""Files imported by a process of their own, so that its memory is seen apart.

Run as `python -m rankloop.benchmarks.importing FOLDER FILE…`; it prints the JSON of an
`ImportResult`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from rankloop.benchmarks.servers import read_peak_mib
from rankloop.wiring import open_engine

if TYPE_CHECKING:
    from collections.abc import Sequence


class ImportResult(msgspec.Struct, frozen=True):
    """What it took.

    Attributes:
        seconds: Of each file, in their order.
        peak_mib: Most memory that the process held, in MiB.
    """

    seconds: list[float]
    peak_mib: float


def import_files(folder: Path, files: Sequence[Path]) -> ImportResult:
    """Import files one after the other into a data folder."""
    seconds = []
    engine = open_engine(folder)
    try:
        for file in files:
            began = time.perf_counter()
            engine.importer.run([file], "native")
            seconds.append(time.perf_counter() - began)
        return ImportResult(seconds, read_peak_mib())
    finally:
        engine.close()


def run_import_process(folder: Path, files: Sequence[Path]) -> ImportResult:
    """Do the same in a process of its own."""
    done = subprocess.run(  # noqa: S603  our own interpreter, our own module
        [sys.executable, "-m", "rankloop.benchmarks.importing", str(folder), *map(str, files)],
        check=True,
        stdout=subprocess.PIPE,
    )
    return msgspec.json.decode(done.stdout, type=ImportResult)


if __name__ == "__main__":
    result = import_files(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
    sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
