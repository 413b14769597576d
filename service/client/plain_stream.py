"""Frames for a program without asyncio: an iterator, and a question with a time limit."""

from concurrent.futures import Future
from contextlib import suppress
from types import TracebackType
from typing import Generic, Self, TypeVar

from hadua.service.client.loop_thread import LoopThread
from hadua.service.client.stream import AsyncStream
from hadua.service.wire import Hello

GLANCE_S = 0.2  # how soon a wait notices Ctrl-C, which on Windows does not end it by itself
CLOSE_S = 5.0

F = TypeVar("F")


class Stream(Generic[F]):
    """Frames as an iterator; it ends when the session is over. See `AsyncStream`.

    Args:
        stream: What it iterates over.
        thread: In which that lives.
    """

    def __init__(self, stream: AsyncStream[F], thread: LoopThread) -> None:
        self._stream = stream
        self._thread = thread
        self._asked: Future[F | None] | None = None

    @property
    def hello(self) -> Hello | None:
        """What the service said of itself at the latest connection."""
        return self._stream.hello

    @property
    def missed(self) -> int:
        """Frames that did not reach this client, of those it asked for."""
        return self._stream.missed

    @property
    def reconnects(self) -> int:
        """How often the connection was lost."""
        return self._stream.reconnects

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._stream.closed

    def __enter__(self) -> Self:
        """Nothing is connected before the first frame is asked for."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def __iter__(self) -> Self:
        """The stream is its own iterator."""
        return self

    def __next__(self) -> F:
        """The next frame; waits for it."""
        while not self._stream.closed:
            if (frame := self.next(GLANCE_S)) is not None:
                return frame
        raise StopIteration

    def next(self, timeout_s: float) -> F | None:
        """The next frame, or None if there is none in that time, or if the stream has ended.

        Raises:
            SessionFailedError: the session has failed.
            RefusedError: there is no such session, or the service says no.
            UnreachableError: the service does not answer.
        """
        if self._asked is None:
            self._asked = self._thread.submit(self._next_or_none())
        try:
            frame = self._asked.result(timeout_s)
        except TimeoutError:
            if not self._asked.done():
                return None
            raise
        finally:
            if self._asked.done():
                self._asked = None
        return frame

    async def _next_or_none(self) -> F | None:
        try:
            return await anext(self._stream)
        except StopAsyncIteration:
            return None

    def close(self) -> None:
        """Leave; nothing happens if that is done."""
        with suppress(TimeoutError):
            self._thread.submit(self._stream.aclose()).result(CLOSE_S)
