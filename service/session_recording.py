"""What of a session is recorded: it begins and ends between two steps of the pipeline.

What waits for the pipeline at that moment belongs to the recording, so that every sample of every
step that follows is in it.
"""

import asyncio
import functools
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import msgspec
import structlog

from hadua.adapters.recordings.layout import PROFILES_KEPT, Step, StepEvent
from hadua.adapters.sources.source import StreamSpec
from hadua.models.errors import HaduaError
from hadua.models.features import Modality
from hadua.service.bridge import Arrival, Bridge
from hadua.service.engine import Engine, Restorable
from hadua.service.publisher import Publisher
from hadua.service.recorded_profile import RecordedProfile
from hadua.service.recorded_state import RecordedState
from hadua.service.recorder import Recorder, RecordingState
from hadua.service.recording_file import RecordingFailedError
from hadua.service.recording_log import Note, Said, plain_spec
from hadua.service.recordings import About, Recordings, note
from hadua.service.wire import (
    RecordingStatus,
    SessionFrame,
)
from hadua.service.workers import DaemonExecutor, InWorker

ASKED = "asked to"
BEGIN_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 10.0  # for a slow disk to take what waits

_log = structlog.get_logger("hadua.recording")


class RecordingActiveError(HaduaError):
    """The session is being recorded."""

    code: ClassVar[str] = "recording-active"


class SessionOverError(HaduaError):
    """The session has ended."""

    code: ClassVar[str] = "session-over"


