"""What is checked before a handler runs: the key, the content type, the query parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rankloop.api.batches import JSON_TYPES, check_content_type
from rankloop.api.doors import find_header
from rankloop.api.parameters import read_parameters

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection
    from litestar.handlers.base import BaseRouteHandler

    from rankloop.api.addresses import Address
    from rankloop.api.doors import Doors


def check_key(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Let in whoever has the scope that the address asks for."""
    address: Address | None = handler.opt.get("address")
    if address is not None and address.scope is not None:
        doors: Doors = connection.app.state.doors
        doors.check_key(connection.scope["headers"], address.scope)


def check_body(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Let in a body that is said to be what the address takes; no body needs no type."""
    address: Address | None = handler.opt.get("address")
    if address is None:
        return
    headers = connection.scope["headers"]
    is_empty = find_header(headers, b"content-length") in ("", "0")
    if not is_empty or find_header(headers, b"transfer-encoding"):
        check_content_type(headers, JSON_TYPES.union(address.body_media))


def read_query(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Read the query parameters into the record of the address.

    An address without any takes none: a parameter that does nothing is a mistake that should not
    go unnoticed.
    """
    address: Address | None = handler.opt.get("address")
    if address is not None:
        query = read_parameters(connection.scope["query_string"], address.query)
        connection.scope["state"]["query"] = query
