"""The description of the API: an OpenAPI document, and a page to try it that needs no network."""

from __future__ import annotations

import inspect
import re
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import msgspec
from litestar import Response, get

from rankloop.api.addresses import Address, opt
from rankloop.api.parameters import field_types, is_repeatable
from rankloop.api.problems import PROBLEM_TYPE, Problem
from rankloop.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

    from litestar.handlers import HTTPRouteHandler

OPENAPI_TYPE: Final = "application/vnd.oai.openapi+json"
REFERENCE: Final = "#/components/schemas/{name}"

REASONS: Final = {
    400: "The request cannot be read, or a value is wrong; `errors` points at each.",
    401: "A key is needed, or the one sent is not known.",
    403: "The key does not allow this.",
    404: "There is no such thing.",
    409: "The state of the thing does not allow this.",
    413: "The body or the batch is over its limit.",
    415: "The body is neither JSON nor NDJSON.",
    416: "The part asked for is not in the file.",
    422: "There is not enough data for an answer; `where` names what is missing.",
    429: "Too many jobs are waiting; `Retry-After` says when to try again.",
    503: "The store or the journal cannot take this now; `Retry-After` says when to try again.",
    507: "There is no room left on the disk.",
}
"""What each refusal means, wherever it is answered."""

_PATH_PARAMETER = re.compile(r"\{(\w+):str\}")
_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")


def build_document(handlers: Iterable[HTTPRouteHandler]) -> dict[str, Any]:
    """Describe handlers by their promises, docstrings and shapes.

    Args:
        handlers: Those with an `Address`; others are not part of the interface.

    Returns:
        An OpenAPI 3.1 document.
    """
    handlers = [handler for handler in handlers if "address" in handler.opt]
    shapes = [Problem, *(shape for handler in handlers for shape in _shapes(_promise(handler)))]
    schemas, components = msgspec.json.schema_components(shapes, ref_template=REFERENCE)
    known = dict(zip(map(repr, shapes), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for handler in handlers:
        for path in handler.paths:
            operations = paths.setdefault(_PATH_PARAMETER.sub(r"{\1}", path), {})
            for method in sorted(handler.http_methods):
                operations[method.lower()] = _describe(handler, path, known)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rankloop",
            "version": __version__,
            "description": "What people do with search results, and what follows from it.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {_NAMES.sub("_", name): shape for name, shape in sorted(components.items())},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def build_handlers(described: Iterable[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """Build the addresses that serve the description of others."""

    @lru_cache(maxsize=1)
    def encode() -> bytes:
        return msgspec.json.encode(build_document(described))

    @get("/schema/openapi.json", opt=opt(Address(scope=None, answers={200: bytes})))
    async def show_document() -> Response[bytes]:
        """Return the description of the API."""
        return Response(encode(), media_type=OPENAPI_TYPE)

    @get("/schema", opt=opt(Address(scope=None, answers={200: bytes})))
    async def show_page() -> Response[bytes]:
        """Return a page on which every call can be tried."""
        page = resources.files("rankloop.api").joinpath("explorer.html").read_bytes()
        policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
        headers = {"content-security-policy": f"{policy}; connect-src 'self'; base-uri 'none'"}
        return Response(page, media_type="text/html", headers=headers)

    return [show_document, show_page]


def _promise(handler: HTTPRouteHandler) -> Address:
    address: Address = handler.opt["address"]
    return address


def _shapes(address: Address) -> list[Any]:
    """List every shape that an address names."""
    answers = [shape for shape in address.answers.values() if shape not in (None, bytes)]
    bodies = [] if address.body is None else [address.body]
    return [*answers, *bodies, *field_types(address.query).values()]


def _describe(handler: HTTPRouteHandler, path: str, known: dict[str, Any]) -> dict[str, Any]:
    """Describe one operation."""
    address = _promise(handler)
    summary, _, description = inspect.cleandoc(handler.fn.__doc__ or "").partition("\n\n")
    operation: dict[str, Any] = {
        "operationId": handler.fn.__name__,
        "summary": summary.rstrip("."),
        "description": " ".join(description.split()),
        "tags": list(handler.tags or ()),
        "parameters": [*_describe_path(path), *_describe_query(address, known)],
        "responses": _describe_answers(address, known),
    }
    if address.body is not None:
        content = {media: {"schema": known[repr(address.body)]} for media in address.body_media}
        operation["requestBody"] = {"required": True, "content": content}
    if address.scope is not None:
        operation["security"] = [{"key": [address.scope]}]
    return {name: value for name, value in operation.items() if value not in ("", [])}


def _describe_path(path: str) -> list[dict[str, Any]]:
    """Describe the identifiers in a path."""
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PATH_PARAMETER.findall(path)
    ]


def _describe_query(address: Address, known: dict[str, Any]) -> list[dict[str, Any]]:
    """Describe query parameters; all can be left out."""
    described = []
    for name, wanted in field_types(address.query).items():
        schema = _without_null(known[repr(wanted)])
        parameter: dict[str, Any] = {"name": name, "in": "query", "required": False}
        text = schema.pop("description", "")
        if text:
            parameter["description"] = text
        if is_repeatable(wanted):
            parameter["explode"] = True
        described.append({**parameter, "schema": schema})
    return described


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Take the null out of a schema: a query parameter is there or it is not."""
    options = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if len(options) == 1:
        return dict(options[0])
    if options:
        texts = [one["description"] for one in options if "description" in one]
        options = [{k: v for k, v in one.items() if k != "description"} for one in options]
        return {"anyOf": options, **({"description": texts[0]} if texts else {})}
    return dict(schema)


def _describe_answers(address: Address, known: dict[str, Any]) -> dict[str, Any]:
    """Describe answers and refusals by status."""
    answers: dict[str, Any] = {}
    for status, shape in address.answers.items():
        answers[str(status)] = {"description": "Done."}
        if shape is not None:
            schema = (
                {"type": "string", "format": "binary"} if shape is bytes else known[repr(shape)]
            )
            answers[str(status)]["content"] = {media: {"schema": schema} for media in address.media}
    for status in address.all_refusals:
        content = {PROBLEM_TYPE: {"schema": known[repr(Problem)]}}
        answers[str(status)] = {"description": REASONS[status], "content": content}
    return answers