class SessionRecording:
    """At most one recording at a time; everything but `took` and `ended` from the loop.

    Args:
        about: Whose it is.
        recordings: Begins them; None: there are none.
        bridge: Where the samples pass.
        publisher: Where the frames pass.
        clock: LSL seconds now.
        on_change: Called when a recording has begun or ended.
    """

    def __init__(
        self,
        about: About,
        *,
        recordings: Recordings | None,
        bridge: Bridge,
        publisher: Publisher,
        clock: Callable[[], float],
        on_change: Callable[[], None],
    ) -> None:
        self._about = about
        self._recordings = recordings
        self._bridge = bridge
        self._publisher = publisher
        self._clock = clock
        self._on_change = on_change
        self._files = DaemonExecutor(f"files-{about.session_id}")  # a disk may be slow
        self._asked: tuple[Recorder, asyncio.Future[None]] | None = None
        self._asking = self._closed = False
        self._steps = 0
        self._recorder: Recorder | None = None
        self._engine: tuple[Engine, Mapping[Modality, StreamSpec]] | None = None
        self._profiles = deque[int](maxlen=PROFILES_KEPT)  # versions that are in the file

    @property
    def active(self) -> bool:
        """Whether something is being recorded."""
        return self._recorder is not None and self._recorder.state is RecordingState.RECORDING

    def status(self) -> RecordingStatus | None:
        """The latest recording as it is now; None if there was none."""
        return None if self._recorder is None else self._recorder.status()

    def trouble(self) -> str:
        """What the operator has to know, in words; empty if nothing."""
        recorder = self._recorder
        if recorder is None or recorder.reason == ASKED:
            return ""
        if recorder.reason:
            return f"recording stopped: {recorder.reason}"
        return f"recording: {recorder.warning}" if recorder.warning else ""

    def require_sound(self) -> None:
        """Raise the error with which the recording has failed, if it has."""
        if self._recorder is not None and self._recorder.error is not None:
            raise self._recorder.error

    async def begin_from_the_start(self) -> None:
        """Begin at once if every session is to be recorded.

        Raises:
            DiskFullError, RecordingFailedError: the file cannot be made.
        """
        if self._recordings is not None and self._recordings.from_the_start:
            await self.ask()

    async def ask(self, *, task: str | None = None) -> None:
        """Record from the next step on; returns when it does.

        Raises:
            SessionOverError, RecordingActiveError: there is nothing to record, or no need to.
            DiskFullError, RecordingFailedError: the file cannot be made.
        """
        self._require_recordable()
        self._asking = True
        try:
            recorder = await self._open(replace(self._about, task=task))
            await self._wait_for_the_next_step(recorder)
        finally:
            self._asking = False

    async def begin_if_asked(self, in_worker: InWorker) -> None:
        """Begin the recording that was asked for; between two steps only."""
        if self._asked is None:
            return
        recorder, begun = self._asked
        self._begin(recorder)
        if self._engine is not None:
            self._put(await in_worker(functools.partial(self._notes, *self._engine)))
        self._has_begun(recorder, begun)

    async def use_engine(
        self, engine: Engine, streams: Mapping[Modality, StreamSpec], in_worker: InWorker
    ) -> None:
        """Note the pipeline that makes the predictions, before its first step."""
        self._engine = (engine, streams)
        if self._recorder is not None:
            self._put(await in_worker(functools.partial(self._notes, engine, streams)))

    async def swap(self, engine: Engine, in_worker: InWorker) -> None:
        """Note that another profile answers from the next step on; between two steps only."""
        if self._engine is None:
            return
        self._engine = (engine, self._engine[1])
        if self._recorder is not None:
            self._put(await in_worker(functools.partial(self._profile_notes, engine)))
            version = 0 if engine.serving is None else engine.serving.version
            now_s = self._clock()
            self._recorder.put(Step(Modality.EEG, StepEvent.PROFILE, now_s, first_sample=version))

    async def end(self) -> None:
        """End the recording, as was asked for, and wait until its file is closed.

        A recording that has ended with its session is left alone.
        """
        if self._closed:
            return
        await self._end(ASKED)
        self._on_change()

    async def close(self, reason: str) -> None:
        """End the recording with its session; there is no other after it."""
        await self._end(f"the session has ended: {reason}")
        self.let_go()

    def let_go(self) -> None:
        """Release everything without waiting."""
        self._closed = True
        self._detach("the session was given up")
        self._give_up_asked("the session was given up")
        self._files.shutdown()

    def took(self, arrival: Arrival) -> None:
        """Note samples that the pipeline takes; in its thread."""
        self._steps += 1
        chunk = arrival.chunk
        if self._recorder is not None:
            self._recorder.put(
                Step(
                    arrival.modality,
                    StepEvent.SAMPLES,
                    float(chunk.t_s[-1]),
                    first_sample=arrival.first,
                    n_samples=len(chunk),
                    gap_before=chunk.gap_before,
                )
            )

    def ended(self, modality: Modality, *, now_s: float) -> None:
        """Note that the pipeline was told of the end of a stream; in its thread."""
        if self._recorder is not None:
            self._recorder.put(Step(modality, StepEvent.ENDED, now_s))

    def _require_recordable(self) -> None:
        where = f"session {self._about.session_id!r}"
        if self._closed:
            hint = "Start a session first."
            raise SessionOverError(f"{where} is over: it cannot be recorded", hint=hint)
        if self.active or self._asking:
            hint = "Stop that recording first."
            raise RecordingActiveError(f"{where} is being recorded", hint=hint)

    async def _wait_for_the_next_step(self, recorder: Recorder) -> None:
        begun = asyncio.get_running_loop().create_future()
        self._asked = (recorder, begun)
        if self._closed:
            self._give_up_asked("the session has ended")
        elif self._engine is None:  # nothing is stepped yet
            self._begin(recorder)
            self._has_begun(recorder, begun)
        try:
            async with asyncio.timeout(BEGIN_TIMEOUT_S):
                await begun
        except TimeoutError:
            self._give_up_asked("not begun in time")
            raise RecordingFailedError(
                f"session {self._about.session_id!r} does not begin to record",
                got=f"no step of its pipeline within {BEGIN_TIMEOUT_S:g} s",
            ) from None

    def _begin(self, recorder: Recorder) -> None:
        self._asked, self._recorder = None, recorder
        self._profiles.clear()
        recorder.start()
        self._bridge.listen(recorder.hear)
        self._publisher.listen(self._said)

    def _has_begun(self, recorder: Recorder, begun: asyncio.Future[None]) -> None:
        _log.info("recording", session=self._about.session_id, path=str(recorder.path))
        if not begun.done():
            begun.set_result(None)
        self._on_change()

    def _give_up_asked(self, reason: str) -> None:
        """Close the file of a recording that has not begun."""
        if self._asked is not None:
            (recorder, begun), self._asked = self._asked, None
            recorder.start()
            recorder.stop(reason)
            if not begun.done():
                hint = "Start a session first."
                begun.set_exception(SessionOverError("the session is over", hint=hint))

    async def _open(self, about: About) -> Recorder:
        if self._recordings is None:
            raise RecordingFailedError(
                f"session {about.session_id!r} cannot be recorded", expected="a place for its files"
            )
        begin = functools.partial(self._recordings.begin, about)
        return await asyncio.get_running_loop().run_in_executor(self._files, begin)

    async def _end(self, reason: str) -> None:
        recorder = self._detach(reason)
        if recorder is not None:
            join = functools.partial(recorder.join, CLOSE_TIMEOUT_S)
            if not await asyncio.get_running_loop().run_in_executor(self._files, join):
                _log.error("recording is not closed in time", session=self._about.session_id)

    def _detach(self, reason: str) -> Recorder | None:
        """Give the recorder nothing more, and have it close its file."""
        self._bridge.listen(None)
        self._publisher.unlisten(self._said)
        if self._recorder is not None:
            self._recorder.stop(reason, last=[note(self._clock(), "end", reason=reason)])
        return self._recorder

    def _said(self, frame: SessionFrame, text: str, now_s: float) -> None:
        if self._recorder is not None:
            self._recorder.put(Said(now_s, frame, text))

    def _put(self, notes: Sequence[Note]) -> None:
        for each in notes:
            if self._recorder is not None:
                self._recorder.put(each)

    def _notes(self, engine: Engine, streams: Mapping[Modality, StreamSpec]) -> list[Note]:
        """The documents of a pipeline and of whose profile answers; in the worker's thread."""
        state = dict[str, object]()
        if self._steps and isinstance(engine.pipeline, Restorable):
            state["state"] = RecordedState.of(engine.pipeline)
        pipeline = note(
            self._clock(),
            "pipeline",
            steps_before=self._steps,
            streams={str(m): plain_spec(spec) for m, spec in streams.items()},
            reports=engine.pipeline.reports(),
            **engine.facts,
            **state,
        )
        return [*self._profile_notes(engine), pipeline]

    def _profile_notes(self, engine: Engine) -> list[Note]:
        """The document of the profile that answers, unless it is in the file; in that thread."""
        serving = engine.serving
        if serving is None or serving.version in (0, *self._profiles):
            return []
        self._profiles.append(serving.version)
        recorded = msgspec.structs.asdict(RecordedProfile.of(serving))
        return [note(self._clock(), "profile", **recorded)]
