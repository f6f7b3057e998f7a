"""Files are imported by a process of their own, which says what it took."""

from rankloop.benchmarks.importing import run_import_process
from rankloop.benchmarks.load import LoadSpec, make_item


def test_each_file_has_its_time_and_the_process_its_peak(data_folder, tmp_path):
    file = tmp_path / "interactions.ndjson"
    file.write_bytes(b"\n".join(make_item(number, LoadSpec(port=0)) for number in range(50)))
    done = run_import_process(data_folder, [file, file])

    assert len(done.seconds) == 2
    assert min(done.seconds) > 0
    assert done.peak_mib > 20
