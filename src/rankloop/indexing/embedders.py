"""Which embedder a retriever asks for, and building it: none, a local model or an endpoint's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from rankloop.errors import InputError, SettingsError
from rankloop.indexing.embedder_local import LocalEmbedder
from rankloop.indexing.embedder_onnx import OnnxEmbedder, find_onnx
from rankloop.indexing.embedder_openai import EndpointConfig, OpenAIEmbedder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rankloop.indexing.base import Embedder

DEFAULT_ENDPOINT: Final = "openai"
"""The endpoint of an embedder that names no address."""


class EmbedderSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What turns a retriever's texts into vectors."""

    kind: Literal["none", "local", "openai"] = "none"
    """`none` searches by words only; `local` is a folder or a hub name; `openai` an endpoint."""
    model: str = ""
    """A folder, a hub name, or the endpoint's name of the model."""
    base_url: str | None = None
    """Address of an OpenAI-compatible endpoint, up to and without `/embeddings`."""
    dimension: Annotated[int, Meta(ge=1, le=65_536)] | None = None
    """Length of the vectors; whatever the model makes when left out."""


def check_spec(spec: EmbedderSpec, where: str = "/embedder") -> None:
    """Refuse an embedder that cannot be built.

    Raises:
        InputError: It names no model, or an address where it needs none.
    """
    if spec.kind != "none" and not spec.model:
        raise InputError(
            f"an embedder of kind {spec.kind!r} names its model", where=f"{where}/model"
        )
    if spec.kind != "openai" and spec.base_url is not None:
        raise InputError(
            f"an embedder of kind {spec.kind!r} has no address", where=f"{where}/base_url"
        )
    if spec.base_url is not None and not _is_address(spec.base_url):
        raise InputError(
            "must begin with http:// or https:// and a host", where=f"{where}/base_url"
        )


def _is_address(url: str) -> bool:
    """Say whether something may be asked there."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def build_embedder(
    spec: EmbedderSpec | None, endpoints: Mapping[str, EndpointConfig] | None = None
) -> Embedder | None:
    """Build what a retriever asks for.

    Args:
        spec: What it asks for; None asks for none.
        endpoints: Those that the settings know, by name. One with the address of the spec lends it
            its key; a spec without an address takes the one named `openai`. An address that no
            setting knows gets no key.

    Returns:
        The embedder; None where vectors are sent, or there are none.

    Raises:
        InputError: The spec makes no sense.
        SettingsError: What it needs is not installed, or not there.
    """
    if spec is None or spec.kind == "none":
        return None
    check_spec(spec)
    if spec.kind == "openai":
        return OpenAIEmbedder(spec.model, _find_endpoint(spec, endpoints or {}), spec.dimension)
    folder = Path(spec.model)
    if find_onnx(folder) is not None:
        return OnnxEmbedder(folder, spec.dimension)
    return LocalEmbedder(spec.model, spec.dimension)


def find_model(model: str, endpoints: Mapping[str, EndpointConfig]) -> EmbedderSpec:
    """Find the endpoint that has a model: one that names it, else the one named `openai`.

    Raises:
        SettingsError: The settings know neither.

    Example:
        >>> known = {"mine": EndpointConfig("http://models:8080/v1", models=("minilm",))}
        >>> find_model("minilm", known).base_url
        'http://models:8080/v1'
    """
    for endpoint in endpoints.values():
        if model in endpoint.models:
            return EmbedderSpec("openai", model, endpoint.base_url)
    if DEFAULT_ENDPOINT in endpoints:
        return EmbedderSpec("openai", model)
    raise SettingsError(
        f"no embedding endpoint is known that has the model {model!r}",
        where=f"embedders.{DEFAULT_ENDPOINT}.base_url",
        hint=f"Write [embedders.{DEFAULT_ENDPOINT}] with base_url and api_key into rankloop.toml, "
        "or configure the retriever with an embedder of this model.",
    )


def _find_endpoint(spec: EmbedderSpec, endpoints: Mapping[str, EndpointConfig]) -> EndpointConfig:
    """Return where to ask, with the key that belongs there."""
    if spec.base_url is None:
        return endpoints.get(DEFAULT_ENDPOINT, EndpointConfig())
    wanted = spec.base_url.rstrip("/")
    for endpoint in endpoints.values():
        if endpoint.base_url.rstrip("/") == wanted:
            return endpoint
    return EndpointConfig(base_url=wanted)
