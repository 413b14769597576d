"""uvicorn's HTTP connection, which cannot be held open by a peer that never ends its request.

uvicorn waits for the head of a request as long as the peer likes; some hundred peers that send a
byte now and then would take all files that this process may open. (Bodies: `body_limit`.)
"""

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD_S = 10.0


class BoundedHttp(AutoHTTPProtocol):  # type: ignore[valid-type, misc] # one of two classes
    """Cut where the head of a request does not come to an end in time."""

    head_s: ClassVar[float] = HEAD_S
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Take what came; a request whose head has begun has so long to end it."""
        if self._late is None and not self._is_answering:
            self._expect_head()
        super().data_received(data)
        if self._is_answering:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer is gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _expect_head(self) -> None:
        self._stop_waiting()
        self._late = asyncio.get_running_loop().call_later(self.head_s, self._cut)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _cut(self) -> None:
        self._late = None
        # A connection that has become a WebSocket is another's by now; an idle one is uvicorn's.
        if self.transport.get_protocol() is self and not self._is_answering:
            self.transport.abort()
