"""Exports over HTTP: whole tables as files, resumed by range where a transfer broke off."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from litestar import get
from litestar.params import FromPath
from litestar.response import Stream

from rankloop.api.addresses import Address, opt
from rankloop.api.filters import ExportQuery
from rankloop.api.reading import (
    AnyRequest,
    engine_of,
    in_thread,
    now_of,
    query_of,
    read_step,
    wait_for_store,
)
from rankloop.errors import NotFoundError, RangeError
from rankloop.privacy.exports import FORMATS, Export, ExportManifest, ExportRequest
from rankloop.tables.fields import to_start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import BinaryIO

MEDIA_TYPES: Final = {
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv",
    "letor": "text/plain",
    "trec": "text/plain",
    "srw": "application/json",
    "triplets": "application/x-ndjson",
    "triplets-parquet": "application/vnd.apache.parquet",
}
"""Content type by format."""

CHUNK_BYTES: Final = 1 << 18
"""Bytes read and sent at a time."""

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@get(
    "/v1/exports/{kind:str}",
    opt=opt(
        Address(
            scope="read",
            answers={200: bytes, 206: bytes},
            refusals=(404, 416, 422, 503),
            query=ExportQuery,
            media=tuple(dict.fromkeys(MEDIA_TYPES.values())),
        )
    ),
    tags=["exports"],
)
async def export_table(request: AnyRequest, kind: FromPath[str]) -> Stream:
    """Export a table as a file: `interactions`, `searches`, `click-log`, `pairs` and others.

    Others are `judgments` and `features`, what rankers saw of each result. Pairs come as `ndjson`,
    `parquet`, `csv`, `triplets` and `triplets-parquet`; judgments as `ndjson`, `parquet`, `csv`,
    `letor`, `trec` and `srw`; all others as the first three.

    The headers name the export (`X-Rankloop-Export`) and its manifest (`Link`). A broken transfer
    goes on with `Range: bytes=N-` and `If-Range` of the `ETag`; the file is kept for a day.
    """
    engine = engine_of(request)
    query = query_of(request, ExportQuery)
    wanted = _to_request(request, kind, query)
    asked = request.headers.get("range")
    export = None
    if asked is not None:
        export = await in_thread(engine.exports.find, wanted, request.headers.get("if-range"))
    is_resumed = export is not None
    if export is None:
        await wait_for_store(engine)
        if kind == "click-log":
            await in_thread(engine.derivation.refresh)
        export = await in_thread(engine.exports.make, wanted)
    # A range of a file that has gone cannot be honored: the whole new one comes instead.
    is_lost = asked is not None and not is_resumed and "if-range" in request.headers
    return _send_file(export, None if is_lost else asked)


@get(
    "/v1/exports/manifests/{export_id:str}",
    opt=opt(Address(scope="read", answers={200: ExportManifest}, refusals=(404,))),
    tags=["exports"],
)
async def get_manifest(request: AnyRequest) -> ExportManifest:
    """Return what an export held: window, filters, rows, checksum."""
    exports = engine_of(request).exports
    return await in_thread(exports.read_manifest, read_step(request, "export_id"))


def _to_request(request: AnyRequest, kind: str, query: ExportQuery) -> ExportRequest:
    """Say what is asked for in the store's terms."""
    for known in FORMATS:
        if kind == known:
            break
    else:
        raise NotFoundError(
            f"there is no export {kind!r}",
            where="/kind",
            hint=f"Known: {', '.join(FORMATS)}.",
        )
    return ExportRequest(
        kind=known,
        format=query.format,
        retriever_id=query.retriever_id,
        days=query.days,
        start=to_start(query.days, query.start, now_of(request)),
        end=query.end,
        min_interactions=query.min_interactions,
        weights=query.weights or "",
        source_weights=query.source_weights or "",
    )


def _send_file(export: Export, asked: str | None) -> Stream:
    """Answer with a file, or the part of it that was asked for."""
    manifest = export.manifest
    size = manifest.bytes
    first, last = _read_range(asked, size)
    is_part = asked is not None and (first, last) != (0, size - 1)
    headers: dict[str, Any] = {
        "accept-ranges": "bytes",
        "content-length": str(last - first + 1),
        "etag": export.etag,
        "x-rankloop-export": manifest.export_id,
        "link": f'</v1/exports/manifests/{manifest.export_id}>; rel="describedby"',
        "content-disposition": f'attachment; filename="{manifest.kind}.{manifest.format}"',
    }
    if is_part:
        headers["content-range"] = f"bytes {first}-{last}/{size}"
    # Opened now: a sweep or an erasure may take the file away while it is being sent.
    file = export.path.open("rb")
    return Stream(
        _read_part(file, first, last - first + 1),
        status_code=206 if is_part else 200,
        media_type=MEDIA_TYPES[manifest.format],
        headers=headers,
    )


def _read_range(asked: str | None, size: int) -> tuple[int, int]:
    """Return the first and last byte wanted; a form of range that we do not know means all."""
    found = _RANGE.fullmatch(asked or "")
    if found is None:
        return 0, size - 1
    first = int(found[1])
    last = min(int(found[2]), size - 1) if found[2] else size - 1
    if first > last:
        raise RangeError(f"byte {first} was asked for, the file has {size}", where="Range")
    return first, last


async def _read_part(file: BinaryIO, first: int, n_bytes: int) -> AsyncIterator[bytes]:
    """Yield a part of a file."""
    with file:
        file.seek(first)
        left = n_bytes
        while left > 0:
            piece = await in_thread(file.read, min(CHUNK_BYTES, left))
            if not piece:
                return
            left -= len(piece)
            yield piece


HANDLERS: Final = [export_table, get_manifest]
"""Every address of this module."""
