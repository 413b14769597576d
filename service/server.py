"""uvicorn, told to leave politely: sessions first, then clients, then connections."""

import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI

from hadua.service.connection import BoundedConnection
from hadua.service.http_connection import HEAD_S, BoundedHttp

GRACE_S = 1
PING_S = 5.0
KEPT_S = 30.0
"""How long an idle connection is kept: well beyond what clients do. One that sends a request at the
moment when its connection is closed does not learn what became of it."""


class Server(uvicorn.Server):
    """Serves an application on a socket, and drains it before connections are closed.

    Args:
        app: The application.
        drain: Awaited first when the server is asked to exit.
        ping_s: Seconds between pings; a client has twice as long to answer one.
        tls: Certificate and private key to serve HTTPS with.
        head_s: What the head of a request may take to come.
    """

    def __init__(
        self,
        app: FastAPI,
        *,
        drain: Callable[[], Awaitable[None]],
        ping_s: float = PING_S,
        tls: tuple[Path, Path] | None = None,
        head_s: float = HEAD_S,
    ) -> None:
        cert, key = tls or (None, None)
        config = uvicorn.Config(
            app,
            loop="asyncio",
            http=type("Http", (BoundedHttp,), {"head_s": head_s}),
            ws=BoundedConnection,
            ws_per_message_deflate=False,
            ws_ping_interval=ping_s,
            ws_ping_timeout=2.0 * ping_s,
            ws_max_size=64 * 1024,
            timeout_keep_alive=round(KEPT_S),
            timeout_graceful_shutdown=GRACE_S,
            log_config=None,
            access_log=False,
            ssl_certfile=cert,
            ssl_keyfile=key,
            proxy_headers=False,  # `cut` finds a client by its real address
        )
        super().__init__(config)
        self._drain = drain

    def request_exit(self) -> None:
        """Begin to leave; from the loop or a signal handler."""
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to leave. A second signal changes nothing: leaving is bounded in time anyway."""
        del sig, frame
        self.request_exit()

    def cut(self, client: tuple[str, int]) -> None:
        """Cut the connection of a client without a word."""
        for connection in self.server_state.connections:
            if isinstance(connection, BoundedConnection) and connection.client == client:
                connection.transport.abort()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then close what is left."""
        await self._drain()
        await super().shutdown(sockets)
