"""The stage `external`: documents from another search engine, asked over HTTP."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import urlsplit

import httpx2
import msgspec

from rankloop.errors import AnswerError, Fault, FaultsError, UnavailableError
from rankloop.stages.engines import PRESETS, Mapped, read_hits
from rankloop.stages.fusion import add_found
from rankloop.stages.limits import MAX_TIMEOUT_MS, TopK, Weight
from rankloop.stages.templates import fill, find_faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rankloop.stages.base import Candidates, Query

MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024
"""Most bytes of another engine's answer."""

Path = Annotated[str, msgspec.Meta(max_length=256)]
"""Dotted names from the outside in; empty for the thing itself."""


class ExternalConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of `External`."""

    url: Annotated[str, msgspec.Meta(min_length=1, max_length=2_048)]
    """The engine's search address, `http://…` or `https://…`; redirects are not followed."""

    preset: Literal["", "opensearch", "elasticsearch", "typesense"] = ""
    """A mapping to begin with; the fields below replace parts of it."""

    search_fields: Annotated[tuple[str, ...], msgspec.Meta(max_length=100)] = ()
    """Fields that a preset searches; needed for `typesense`."""

    engine: Annotated[str, msgspec.Meta(max_length=128)] = ""
    """Name of the headers, such as a key, that the operator's settings hold for this engine."""

    method: Literal["GET", "POST"] | None = None
    """How it is asked; `POST` if nothing says otherwise."""

    params: dict[str, str | int | bool] | None = None
    """The address's parameters; a value may be a placeholder."""

    body: Any = None
    """The body, any JSON: `"{{query}}"`, `"{{limit}}"` and `"{{offset}}"` stand for values."""

    hits: Path | None = None
    """Where the list of hits stands in the answer; `hits` if nothing says otherwise."""

    id: Path | None = None
    """Where a hit has its document id; `id` if nothing says otherwise."""

    score: Path | None = None
    """Where a hit has its score; without usable scores the order counts."""

    fields: Path | None = None
    """Where a hit has its fields; empty for the hit itself."""

    top_k: TopK = 100
    """How many documents are asked for."""

    weight: Weight = 1.0
    """How much they count beside documents that an earlier stage found, which count 1."""

    timeout_ms: Annotated[float, msgspec.Meta(gt=0.0, le=MAX_TIMEOUT_MS)] = 1_000.0
    """What the engine may take."""

    def __post_init__(self) -> None:
        faults = [
            *_find_address_faults(self.url),
            *_find_template_faults(self.body, "/body"),
            *_find_template_faults(self.params, "/params"),
        ]
        if self.preset == "typesense" and not self.search_fields and not self.params:
            faults.append(Fault("/search_fields", "missing_field", "Typesense must be told fields"))
        most = self.mapped().most
        if most is not None and self.top_k > most:
            detail = f"{self.preset} gives at most {most:,} documents at once"
            faults.append(Fault("/top_k", "out_of_range", detail))
        if faults:
            raise FaultsError(faults[0].detail, faults)

    def mapped(self) -> Mapped:
        """Return the mapping: the preset's, with what this config says instead."""
        base = PRESETS[self.preset](self.search_fields) if self.preset else Mapped()
        said = {
            name: value
            for name in ("method", "params", "body", "hits", "id", "score", "fields")
            if (value := getattr(self, name)) is not None
        }
        return msgspec.structs.replace(base, **said)


class External:
    """Find documents by asking another engine; its answer is bounded in time and size.

    The request's filters are not passed on: they are checked on what comes back.
    """

    def __init__(
        self,
        http: httpx2.Client,
        config: ExternalConfig,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._http = http
        self._config = config
        self._mapped = config.mapped()
        self._headers = dict(headers or {})

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        """Return what the engine found, added to what was there.

        Raises:
            UnavailableError: The engine cannot be reached, is too slow or is overloaded.
            AnswerError: It answered with something else than hits.
        """
        values: dict[str, str | int] = {
            "query": query.text,
            "limit": self._config.top_k,
            "offset": 0,
        }
        found = read_hits(self._ask(values), self._mapped).head(self._config.top_k)
        return add_found(candidates, found, self._config.weight)

    def _ask(self, values: dict[str, str | int]) -> object:
        """Send the question and decode the answer."""
        timeout_s = self._config.timeout_ms / 1e3
        ends = time.monotonic() + timeout_s
        body = fill(self._mapped.body, values)
        try:
            with self._http.stream(
                self._mapped.method,
                self._config.url,
                params=fill(self._mapped.params, values),
                content=None if body is None else msgspec.json.encode(body),
                headers={"content-type": "application/json", **self._headers},
                timeout=timeout_s,
                follow_redirects=False,
            ) as response:
                _check_status(response.status_code)
                text = _read_bounded(response.iter_bytes(), ends)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            raise UnavailableError("the search engine does not answer") from error
        try:
            return msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise AnswerError("the search engine's answer is not JSON") from error


def _check_status(status: int) -> None:
    """Refuse an answer that is no success."""
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise UnavailableError(f"the search engine answered {status}")
    if status != HTTPStatus.OK:
        raise AnswerError(f"the search engine answered {status}")


def _read_bounded(chunks: Iterator[bytes], ends: float) -> bytes:
    """Read a body; an endless or a trickling one is given up."""
    parts = []
    n_bytes = 0
    for chunk in chunks:
        n_bytes += len(chunk)
        if n_bytes > MAX_ANSWER_BYTES:
            raise AnswerError(f"the search engine's answer is over {MAX_ANSWER_BYTES:,} bytes")
        if time.monotonic() > ends:
            raise UnavailableError("the search engine is too slow")
        parts.append(chunk)
    return b"".join(parts)


def _find_address_faults(url: str) -> list[Fault]:
    """Find what is wrong with an engine's address."""
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return [Fault("/url", "invalid_value", "is no address")]
    if not is_whole:
        return [Fault("/url", "invalid_value", "must begin with http:// or https:// and a host")]
    if parts.username is not None:
        detail = "holds no name or password; the settings of the engine do"
        return [Fault("/url", "invalid_value", detail)]
    return []


def _find_template_faults(template: object, pointer: str) -> list[Fault]:
    """Find what is wrong with placeholders."""
    return [
        Fault(place, "invalid_placeholder", detail)
        for place, detail in find_faults(template, pointer)
    ]
