"""The other parts of the surface, over a server and in this process."""

import asyncio
import json
import subprocess
import sys
import textwrap

import pytest

import rankloop
from rankloop.catalog.keys import KeyRing
from rankloop.errors import (
    FolderInUseError,
    ForbiddenError,
    InputError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from rankloop.store.folder import DataFolder

SEARCH = {"search_id": "s1", "query": "shoes", "results": [{"document_id": "d1"}]}


def fill(loop):
    loop.searches.create(**SEARCH, retriever_id="products", user_id="ann")
    loop.interactions.create(
        feature_id="d1", interaction_type="click", search_id="s1", user_id="ann"
    )


def test_searches_are_recorded_with_an_identifier(loop):
    made = loop.searches.create(query="shoes", results=[])
    again = loop.searches.create(**SEARCH), loop.searches.create(**SEARCH)
    many = loop.searches.create_many([SEARCH, {"query": "hats"}, {"results": []}])

    assert (made.status, len(made.search_id)) == ("accepted", 36)
    assert [one.status for one in again] == ["accepted", "duplicate"]
    assert [one.status for one in many] == ["duplicate", "accepted", "rejected"]


def test_page_two_is_another_list_of_the_same_search(loop):
    verdicts = loop.searches.create_many([SEARCH, SEARCH | {"offset": 10}])

    assert verdicts.accepted == 2


def test_signals_are_objects_with_evidence(loop):
    fill(loop)

    signals = loop.analytics.get_retriever_signals(retriever_id="products")

    assert signals.overview.searches == 1
    assert (signals.overview.ctr.value, signals.overview.ctr.n) == (1.0, 1)
    assert signals.ctr_by_position[0].ctr.value == 1.0
    assert signals.average_first_click_position == 0.0


def test_every_part_of_the_analytics_is_an_object(loop):
    fill(loop)

    assert loop.analytics.get_performance("products").overview.searches == 1
    assert loop.analytics.get_positions("products").results[0].clicks == 1
    assert loop.analytics.get_queries("products").results[0].query == "shoes"
    assert loop.analytics.get_documents("products").results[0].document_id == "d1"
    assert loop.analytics.get_health("products").searches == 1
    assert loop.analytics.get_part("products", "health")["searches"] == 1


def test_users_are_exported_and_erased(loop):
    fill(loop)

    held = loop.users.export("ann")
    receipt = loop.users.erase("ann")

    assert len(held.interactions) == len(held.searches) == 1
    assert receipt.rows["interactions"] == 1
    assert loop.users.export("ann").interactions == []
    assert loop.users.erase(["ann", "bob"]).users == 2


@pytest.mark.parametrize("form", ["ndjson", "csv", "parquet"])
def test_exports_arrive_whole(loop, tmp_path, form):
    fill(loop)
    path = tmp_path / f"rows.{form}"

    manifest = loop.exports.download("interactions", path, form)

    assert (manifest.rows, manifest.bytes) == (1, path.stat().st_size)
    assert loop.exports.manifest(manifest.export_id) == manifest
    assert sorted(one.name for one in tmp_path.iterdir() if one.is_file()) == [path.name]


def test_a_failed_export_leaves_no_file(loop, tmp_path):
    with pytest.raises(NotFoundError):
        loop.exports.download("people", tmp_path / "pairs.csv", "csv")

    assert list(tmp_path.glob("*.csv*")) == []


def test_the_asynchronous_surface_has_the_same_parts(target, quick, tmp_path):
    async def use():
        async with rankloop.connect_async(target, config=quick) as loop:
            await loop.searches.create(**SEARCH, retriever_id="products", user_id="ann")
            await loop.searches.create_many([SEARCH])
            loop.sender.add_interaction(
                feature_id="d1", interaction_type="click", search_id="s1", user_id="ann"
            )
            assert await loop.sender.flush(10)
            signals = await loop.analytics.get_retriever_signals(retriever_id="products")
            assert signals.overview.clicked_searches == 1
            assert (await loop.analytics.get_performance("products")).overview.searches == 1
            assert (await loop.analytics.get_positions("products")).results[0].clicks == 1
            assert (await loop.analytics.get_queries("products")).pagination.total == 1
            assert (await loop.analytics.get_documents("products")).pagination.total == 1
            assert (await loop.analytics.get_health("products")).searches == 1
            assert len((await loop.users.export("ann")).searches) == 1
            manifest = await loop.exports.download("searches", tmp_path / "s.ndjson")
            assert await loop.exports.manifest(manifest.export_id) == manifest
            assert (await loop.users.erase("ann")).rows["searches"] == 1

    asyncio.run(use())


def test_keys_open_what_they_say(serve, data_folder, quick):
    served = serve(data_folder)
    capture = served.engine.keys.create("front", ["capture"]).token

    with rankloop.connect(served.url, api_key=capture, config=quick) as loop:
        loop.interactions.create(feature_id="d", interaction_type="click")
        with pytest.raises(ForbiddenError):
            list(loop.interactions.list())
    with (
        rankloop.connect(served.url, config=quick) as loop,
        pytest.raises(UnauthenticatedError, match="req_"),
    ):
        list(loop.interactions.list())


@pytest.mark.parametrize("url", ["http://", "ftp://host", "http://[::1"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(InputError):
        rankloop.connect(url)


def test_a_key_that_no_header_can_carry_is_refused():
    with pytest.raises(InputError, match="ASCII"):
        rankloop.connect("http://127.0.0.1:1", api_key="kéy\n")


def test_an_empty_target_is_refused():
    with pytest.raises(InputError):
        rankloop.connect("")


def test_no_server_is_said_plainly(free_port, quick):
    with (
        rankloop.connect(f"http://127.0.0.1:{free_port}", config=quick) as loop,
        pytest.raises(UnavailableError, match="no answer to GET"),
    ):
        loop.interactions.get("i1")


def test_a_server_that_is_no_rankloop_is_said_plainly(fickle, quick):
    with (
        rankloop.connect(fickle.url, config=quick) as loop,
        pytest.raises(UnavailableError, match="not what this client expects"),
    ):
        loop.users.export("ann")


def test_a_folder_is_let_go_of_and_can_be_opened_again(data_folder):
    for expected in ("accepted", "duplicate"):
        with rankloop.connect(data_folder) as loop:
            made = loop.interactions.create(
                feature_id="d", interaction_type="click", interaction_id="i1"
            )
            assert made.status == expected


def test_a_closed_client_says_so(target, quick):
    loop = rankloop.connect(target, config=quick)
    loop.close()
    loop.close()

    with pytest.raises(UnavailableError, match="closed"):
        loop.interactions.get("i1")


def test_keys_are_for_the_network_not_for_the_owner_of_the_folder(data_folder):
    with rankloop.connect(data_folder):
        pass
    ring = KeyRing(data_folder / "catalog.db")
    ring.create("front", ["capture"])
    ring.close()

    with rankloop.connect(data_folder) as loop:
        assert list(loop.interactions.list()) == []


def test_a_folder_in_use_names_its_owner(serve, data_folder, monkeypatch):
    monkeypatch.setitem(DataFolder.__init__.__kwdefaults__, "wait_s", 0.1)
    served = serve(data_folder)
    served.engine.folder.set_url(served.url)

    with pytest.raises(FolderInUseError) as caught:
        rankloop.connect(data_folder)

    assert served.url in caught.value.hint


PROGRAM = textwrap.dedent(
    """
    import sys
    import rankloop

    loop = rankloop.connect(sys.argv[1])
    for n in range(700):
        loop.sender.add_interaction(
            feature_id=f"d{n}", interaction_type="click", interaction_id=f"i{n}"
        )
    """
)


def test_what_the_sender_holds_goes_out_when_the_program_ends(target):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(target)], capture_output=True, text=True, timeout=60
    )

    assert (done.returncode, done.stderr) == (0, "")
    with rankloop.connect(target) as loop:
        assert loop.interactions.list().count() == 700


def test_records_can_be_written_as_json(loop):
    made = loop.interactions.create(feature_id="d", interaction_type="click", interaction_id="i1")

    assert json.loads(json.dumps(made.to_dict()))["interaction_id"] == "i1"
