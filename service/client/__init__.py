"""The service from a program of one's own: `Client`, and `AsyncClient` for asyncio.

Nothing that serves, learns or computes is imported here: `msgspec` and `websockets` are enough.
"""

from hadua.service.client.asynchronous import AsyncClient
from hadua.service.client.errors import (
    ClientError,
    RefusedError,
    SessionFailedError,
    UnreachableError,
)
from hadua.service.client.follower import Follower
from hadua.service.client.plain_stream import Stream
from hadua.service.client.stream import AsyncStream
from hadua.service.client.synchronous import Client

__all__ = [
    "AsyncClient",
    "AsyncStream",
    "Client",
    "ClientError",
    "Follower",
    "RefusedError",
    "SessionFailedError",
    "Stream",
    "UnreachableError",
]
