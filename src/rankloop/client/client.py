"""The client: one object whose attributes are the parts of the API."""

from __future__ import annotations

import asyncio
import atexit
import threading
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from rankloop.client.analytics import Analytics, AsyncAnalytics
from rankloop.client.bias import AsyncPositionBias, PositionBias
from rankloop.client.calling import AsyncCaller, Caller, RetryConfig
from rankloop.client.exports import AsyncExports, Exports
from rankloop.client.interactions import AsyncInteractions, Interactions
from rankloop.client.jobs import AsyncJobs, Jobs
from rankloop.client.judgments import AsyncJudgments, Judgments
from rankloop.client.models import AsyncRegisteredModels, RegisteredModels
from rankloop.client.retriever import AsyncRetriever, Retriever, list_all
from rankloop.client.searches import AsyncSearches, Searches
from rankloop.client.sender import AsyncSender, Sender, SenderConfig
from rankloop.client.training import AsyncTraining, Training
from rankloop.client.users import AsyncUsers, Users

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from rankloop.client.calling import AsyncTransport, Transport
    from rankloop.tables.serving import PipelineVersions


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """Settings of a client."""

    retry: RetryConfig = field(default_factory=RetryConfig)
    """How often and how patiently calls are repeated where that is safe."""

    sender: SenderConfig = field(default_factory=SenderConfig)
    """Pace and bounds of the background queue."""


class Client:
    """Everything the API offers, over HTTP or in this process.

    Made by `rankloop.connect`. Threads may share it. It is closed by `close()`, at the end of a
    `with` block, or at the latest when the process ends.

    Attributes:
        interactions: What people did: create, list, get, delete.
        searches: Lists that were shown: create.
        analytics: What is going on.
        bias: How likely each position is looked at.
        users: Export and erasure of what is held about someone.
        exports: Whole tables as files.
        judgments: What was judged elsewhere: put, list, remove.
        jobs: Work in the background: start, get, list, cancel, wait.
        models: Trained models: list, get, promote, rollback.
        training: Models out of what people did: fine_tune.
        sender: The background queue for applications.

    Args:
        url: Address of a server, `http://…` or `https://…`.
        api_key: Its key, where it asks for one.
        config: How patient to be.
        transport: What carries the calls; a connection pool when left out.

    Raises:
        InputError: The address is none.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        config: ClientConfig | None = None,
        transport: Transport | None = None,
    ) -> None:
        config = config or ClientConfig()
        self.url = url
        caller = Caller(transport or _open(url, api_key, config), config.retry)
        self._caller = caller
        self._caller = caller
        self.interactions = Interactions(caller)
        self.searches = Searches(caller)
        self.analytics = Analytics(caller)
        self.bias = PositionBias(caller)
        self.users = Users(caller)
        self.exports = Exports(caller)
        self.judgments = Judgments(caller)
        self.jobs = Jobs(caller)
        self.models = RegisteredModels(caller)
        self.training = Training(self.jobs)
        self.sender = Sender(caller.transport, config.sender)
        self._finish = _finish_with(self, self.sender, caller.transport)

    def retriever(self, retriever_id: str) -> Retriever:
        """Return one retriever, known or yet to be made; nothing is asked of the server."""
        return Retriever(self._caller, retriever_id)

    def retrievers(self) -> PipelineVersions:
        """Return the pipelines in use, by name of their retriever."""
        return self._caller.run(list_all())

    def close(self) -> None:
        """Send what the sender still holds, within its time limit, and let go of the server."""
        self._finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.url!r})"


class AsyncClient:
    """The same for asynchronous code; made by `rankloop.connect_async`.

    Args:
        url: Address of a server.
        api_key: Its key, where it asks for one.
        config: How patient to be.
        transport: What carries the calls; a connection pool when left out.
        sender_transport: What carries those of the background queue, which has its own thread.

    Raises:
        InputError: The address is none.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        config: ClientConfig | None = None,
        transport: AsyncTransport | None = None,
        sender_transport: Transport | None = None,
    ) -> None:
        config = config or ClientConfig()
        self.url = url
        self._transport = transport or _open_async(url, api_key, config)
        caller = AsyncCaller(self._transport, config.retry)
        self._caller = caller
        self._caller = caller
        self.interactions = AsyncInteractions(caller)
        self.searches = AsyncSearches(caller)
        self.analytics = AsyncAnalytics(caller)
        self.bias = AsyncPositionBias(caller)
        self.users = AsyncUsers(caller)
        self.exports = AsyncExports(caller)
        self.judgments = AsyncJudgments(caller)
        self.jobs = AsyncJobs(caller)
        self.models = AsyncRegisteredModels(caller)
        self.training = AsyncTraining(self.jobs)
        sending = sender_transport or _open(url, api_key, config)
        queue = Sender(sending, config.sender)
        self.sender = AsyncSender(queue)
        self._finish = _finish_with(self, queue, sending)

    def retriever(self, retriever_id: str) -> AsyncRetriever:
        """Return one retriever, known or yet to be made; nothing is asked of the server."""
        return AsyncRetriever(self._caller, retriever_id)

    async def retrievers(self) -> PipelineVersions:
        """Return the pipelines in use, by name of their retriever."""
        return await self._caller.run(list_all())

    async def close(self) -> None:
        """Send what the sender still holds, within its time limit, and let go of the server."""
        await asyncio.to_thread(self._finish)
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncClient({self.url!r})"


def _open(url: str, api_key: str | None, config: ClientConfig) -> Transport:
    """Open a pool of connections to a server."""
    # The HTTP library takes 0.1 s to import, which a folder in this process never needs.
    from rankloop.client.transport import HttpTransport

    return HttpTransport(url, api_key, config.retry.timeout_s)


def _open_async(url: str, api_key: str | None, config: ClientConfig) -> AsyncTransport:
    """Open a pool of connections to a server for asynchronous code."""
    from rankloop.client.transport import AsyncHttpTransport

    return AsyncHttpTransport(url, api_key, config.retry.timeout_s)


def _finish_with(client: object, sender: Sender, transport: Transport) -> Callable[[], object]:
    """Return what ends a client once: called by hand, when it is forgotten, or at exit."""
    finish = weakref.finalize(client, _finish, sender, transport)
    # Plain `atexit` comes after the interpreter has closed all thread pools, too late for a
    # folder in this process to take the last events; this hook comes before.
    register = getattr(threading, "_register_atexit", atexit.register)
    register(finish)
    return finish


def _finish(sender: Sender, transport: Transport) -> None:
    """Send what is left, then let go."""
    sender.close()
    transport.close()
