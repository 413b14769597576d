"""Frames of one session, without a hole, across lost connections and restarts of the service."""

import asyncio
import random
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Generic, Self, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from hadua.service.client.backoff import delays_s
from hadua.service.client.errors import (
    SessionFailedError,
    UnreachableError,
    plain_refusal,
    refusal,
)
from hadua.service.client.frames import AnyFrame, decode
from hadua.service.client.progress import Heard
from hadua.service.session_state import SessionState
from hadua.service.wire import Hello, StatusFrame

BAD_QUERY, UNKNOWN_SESSION, POLICY_VIOLATION = 4422, 4404, 1008
OPEN_TIMEOUT_S = 10.0
PING_S = 5.0
MAX_FRAME_BYTES = 16 * 2**20


F = TypeVar("F")


class AsyncStream(Generic[F]):
    """An asynchronous iterator of frames that connects, and connects again, by itself.

    It ends when the session is over, with `SessionFailedError` if that failed. `missed` counts the
    frames that a gap says are lost, `reconnects` how often the connection was.

    Args:
        url_of: The URL for a query.
        heard: What was heard so far.
        pick: Of a frame, what to hand on; None for nothing.
        headers: Sent with every handshake.
        patience_s: How long to try until the service answers.
        tls: How to trust an https service.
    """

    def __init__(
        self,
        url_of: Callable[[Mapping[str, object]], str],
        heard: Heard,
        *,
        pick: Callable[[AnyFrame], F | None],
        headers: Mapping[str, str],
        patience_s: float,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.closed = False
        self.reconnects = 0
        self._url_of = url_of
        self._heard = heard
        self._pick = pick
        self._tls = tls
        self._headers = headers
        self._patience_s = patience_s
        self._connection: ClientConnection | None = None
        self._ready: deque[F] = deque()
        self._delays: Iterator[float] | None = None
        self._give_up_s = 0.0

    @property
    def hello(self) -> Hello | None:
        """What the service said of itself at the latest connection."""
        return self._heard.hello

    @property
    def missed(self) -> int:
        """Frames that did not reach this client, of those it asked for."""
        return self._heard.missed

    async def __aenter__(self) -> Self:
        """Nothing is connected before the first frame is asked for."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        await self.aclose()

    def __aiter__(self) -> Self:
        """The stream is its own iterator: two loops over it share the frames."""
        return self

    async def __anext__(self) -> F:
        """The next frame.

        Raises:
            StopAsyncIteration: the session is over, or the stream was closed.
            SessionFailedError: the session has failed.
            RefusedError: there is no such session, or the service says no.
            UnreachableError: it does not answer.
        """
        while not self._ready:
            if self.closed or self._heard.over is not None:
                await self.aclose()
                self._raise_if_failed()
                raise StopAsyncIteration
            await self._hear()
        return self._ready.popleft()

    async def aclose(self) -> None:
        """Leave; nothing happens if that is done."""
        self.closed = True
        await self._disconnect()

    async def _hear(self) -> None:
        if self._connection is None:
            self._connection = await self._connect()
        try:
            frame = decode(await self._connection.recv())
        except ConnectionClosed as closed:
            await self._disconnect()
            self._note_close(closed)
            return
        if isinstance(frame, Hello):
            self._delays = None  # what follows is a new story
        picked = map(self._pick, self._heard.take(frame))
        self._ready.extend(each for each in picked if each is not None)

    async def _connect(self) -> ClientConnection:
        while True:
            await self._wait()
            try:
                return await connect(
                    self._url_of(self._heard.query()),
                    additional_headers=self._headers,
                    compression=None,
                    proxy=None,
                    ssl=self._tls,
                    open_timeout=OPEN_TIMEOUT_S,
                    ping_interval=PING_S,
                    ping_timeout=2.0 * PING_S,
                    close_timeout=1.0,
                    max_size=MAX_FRAME_BYTES,
                )
            except InvalidStatus as refused:
                if refused.response.status_code < 500:
                    raise refusal(refused.response.status_code, refused.response.body) from refused
                self._require_patience(refused)
            except (OSError, TimeoutError, InvalidHandshake) as fault:
                self._require_patience(fault)

    async def _wait(self) -> None:
        if self._delays is None:
            self._delays = delays_s(random.Random())
            self._give_up_s = time.monotonic() + self._patience_s
        await asyncio.sleep(next(self._delays))

    def _require_patience(self, fault: Exception) -> None:
        if time.monotonic() > self._give_up_s:
            raise UnreachableError(
                "the service does not answer",
                got=str(fault) or type(fault).__name__,
                hint="Is hadua-serve running?",
            ) from fault

    def _note_close(self, closed: ConnectionClosed) -> None:
        """Decide whether to come again; what was said so far is known."""
        self.reconnects += 1
        code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
        if code == BAD_QUERY:
            raise plain_refusal("invalid-request", reason, status=422) from closed
        if code == POLICY_VIOLATION:
            raise plain_refusal("http-error", reason, status=400) from closed
        if code == UNKNOWN_SESSION and self.hello is None:
            raise plain_refusal("session-unknown", reason, status=404) from closed
        if self._delays is not None:  # it was closed before it was greeted
            self._require_patience(closed)

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # Closing waits for what was not read to be read, and nobody is going to.
            connection.transport.abort()
            await connection.wait_closed()

    def _raise_if_failed(self) -> None:
        last = self._heard.over
        if last is not None and last.state == SessionState.FAILED:
            reason = last.reason if isinstance(last, StatusFrame) else ""
            raise SessionFailedError(
                f"session {last.session_id!r} has failed", got=reason or None,
                hint="GET /api/v1/sessions/{id} says why.",
            )  # fmt: skip
