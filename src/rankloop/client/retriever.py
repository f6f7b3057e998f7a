"""One retriever: its pipeline, its documents, and the rankings it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from rankloop.client.calls import Call, Operation, encode, quote_step, read_json
from rankloop.client.documents import AsyncRetrieverDocuments, RetrieverDocuments
from rankloop.events.identity import make_uuid7s
from rankloop.tables.serving import PipelineVersion, PipelineVersions, ServedRanking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATH = "/v1/retrievers"


class RankingFields(TypedDict, total=False):
    """What can be said with a query; what is left out has no say."""

    filters: Mapping[str, Any]
    """Conditions on fields and `document_id`, such as `{"document_id": {"$nin": ["d1"]}}`."""
    limit: int
    """Results wanted, 1 to 1,000."""
    offset: int
    """Results skipped, from 0; page 2 of 10 begins at 10."""
    user_id: str
    session_id: str
    search_id: str
    """The search that this page belongs to; left out, it is a new one."""
    vector: Sequence[float]
    """The query's vector, where the application makes it."""
    surface: str
    device: str
    actor: str
    """Who asks: `human` unless said otherwise; `agent`, `judge` and `robot` count in no rate."""
    explain: bool
    """Whether each result says what moved it, and by how much."""


def _call(method: str, retriever_id: str, step: str = "", body: Any = None) -> Call:  # noqa: ANN401 whatever JSON holds
    """Build a request about one retriever."""
    path = f"{PATH}/{quote_step(retriever_id)}{step}"
    return Call(method, path, body=b"" if body is None else encode(body))


def _configure(retriever_id: str, configuration: Mapping[str, Any]) -> Operation[PipelineVersion]:
    return Operation(_call("PUT", retriever_id, "", configuration), read_json(PipelineVersion))


def _get(retriever_id: str) -> Operation[PipelineVersion]:
    return Operation(_call("GET", retriever_id), read_json(PipelineVersion))


def _versions(retriever_id: str) -> Operation[PipelineVersions]:
    return Operation(_call("GET", retriever_id, "/versions"), read_json(PipelineVersions))


def _restore(retriever_id: str, version: int) -> Operation[PipelineVersion]:
    body = {"version": version}
    return Operation(_call("POST", retriever_id, "/restore", body), read_json(PipelineVersion))


def _remove(retriever_id: str) -> Operation[None]:
    return Operation(_call("DELETE", retriever_id), lambda _answer: None)


def _rank(retriever_id: str, step: str, body: Mapping[str, Any]) -> Operation[ServedRanking]:
    given = {name: value for name, value in body.items() if value is not None}
    # Named here, a call that is made again after a lost answer is recorded once.
    given.setdefault("search_id", make_uuid7s(1)[0])
    return Operation(_call("POST", retriever_id, step, given), read_json(ServedRanking))


def list_all() -> Operation[PipelineVersions]:
    """Build the request for the pipelines in use."""
    return Operation(Call("GET", PATH), read_json(PipelineVersions))


class Retriever(RetrieverDocuments):
    """One retriever, known or yet to be made: `loop.retriever("products")`.

    Attributes:
        retriever_id: Its name.
    """

    def configure(self, configuration: Mapping[str, Any]) -> PipelineVersion:
        """Give it a pipeline: a new version, in use at once.

        Args:
            configuration: `{"stages": […], "embedder"?: {…}, "signal_weights"?: {…}}`.

        Returns:
            The version; the one in use where nothing changed.

        Raises:
            InputError: A stage or one of its fields is wrong; `where` points at it.
        """
        return self._caller.run(_configure(self.retriever_id, configuration))

    def get(self) -> PipelineVersion:
        """Return the pipeline in use.

        Raises:
            NotFoundError: There is no such retriever.
        """
        return self._caller.run(_get(self.retriever_id))

    def versions(self) -> PipelineVersions:
        """Return every version of its pipeline, newest first."""
        return self._caller.run(_versions(self.retriever_id))

    def restore(self, version: int) -> PipelineVersion:
        """Put an older version into use again, as a new one."""
        return self._caller.run(_restore(self.retriever_id, version))

    def remove(self) -> None:
        """Take it out of use, its documents too; what people did with it stays."""
        self._caller.run(_remove(self.retriever_id))

    def execute(self, query: str, **fields: Unpack[RankingFields]) -> ServedRanking:
        """Rank documents for a query; the ranking is recorded as a search.

        Args:
            query: What the person asked for; may be empty where a vector is given.
            **fields: Filters, page and person; see `RankingFields`.

        Returns:
            The ranking; send its `search_id` with each interaction.

        Raises:
            InputError: A field is wrong; `where` points at it.
            NotFoundError: There is no such retriever.
        """
        return self._caller.run(_rank(self.retriever_id, "/execute", {"query": query, **fields}))

    def rerank(
        self,
        query: str,
        candidates: Sequence[Mapping[str, Any]],
        **fields: Unpack[RankingFields],
    ) -> ServedRanking:
        """Rank the candidates of another engine; the ranking is recorded as a search.

        Args:
            query: What the person asked for.
            candidates: `{"document_id", "score"?, "fields"?}` each, best first.
            **fields: Filters, page and person; see `RankingFields`.

        Returns:
            The same documents in a better order, without those that a filter or an exclusion of
            the pipeline rules out.
        """
        body = {"query": query, "candidates": candidates, **fields}
        return self._caller.run(_rank(self.retriever_id, "/rerank", body))

    def __repr__(self) -> str:
        return f"Retriever({self.retriever_id!r})"


class AsyncRetriever(AsyncRetrieverDocuments):
    """The same for asynchronous code; see `Retriever`."""

    async def configure(self, configuration: Mapping[str, Any]) -> PipelineVersion:
        """Give it a pipeline: a new version, in use at once."""
        return await self._caller.run(_configure(self.retriever_id, configuration))

    async def get(self) -> PipelineVersion:
        """Return the pipeline in use."""
        return await self._caller.run(_get(self.retriever_id))

    async def versions(self) -> PipelineVersions:
        """Return every version of its pipeline, newest first."""
        return await self._caller.run(_versions(self.retriever_id))

    async def restore(self, version: int) -> PipelineVersion:
        """Put an older version into use again, as a new one."""
        return await self._caller.run(_restore(self.retriever_id, version))

    async def remove(self) -> None:
        """Take it out of use, its documents too; what people did with it stays."""
        await self._caller.run(_remove(self.retriever_id))

    async def execute(self, query: str, **fields: Unpack[RankingFields]) -> ServedRanking:
        """Rank documents for a query; the ranking is recorded as a search."""
        body = {"query": query, **fields}
        return await self._caller.run(_rank(self.retriever_id, "/execute", body))

    async def rerank(
        self,
        query: str,
        candidates: Sequence[Mapping[str, Any]],
        **fields: Unpack[RankingFields],
    ) -> ServedRanking:
        """Rank the candidates of another engine; the ranking is recorded as a search."""
        body = {"query": query, "candidates": candidates, **fields}
        return await self._caller.run(_rank(self.retriever_id, "/rerank", body))

    def __repr__(self) -> str:
        return f"AsyncRetriever({self.retriever_id!r})"
