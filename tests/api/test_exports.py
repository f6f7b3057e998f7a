"""Exports over HTTP: files, manifests, ranges."""

import hashlib
import io
import json

import pyarrow.parquet
import pytest

PATH = "/v1/exports"


def test_an_export_is_a_file_with_a_manifest(shop):
    answer = shop.get(f"{PATH}/interactions")
    manifest = shop.get(f"{PATH}/manifests/{answer.headers['x-rankloop-export']}").json()

    assert answer.status == 200
    assert len(answer.body.splitlines()) == manifest["rows"] == 25
    assert hashlib.sha256(answer.body).hexdigest() == manifest["sha256"]
    assert manifest["window"] == {"start": None, "end": None}
    assert answer.headers["link"].startswith(f"<{PATH}/manifests/")


@pytest.mark.parametrize("kind", ["interactions", "searches", "click-log"])
@pytest.mark.parametrize(
    ("form", "media"),
    [
        ("ndjson", "application/x-ndjson"),
        ("csv", "text/csv; charset=utf-8"),
        ("parquet", "application/vnd.apache.parquet"),
    ],
)
def test_every_kind_comes_in_every_format(shop, kind, form, media):
    answer = shop.get(f"{PATH}/{kind}", format=form)

    assert (answer.status, answer.headers["content-type"]) == (200, media)
    assert answer.headers["content-disposition"] == f'attachment; filename="{kind}.{form}"'
    if form == "parquet":
        assert pyarrow.parquet.read_table(io.BytesIO(answer.body)).num_rows > 0


def test_the_click_log_is_derived_before_it_is_exported(api):
    api.fill(
        [{"search_id": "s1", "query": "q", "results": [{"document_id": "d1"}]}], "/v1/searches"
    )
    api.fill([{"feature_id": "d1", "interaction_type": "click", "search_id": "s1"}])

    row = json.loads(api.get(f"{PATH}/click-log").body)

    assert (row["search_id"], row["position"], row["clicked"]) == ("s1", 0, 1)


def test_a_window_and_a_retriever_narrow(shop):
    query = {"retriever_id": "products", "start": "2026-11-02T10:20:00Z"}
    answer = shop.get(f"{PATH}/interactions", **query)
    manifest = shop.get(f"{PATH}/manifests/{answer.headers['x-rankloop-export']}").json()

    assert len(answer.body.splitlines()) == 2
    assert manifest["filters"] == {"retriever_id": "products"}
    assert manifest["window"]["start"] == "2026-11-02T10:20:00Z"


def test_a_broken_transfer_goes_on_where_it_stopped(shop):
    whole = shop.get(f"{PATH}/interactions", format="csv")

    rest = shop.call(
        "GET",
        f"{PATH}/interactions",
        format="csv",
        headers={"range": "bytes=100-", "if-range": whole.headers["etag"]},
    )

    assert rest.status == 206
    assert whole.body[100:] == rest.body
    assert rest.headers["content-range"] == f"bytes 100-{len(whole.body) - 1}/{len(whole.body)}"
    assert rest.headers["etag"] == whole.headers["etag"]


def test_a_range_has_an_end(shop):
    whole = shop.get(f"{PATH}/searches")
    part = shop.call("GET", f"{PATH}/searches", headers={"range": "bytes=10-19"})

    assert (part.status, part.body) == (206, whole.body[10:20])


def test_where_the_file_has_gone_the_whole_new_one_comes(shop):
    answer = shop.call(
        "GET", f"{PATH}/searches", headers={"range": "bytes=10-", "if-range": '"gone"'}
    )

    assert answer.status == 200
    assert "content-range" not in answer.headers


def test_a_range_outside_the_file_is_a_problem(shop):
    shop.get(f"{PATH}/searches")

    answer = shop.call("GET", f"{PATH}/searches", headers={"range": "bytes=999999999-"})

    assert (answer.status, answer.json()["code"]) == (416, "range_not_satisfiable")


@pytest.mark.parametrize("asked", ["lines=1-2", "bytes=-5", "bytes=1-2,5-6", "bytes=a-b"])
def test_a_form_of_range_that_is_not_known_means_the_whole(shop, asked):
    assert shop.call("GET", f"{PATH}/searches", headers={"range": asked}).status == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{PATH}/people", 404),
        (f"{PATH}/manifests/nope", 404),
        (f"{PATH}/interactionsx", 404),
    ],
)
def test_unknown_exports_are_not_found(shop, path, status):
    assert shop.get(path).status == status


def test_an_unknown_format_is_pointed_at(shop):
    problem = shop.get(f"{PATH}/interactions", format="xlsx").json()

    assert problem["errors"][0]["pointer"] == "/format"


def test_an_empty_export_is_an_empty_file(api):
    answer = api.get(f"{PATH}/interactions")

    assert (answer.status, answer.body) == (200, b"")
