"""An import that is killed leaves whole blocks; doing it again completes it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rankloop.wiring import open_engine

N_LINES = 4_000
CHILD = """
import sys
from pathlib import Path
from rankloop.capture.files import FileImport, FileImportConfig
from rankloop.wiring import open_engine
engine = open_engine(Path(sys.argv[1]))
importer = FileImport(engine.store, engine.checker, engine.searches, engine.interactions,
                      engine.pseudonyms.secret, FileImportConfig(block_bytes=6_000))
importer.run([Path(sys.argv[2])], "native", "shop",
             progress=lambda done, size: print(done, flush=True))
"""


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.ndjson"
    line = '{"feature_id":"d%d","interaction_type":"click","user_id":"u%d"}\n'
    path.write_text("".join(line % (number, number % 7) for number in range(N_LINES)))
    return path


@pytest.mark.parametrize("n_reports", [1, 4, 9])
def test_a_killed_import_is_completed_by_doing_it_again(tmp_path, data_folder, log, n_reports):
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    child = subprocess.Popen(
        [sys.executable, str(script), str(data_folder), str(log)], stdout=subprocess.PIPE
    )
    for _ in range(n_reports):
        assert child.stdout.readline()
    time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.communicate()

    engine = open_engine(Path(data_folder))
    try:
        again = engine.importer.run([log], "native", "shop")
        third = engine.importer.run([log], "native", "shop")
        n_rows = _count(engine)
    finally:
        engine.close()

    assert again.accepted + again.duplicate == N_LINES
    assert again.accepted > 0
    assert (third.accepted, third.duplicate) == (0, N_LINES)
    assert n_rows == (N_LINES, N_LINES)


def _count(engine):
    with engine.store.staging() as staging:
        (row,) = staging.execute(
            "SELECT count(*) AS n, count(DISTINCT interaction_id) AS m FROM interactions"
        ).to_pylist()
    return row["n"], row["m"]
