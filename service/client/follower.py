"""The newest prediction, for a loop that must not wait, as one that draws every frame."""

import time
from concurrent.futures import CancelledError
from contextlib import suppress
from types import TracebackType
from typing import Self

from hadua.service.client.loop_thread import LoopThread
from hadua.service.client.stream import AsyncStream
from hadua.service.wire import PredictionFrame

CLOSE_S = 5.0
FRESH_S = 5.0


class Follower:
    """Listens from the moment it is made. Neither `latest` nor `error` ever waits.

    Args:
        stream: Where predictions come from.
        thread: In which it is listened to.
    """

    def __init__(self, stream: AsyncStream[PredictionFrame], thread: LoopThread) -> None:
        self._stream = stream
        self._thread = thread
        self._newest: tuple[PredictionFrame, float] | None = None
        self._listening = thread.submit(self._listen())

    def __enter__(self) -> Self:
        """It listens already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def latest(self, *, max_age_s: float = FRESH_S) -> PredictionFrame | None:
        """The newest prediction; None if none came for that long."""
        newest = self._newest
        if newest is None or time.monotonic() - newest[1] > max_age_s:
            return None
        return newest[0]

    @property
    def error(self) -> BaseException | None:
        """Why it listens no more; None while it does."""
        with suppress(CancelledError):
            return self._listening.exception() if self._listening.done() else None
        return None

    def close(self) -> None:
        """Leave; nothing happens if that is done."""
        self._listening.cancel()
        with suppress(TimeoutError):
            self._thread.submit(self._stream.aclose()).result(CLOSE_S)

    async def _listen(self) -> None:
        async for prediction in self._stream:
            self._newest = (prediction, time.monotonic())
