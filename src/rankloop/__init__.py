"""Rankloop closes the loop between what people do with search results and how they are ranked."""

from rankloop.client.client import AsyncClient, Client
from rankloop.connection import connect, connect_async
from rankloop.version import __version__

__all__ = ["AsyncClient", "Client", "__version__", "connect", "connect_async"]
