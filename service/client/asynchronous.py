"""`AsyncClient`: the contract as coroutines."""

import asyncio
import functools
import ssl
from collections.abc import Callable, Collection, Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self, TypeVar

from hadua.service.answers import MarkerAnswer, SessionInfo
from hadua.service.client import calls
from hadua.service.client.calls import Call
from hadua.service.client.clock import ServiceClock
from hadua.service.client.deciding import Decider, Decision, PlanValue
from hadua.service.client.frames import AnyFrame
from hadua.service.client.http import Http
from hadua.service.client.progress import Heard, Onlooker, Policy, Progress
from hadua.service.client.stream import AsyncStream
from hadua.service.clock_echo import ClockOffset
from hadua.service.learning.answers import (
    CalibrationAnswer,
    LabelAnswer,
    ProfileHistory,
    RollBackAnswer,
)
from hadua.service.learning.statuses import AdaptationStatus
from hadua.service.preflight_shapes import PreflightAnswer
from hadua.service.wire import BundleInfo, PredictionFrame, RecordingStatus

URL = "http://127.0.0.1:8000"
F = TypeVar("F")
T = TypeVar("T")


class Closable(Protocol):
    """A stream of whatever frames."""

    closed: bool

    async def aclose(self) -> None:
        """Leave."""
        ...


