"""`Client`: the contract as plain calls, and frames as plain iterators."""

import ssl
from collections.abc import Collection, Coroutine, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar

from hadua.service.answers import MarkerAnswer, SessionInfo
from hadua.service.client import calls
from hadua.service.client.asynchronous import URL, AsyncClient
from hadua.service.client.deciding import Decider, Decision, PlanValue
from hadua.service.client.follower import Follower
from hadua.service.client.frames import AnyFrame
from hadua.service.client.loop_thread import LoopThread
from hadua.service.client.plain_stream import Stream
from hadua.service.client.progress import Policy
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

CLOSE_S = 5.0

F = TypeVar("F")
T = TypeVar("T")


class Client:
    """A service, from a program without asyncio. Safe to share among threads.

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
        self._client = AsyncClient(
            url, token=token, headers=headers, timeout_s=timeout_s, patience_s=patience_s, tls=tls
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
        markers: Sequence[str] | None = None,
    ) -> SessionInfo:
        """Start a session with one SOURCE or two; its `status.state` says how far it is.

        `markers` are SOURCE texts of LSL marker streams; None: those of the service's settings.
        """
        call = calls.start_session(
            eeg=eeg, gaze=gaze, participant=participant, session_id=session_id, markers=markers
        )
        return self._client.http.perform(call)

    def stop_session(self, session_id: str) -> SessionInfo:
        """Stop a session and wait for its end; stopping twice is no error."""
        return self._client.http.perform(calls.stop_session(session_id))

    def preflight(self, *, seconds: float = 3.0, participant: str | None = None) -> PreflightAnswer:
        """Whether all that a session needs is there; listens to each stream for `seconds`."""
        call = calls.preflight(seconds=seconds, participant=participant)
        return self._client.http.perform(call)

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

    def mark(self, session_id: str, text: str, *, t_s: float | None = None) -> MarkerAnswer:
        """Say that something happens now, or did at the LSL time `t_s`.

        "Now" is when this is called, by `time.perf_counter()`; the answer says where on LSL's time
        line that is, and how sure.
        """
        client_s = self._client.clock.local_s()
        return self._client.clock.mark(session_id, text, t_s=t_s, client_s=client_s)

    def start_recording(
        self, session_id: str, *, task: str | None = None
    ) -> RecordingStatus | None:
        """Record a session from now on, into a new file."""
        return self._client.http.perform(calls.start_recording(session_id, task=task)).recording

    def recording(self, session_id: str) -> RecordingStatus | None:
        """The latest recording of a session; None if there was none."""
        return self._client.http.perform(calls.recording(session_id)).recording

    def stop_recording(self, session_id: str) -> RecordingStatus | None:
        """End the recording and wait until its file is closed."""
        return self._client.http.perform(calls.stop_recording(session_id)).recording

    def calibrate(
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
        return self._client.http.perform(
            calls.calibrate(session_id, seconds=seconds, plan=plan, policy=policy)
        )

    def calibration(self, session_id: str) -> CalibrationAnswer:
        """The latest calibration of a session, its progress and its report."""
        return self._client.http.perform(calls.calibration(session_id))

    def decide(
        self, session_id: str, decision: Decision, *, reason: str | None = None
    ) -> CalibrationAnswer:
        """Accept, reject or cancel a calibration, or finish collecting early.

        `reason` is for the record of one that is rejected.
        """
        return self._client.http.perform(calls.decide(session_id, decision, reason=reason))

    def adapt(self, session_id: str, *, on: bool) -> AdaptationStatus:
        """Let the model follow the participant, or learn no more; what answers goes on."""
        return (self._client.http.perform(calls.adapt(session_id, on=on))).adaptation

    def label(self, session_id: str, name: str, *, from_s: float, until_s: float) -> LabelAnswer:
        """Say which class was felt between two LSL times, as the person reports or you know."""
        return self._client.http.perform(
            calls.label(session_id, name, from_s=from_s, until_s=until_s)
        )

    def roll_back(
        self, session_id: str, *, version: int | None = None, reason: str = "asked for"
    ) -> RollBackAnswer:
        """Let an older version answer again: the parent of the present one, or `version`."""
        return self._client.http.perform(
            calls.roll_back(session_id, version=version, reason=reason)
        )

    def profiles(self, participant: str) -> ProfileHistory:
        """Every version of a participant's profile, and what happened to them."""
        return self._client.http.perform(calls.profiles(participant))

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
