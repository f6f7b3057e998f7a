"""The load speaks to a real server and counts what it answers."""

import itertools

from rankloop.benchmarks.load import LoadSpec, iter_requests, make_item
from rankloop.benchmarks.servers import run_load_process, serve_rankloop
from rankloop.capture.checks import Checker
from rankloop.capture.custom_types import TypeLedger

NOW = 1_795_000_000_000_000


def test_every_item_of_the_load_is_a_valid_interaction():
    items = [make_item(number, LoadSpec(port=1)) for number in range(50)]
    checked = Checker(lambda user: user, TypeLedger()).check_interactions(items, NOW)

    assert checked.rejected == []
    assert len({row.interaction_id for row in checked.rows}) == 50


def test_a_bulk_request_carries_as_many_lines_as_it_says():
    (request,) = itertools.islice(iter_requests(LoadSpec(port=1, n_items=7)), 1)
    head, _, body = request.partition(b"\r\n\r\n")

    assert body.count(b"\n") == 6
    assert f"content-length: {len(body)}".encode() in head


def test_what_is_sent_is_answered(data_folder):
    with serve_rankloop(data_folder) as server:
        spec = LoadSpec(port=server.port, n_connections=4, seconds=0.5)
        result = run_load_process(spec, n_requests=200)
        assert server.read_peak_mib() > 20

    assert result.n_failed == 0
    assert result.n_ok > 0
    assert result.p50_ms <= result.p99_ms


def test_requests_without_ids_are_sent_again_and_again(data_folder):
    with serve_rankloop(data_folder) as server:
        spec = LoadSpec(port=server.port, n_connections=2, seconds=0.5, n_items=5, is_named=False)
        result = run_load_process(spec, n_requests=2)

    assert result.n_failed == 0
    assert result.n_ok > 2