class AsyncClient:
    """A service, from asyncio.

    Args:
        url: Of the service.
        token: Of a service that asks for one (docs/access.md).
        headers: Further ones, sent with every request.
        timeout_s: For one try of a request.
        patience_s: For how long a service that does not answer is tried again.
        tls: How to trust an https service; by default as the system does.
    """

    def __init__(
        self,
        url: str = URL,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 10.0,
        patience_s: float = 30.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._headers = dict(headers or {})
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._patience_s = patience_s
        self._tls = tls
        self.http = Http(
            url, headers=self._headers, timeout_s=timeout_s, patience_s=patience_s, tls=tls
        )
        self.clock = ServiceClock(self.http)
        self._streams: list[Closable] = []

    async def __aenter__(self) -> Self:
        """Nothing is connected before something is asked for."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close every stream and the connection."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close every stream and the connection."""
        for stream in self._streams:
            await stream.aclose()
        self._streams.clear()
        self.http.close()

    async def sessions(self) -> list[SessionInfo]:
        """Every session that the service knows, oldest first."""
        found: list[SessionInfo] = []
        after: str | None = None
        while True:
            page = await self.perform(calls.sessions(after))
            found += page.sessions
            after = page.next
            if after is None:
                return found

    async def session(self, session_id: str) -> SessionInfo:
        """One session."""
        return await self.perform(calls.session(session_id))

    async def start_session(
        self,
        *,
        eeg: str | None = None,
        gaze: str | None = None,
        participant: str | None = None,
        session_id: str | None = None,
        markers: Sequence[str] | None = None,
    ) -> SessionInfo:
        """Start a session with one SOURCE or two; its `status.state` says how far it is.

        `markers` are SOURCE texts of LSL marker streams; None: those of the service's settings.
        """
        return await self.perform(
            calls.start_session(
                eeg=eeg, gaze=gaze, participant=participant, session_id=session_id, markers=markers
            )
        )

    async def stop_session(self, session_id: str) -> SessionInfo:
        """Stop a session and wait for its end; stopping twice is no error."""
        return await self.perform(calls.stop_session(session_id))

    async def preflight(
        self, *, seconds: float = 3.0, participant: str | None = None
    ) -> PreflightAnswer:
        """Whether all that a session needs is there; listens to each stream for `seconds`."""
        return await self.perform(calls.preflight(seconds=seconds, participant=participant))

    async def bundles(self) -> tuple[BundleInfo, ...]:
        """The bundles that sessions run."""
        return (await self.perform(calls.bundles())).bundles

    async def past_predictions(
        self, session_id: str, *, after_seq: int = 0, epoch: int | None = None
    ) -> list[PredictionFrame]:
        """Every prediction that is kept of a session, oldest first."""
        found: list[PredictionFrame] = []
        while True:
            call = calls.predictions(session_id, after_seq=after_seq, epoch=epoch)
            page = await self.perform(call)
            found += page.predictions
            if page.next_after_seq == after_seq or not page.predictions:
                return found
            after_seq, epoch = page.next_after_seq, page.epoch

    async def mark(self, session_id: str, text: str, *, t_s: float | None = None) -> MarkerAnswer:
        """Say that something happens now, or did at the LSL time `t_s`.

        "Now" is when this is called, by `time.perf_counter()`; the answer says where on LSL's time
        line that is, and how sure.
        """
        client_s = self.clock.local_s()
        mark = functools.partial(self.clock.mark, session_id, text, t_s=t_s, client_s=client_s)
        return await asyncio.to_thread(mark)

    async def start_recording(
        self, session_id: str, *, task: str | None = None
    ) -> RecordingStatus | None:
        """Record a session from now on, into a new file."""
        return (await self.perform(calls.start_recording(session_id, task=task))).recording

    async def recording(self, session_id: str) -> RecordingStatus | None:
        """The latest recording of a session; None if there was none."""
        return (await self.perform(calls.recording(session_id))).recording

    async def stop_recording(self, session_id: str) -> RecordingStatus | None:
        """End the recording and wait until its file is closed."""
        return (await self.perform(calls.stop_recording(session_id))).recording

    async def calibrate(
        self,
        session_id: str,
        *,
        seconds: float = 300.0,
        policy: Decider | None = None,
        **plan: PlanValue,
    ) -> CalibrationAnswer:
        """Begin a calibration of about so many seconds; `calibration` frames tell how it goes on.

        `plan` may say `baseline_s`, `windows`, `fewest`, `least`, `min_quality`, `most_s`; `policy`
        who decides about the profile.
        """
        return await self.perform(
            calls.calibrate(session_id, seconds=seconds, plan=plan, policy=policy)
        )

    async def calibration(self, session_id: str) -> CalibrationAnswer:
        """The latest calibration of a session, its progress and its report."""
        return await self.perform(calls.calibration(session_id))

    async def decide(
        self, session_id: str, decision: Decision, *, reason: str | None = None
    ) -> CalibrationAnswer:
        """Accept, reject or cancel a calibration, or finish collecting early.

        `reason` is for the record of one that is rejected.
        """
        return await self.perform(calls.decide(session_id, decision, reason=reason))

    async def adapt(self, session_id: str, *, on: bool) -> AdaptationStatus:
        """Let the model follow the participant, or learn no more; what answers goes on."""
        return (await self.perform(calls.adapt(session_id, on=on))).adaptation

    async def label(
        self, session_id: str, name: str, *, from_s: float, until_s: float
    ) -> LabelAnswer:
        """Say which class was felt between two LSL times, as the person reports or you know."""
        return await self.perform(calls.label(session_id, name, from_s=from_s, until_s=until_s))

    async def roll_back(
        self, session_id: str, *, version: int | None = None, reason: str = "asked for"
    ) -> RollBackAnswer:
        """Let an older version answer again: the parent of the present one, or `version`."""
        return await self.perform(calls.roll_back(session_id, version=version, reason=reason))

    async def profiles(self, participant: str) -> ProfileHistory:
        """Every version of a participant's profile, and what happened to them."""
        return await self.perform(calls.profiles(participant))

    async def sync_clock(self) -> ClockOffset:
        """How far LSL time is from `time.perf_counter()`, and how sure that is."""
        return await asyncio.to_thread(self.clock.sync)

    def frames(
        self,
        session_id: str | None = None,
        *,
        policy: Policy = "lossless",
        types: Collection[str] | None = None,
        after_seq: int | None = None,
        epoch: int | None = None,
        endless: bool = False,
    ) -> AsyncStream[AnyFrame]:
        """Frames of a session, or of all.

        Args:
            session_id: What to follow; None for all sessions, of which nothing is replayed.
            policy: `lossless`: every frame, also those of a time without connection. `latest`:
                what is new; a `gap` says what was left out.
            types: Of frames, as `prediction`; None for all.
            after_seq: Begin after this frame: 0 for all that is kept. None: from now on.
            epoch: Of `after_seq`.
            endless: Go on when the session is over: it may be started again.
        """
        return self._follow(
            session_id,
            policy=policy,
            kinds=None if types is None else frozenset(types),
            start=(after_seq, epoch),
            endless=endless,
            pick=lambda frame: frame,
        )

    def predictions(
        self,
        session_id: str,
        *,
        policy: Policy = "lossless",
        after_seq: int | None = None,
        epoch: int | None = None,
        endless: bool = False,
    ) -> AsyncStream[PredictionFrame]:
        """Predictions of a session; see `frames`. What is lost, is counted in `missed`."""
        return self._follow(
            session_id,
            policy=policy,
            kinds=frozenset({"prediction"}),
            start=(after_seq, epoch),
            endless=endless,
            pick=lambda frame: frame if isinstance(frame, PredictionFrame) else None,
        )

    async def perform(self, call: Call[T]) -> T:
        """The answer of a request, made in a thread."""
        return await asyncio.to_thread(self.http.perform, call)

    def _follow(
        self,
        session_id: str | None,
        *,
        policy: Policy,
        kinds: frozenset[str] | None,
        start: tuple[int | None, int | None],
        endless: bool,
        pick: Callable[[AnyFrame], F | None],
    ) -> AsyncStream[F]:
        after_seq, epoch = start
        heard: Heard = Onlooker(policy=policy, kinds=kinds)
        if session_id is not None:
            heard = Progress(
                policy=policy, kinds=kinds, after_seq=after_seq, epoch=epoch, endless=endless
            )
        base = self.http.url.replace("http", "ws", 1)
        stream = AsyncStream(
            lambda query: base + calls.frames_path(session_id, query),
            heard,
            pick=pick,
            headers=self._headers,
            patience_s=self._patience_s,
            tls=self._tls,
        )
        self._streams = [*(other for other in self._streams if not other.closed), stream]
        return stream
