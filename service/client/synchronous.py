"""`Client`: the contract as plain calls, and frames as plain iterators."""

import ssl
from collections.abc import Collection, Coroutine, Mapping
from concurrent.futures import Future
from contextlib import suppress
from types import TracebackType
from typing import Generic, Self, TypeVar

from hadua.service.answers import SessionInfo
from hadua.service.client import calls
from hadua.service.client.asynchronous import URL, AsyncClient
from hadua.service.client.follower import Follower
from hadua.service.client.frames import AnyFrame
from hadua.service.client.loop_thread import LoopThread
from hadua.service.client.progress import Policy
from hadua.service.client.stream import AsyncStream
from hadua.service.clock_echo import ClockOffset
from hadua.service.wire import BundleInfo, Hello, PredictionFrame

GLANCE_S = 0.2  # how soon a wait notices Ctrl-C, which on Windows does not end it by itself
CLOSE_S = 5.0

F = TypeVar("F")
T = TypeVar("T")


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


class Client:
    """A service, from a program without asyncio. Safe to share among threads.

    Args:
        url: Of the service.
        headers: Sent with every request, as for an access token.
        timeout_s: For one try of a request.
        patience_s: For how long a service that does not answer is tried again.
        tls: How to trust an https service; by default as the system does.
    """

    def __init__(
        self,
        url: str = URL,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 10.0,
        patience_s: float = 30.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._client = AsyncClient(
            url, headers=headers, timeout_s=timeout_s, patience_s=patience_s, tls=tls
        )
        self._thread = LoopThread()

    def __enter__(self) -> Self:
        """Nothing is connected before something is asked for."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close every stream and the connection."""
        self.close()

    def close(self) -> None:
        """Close every stream and the connection."""
        with suppress(TimeoutError):
            self._thread.submit(self._client.aclose()).result(CLOSE_S)
        self._thread.close()

    def sessions(self) -> list[SessionInfo]:
        """Every session that the service knows, oldest first."""
        return self._run(self._client.sessions())

    def session(self, session_id: str) -> SessionInfo:
        """One session."""
        return self._client.http.perform(calls.session(session_id))

    def start_session(
        self,
        *,
        eeg: str | None = None,
        gaze: str | None = None,
        participant: str | None = None,
        session_id: str | None = None,
    ) -> SessionInfo:
        """Start a session with one SOURCE or two; its `status.state` says how far it is."""
        call = calls.start_session(
            eeg=eeg, gaze=gaze, participant=participant, session_id=session_id
        )
        return self._client.http.perform(call)

    def stop_session(self, session_id: str) -> SessionInfo:
        """Stop a session and wait for its end; stopping twice is no error."""
        return self._client.http.perform(calls.stop_session(session_id))

    def bundles(self) -> tuple[BundleInfo, ...]:
        """The bundles that sessions run."""
        return self._client.http.perform(calls.bundles()).bundles

    def past_predictions(
        self, session_id: str, *, after_seq: int = 0, epoch: int | None = None
    ) -> list[PredictionFrame]:
        """Every prediction that is kept of a session, oldest first."""
        return self._run(
            self._client.past_predictions(session_id, after_seq=after_seq, epoch=epoch)
        )

    def sync_clock(self) -> ClockOffset:
        """How far LSL time is from `time.perf_counter()`, and how sure that is."""
        return self._client.clock.sync()

    def lsl_now_s(self) -> float:
        """LSL time now; asks the service again when the last exchange is half a minute old."""
        return self._client.clock.now_s()

    def frames(
        self,
        session_id: str | None = None,
        *,
        policy: Policy = "lossless",
        types: Collection[str] | None = None,
        after_seq: int | None = None,
        epoch: int | None = None,
        endless: bool = False,
    ) -> Stream[AnyFrame]:
        """Frames of a session, or of all; see `AsyncClient.frames`."""
        stream = self._client.frames(
            session_id,
            policy=policy,
            types=types,
            after_seq=after_seq,
            epoch=epoch,
            endless=endless,
        )
        return Stream(stream, self._thread)

    def predictions(
        self,
        session_id: str,
        *,
        policy: Policy = "lossless",
        after_seq: int | None = None,
        epoch: int | None = None,
        endless: bool = False,
    ) -> Stream[PredictionFrame]:
        """Predictions of a session; see `AsyncClient.predictions`."""
        stream = self._client.predictions(
            session_id, policy=policy, after_seq=after_seq, epoch=epoch, endless=endless
        )
        return Stream(stream, self._thread)

    def follow(self, session_id: str) -> Follower:
        """The newest prediction, kept up to date beside the program: asking for it never waits."""
        stream = self._client.predictions(session_id, policy="latest", endless=True)
        return Follower(stream, self._thread)

    def _run(self, work: Coroutine[object, object, T]) -> T:
        return self._thread.submit(work).result()
