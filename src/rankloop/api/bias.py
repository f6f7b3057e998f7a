"""Position bias over HTTP."""

from __future__ import annotations

from typing import Final

from litestar import Response, get

from rankloop.api.addresses import Address, opt
from rankloop.api.filters import WindowQuery
from rankloop.api.insights import answer_about
from rankloop.api.reading import AnyRequest, engine_of, query_of
from rankloop.tables.bias import Bias


@get(
    "/v1/bias/{retriever_id:str}",
    opt=opt(Address(scope="read", answers={200: Bias}, refusals=(503,), query=WindowQuery)),
    tags=["bias"],
)
async def report_bias(request: AnyRequest) -> Response[bytes]:
    """Estimate how likely each position is looked at, and how sure that is; `-` for all."""
    query = query_of(request, WindowQuery)
    return await answer_about(request, query, engine_of(request).estimation.bias)


HANDLERS: Final = [report_bias]
"""Every address of this module."""
