"""`rankloop serve`: where it answers, who may start it, how it ends."""

import json
import signal
import socket
import urllib.request

import pytest

from rankloop.cli.serving import bind, to_url
from rankloop.errors import UnavailableError


def post(url, path, body):
    request = urllib.request.Request(
        url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_server_has_delivered_what_it_acknowledged(rankloop, stop):
    process, url = rankloop.serve("--data", "d")
    post(url, "/v1/retrievers/interactions", {"feature_id": "x", "interaction_type": "click"})
    process.send_signal(stop)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in err
    assert "leaked" not in err
    assert rankloop.read("report", "--data", "d")["interactions"] == 1


def test_a_second_owner_is_refused_and_told_where_the_server_is(rankloop):
    process, url = rankloop.serve("--data", "d")
    done = rankloop("report", "--data", "d", "--json")
    problem = json.loads(done.stdout)
    assert done.returncode == 3
    assert problem["code"] == "folder_in_use"
    assert str(process.pid) in problem["detail"]
    assert f"--url {url}" in problem["hint"]


def test_a_killed_server_frees_its_folder(rankloop):
    process, url = rankloop.serve("--data", "d")
    post(url, "/v1/retrievers/interactions", {"feature_id": "x", "interaction_type": "click"})
    process.kill()
    process.wait(timeout=60)
    assert rankloop.read("report", "--data", "d")["interactions"] == 1


def test_an_address_that_others_reach_needs_a_key_first(rankloop):
    done = rankloop.spawn("serve", "--data", "d", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 1
    assert "rankloop keys create" in done.stderr


def test_a_server_asks_for_the_key_once_there_is_one(rankloop):
    key = rankloop.read("keys", "create", "--scope", "read", "--data", "d")["token"]
    _, url = rankloop.serve("--data", "d")
    refused = rankloop("report", "--url", url)
    assert refused.returncode == 1
    assert "key" in refused.stderr
    assert rankloop("report", "--url", url, "--api-key", key).returncode == 0
    assert rankloop("report", "--url", url, env={"RANKLOOP_API_KEY": key}).returncode == 0


def test_a_taken_port_is_said_in_one_line(rankloop):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = rankloop.spawn("serve", "--data", "d", "--port", port)
    assert done.returncode == 3
    assert f"port {port}" in done.stderr
    assert done.stdout == ""


def test_a_server_that_is_not_there_is_unavailable(rankloop, free_port):
    done = rankloop("report", "--url", f"http://127.0.0.1:{free_port}", "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["code"] == "unavailable"


def test_serve_takes_no_address_of_another_server(rankloop):
    assert rankloop.spawn("serve", "--url", "http://127.0.0.1:1").returncode == 2


def test_an_address_that_is_none_is_refused():
    with pytest.raises(UnavailableError):
        bind("203.0.113.7", 0)
    with pytest.raises(UnavailableError):
        bind("127.0.0.1", 99_999)


def test_every_interface_is_reached_through_loopback():
    assert to_url("0.0.0.0", 80) == "http://127.0.0.1:80"
    assert to_url("192.0.2.1", 80) == "http://192.0.2.1:80"
