"""One person being listened to: readers, pipeline, publisher, and the state they are in."""

import asyncio
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import structlog

from hadua.adapters.sources.lsl_markers import Query
from hadua.adapters.sources.source import Marker, Source
from hadua.models.errors import HaduaError
from hadua.models.features import Modality
from hadua.service.bridge import Bridge, Marked
from hadua.service.config import Settings
from hadua.service.engine import Engine, EngineFactory, Foreseeing, Stepper, Tap
from hadua.service.in_turn import IN_TURN
from hadua.service.learning.session_learning import SessionLearning
from hadua.service.losses import Losses
from hadua.service.mapping_book import MappingBook
from hadua.service.marker_streams import MarkerStreams
from hadua.service.metrics import Metrics
from hadua.service.outcomes import Outcomes
from hadua.service.outlet import SessionOutlet
from hadua.service.publisher import Publisher
from hadua.service.reader import ReaderThread
from hadua.service.recordings import About, Recordings
from hadua.service.session_mapping import SessionMapping
from hadua.service.session_recording import ASKED, SessionOverError, SessionRecording
from hadua.service.session_state import SessionState
from hadua.service.session_streams import SessionStreams
from hadua.service.status import session_status
from hadua.service.turns import Turns
from hadua.service.unforeseen import unforeseen
from hadua.service.wire import StatusFrame, StreamStatus
from hadua.service.workers import DaemonExecutor

LOOK_S = 0.5  # how often a session that runs well looks for what is wrong
SAID_WITHIN_S = 1.0  # a client that sends a marker is answered by then

T = TypeVar("T")

_log = structlog.get_logger("hadua.session")


class Session:
    """Runs from `run` until its sources end, `stop`, or a fault.

    Args:
        sources: One or two; each is read by a thread of its own.
        make_engine: Builds the pipeline once the streams are known; called in a worker thread.
        publisher: What the session says; its id and epoch are the session's.
        settings: Limits and times.
        metrics: Counted into.
        clock: LSL seconds now.
        participant: Pseudonym, or None.
        tap: Sees every chunk right before the pipeline does, in the same order and thread.
        mappings: Which mappings of devices were confirmed; None: none was.
        recordings: Begins recordings; None: it cannot be recorded.
        outlet: Sends what it says over LSL; None: nothing is sent.
        markers: LSL marker streams that it listens to.
        learning: What it learns of its participant; None: nothing.
    """

    def __init__(
        self,
        sources: Mapping[Modality, Source],
        *,
        make_engine: EngineFactory,
        publisher: Publisher,
        settings: Settings,
        metrics: Metrics,
        clock: Callable[[], float],
        participant: str | None = None,
        tap: Tap | None = None,
        mappings: MappingBook | None = None,
        recordings: Recordings | None = None,
        outlet: SessionOutlet | None = None,
        markers: Sequence[Query] = (),
        learning: SessionLearning | None = None,
    ) -> None:
        self.participant = participant
        self.learning = learning
        self.publisher = publisher
        self.state = SessionState.STARTING
        self.reason = ""
        self.error: HaduaError | None = None
        self.running = asyncio.Event()  # set when it first runs, or will never
        self.over = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._make_engine = make_engine
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._tap = tap
        self._outlet = outlet
        self._engine: Engine | None = None
        book = mappings or MappingBook(None, unix_clock=time.time)
        self.mapping = SessionMapping(book, changed=self._mapping_changed)
        self._bridge = Bridge(bound_s=settings.bridge_s, on_marker_drop=metrics.markers_dropped.inc)
        self._markers = MarkerStreams(markers, deliver=self._marked) if markers else None
        about = About(
            session_id=self.id,
            epoch=self.epoch,
            participant=participant,
            modalities=tuple(sources),
        )
        self.recording = SessionRecording(
            about,
            recordings=recordings,
            bridge=self._bridge,
            publisher=publisher,
            clock=clock,
            on_change=self._say_status,
        )
        self._stop, self._why = asyncio.Event(), ""
        self._stepping = False
        self._gone = False  # everything that it holds was released
        self._fault: HaduaError | None = None
        self._lost = Losses(self._bridge, metrics)
        self._next_status_s = 0.0
        self._next_tick_s = 0.0
        self._executor = DaemonExecutor(f"infer-{self.id}")
        self._streams = SessionStreams(
            sources,
            session_id=self.id,
            bridge=self._bridge,
            settings=settings,
            metrics=metrics,
            clock=clock,
        )

    @property
    def id(self) -> str:
        """The session's id."""
        return self.publisher.session_id

    @property
    def epoch(self) -> int:
        """Which life of that id this is."""
        return self.publisher.epoch

    def streams(self) -> dict[str, StreamStatus]:
        """Each stream as it is now, by modality."""
        return self._streams.statuses()

    @property
    def readers(self) -> Mapping[Modality, ReaderThread]:
        """Who reads each stream, for a look at it."""
        return self._streams.readers

    def status(self) -> StatusFrame:
        """The session as it is now, with the `seq` that it would be published under."""
        return session_status(
            self.publisher,
            state=str(self.state),
            reason=self.reason,
            streams=self.streams(),
            normalisation=self._engine.pipeline.normalisation_state if self._engine else "",
            chunks_dropped=sum(self._bridge.dropped(m) for m in Modality),
            markers_dropped=self._bridge.markers_dropped,
            losses=self._losses(),
            mappings=self.mapping.statuses(),
            recording=self.recording.status(),
            outlet=self._outlet.status() if self._outlet else None,
            marker_streams=self._markers.statuses() if self._markers else (),
            learning=self.learning,
        )

    def reports(self) -> Mapping[str, Mapping[str, object]]:
        """What became of each stream's channels; empty before the session runs."""
        return self._engine.pipeline.reports() if self._engine else {}

    def stop(self, *, because: str = ASKED) -> None:
        """Ask for the end; `over` tells when it is reached. The first reason is the one told."""
        if not self._stop.is_set():
            self._why = because
        self._stop.set()
        self._streams.stop()
        self.mapping.release()
        self._bridge.close()

    async def mark(self, marker: Marker) -> bool:
        """Take a marker that a client sends; whether its frame was said before this returns.

        It is not while the session waits for its streams, nor if a step takes long.

        Raises:
            SessionOverError: the session has ended, or does so before it is said.
        """
        over = SessionOverError(f"session {self.id!r} is over: it takes no markers")
        if self.state.over or self._stop.is_set():
            raise over
        said = self._loop.create_future()
        self._bridge.put(Marked((marker,), said))
        if not self._stepping:
            return False
        await asyncio.wait((said,), timeout=SAID_WITHIN_S)
        if not said.done() and self._stop.is_set():
            raise over
        return said.done()

    def fail(self, error: HaduaError) -> None:
        """End the session because of a fault outside of it."""
        self._fault = error
        self.stop()

    def _raise_fault(self) -> None:
        for error in (self._fault, self.publisher.unkept):
            if error is not None:
                raise error

    async def run(self) -> None:
        """Run to the end. A fault ends this session, loudly, and nothing else."""
        try:
            await self._run()
        except asyncio.CancelledError:  # it did not stop in time: leave without waiting
            self._let_go()
            self._enter(SessionState.FAILED, "did not stop in time")
            raise
        except Exception:  # noqa: BLE001 - a fault of its end: other people's sessions go on
            _log.exception("session ended badly", session=self.id)
            self.state, self.reason = SessionState.FAILED, "could not be ended; the log says why"
            self._let_go()
            self._close_up()

    async def _run(self) -> None:
        try:
            await self._work()
            self._raise_fault()
        except HaduaError as error:
            self.error = error
            await self._finish(SessionState.FAILED, str(error))
        except Exception as error:  # noqa: BLE001 - the one place where a session's faults end
            _log.exception("session failed unexpectedly", session=self.id)
            self.error = unforeseen(error, where=f"session {self.id!r}")
            await self._finish(SessionState.FAILED, str(self.error))
        else:
            await self._finish(SessionState.STOPPED, self._why)

    async def _work(self) -> None:
        if self._outlet is not None:
            self._outlet.start()
            self.publisher.listen(self._outlet.said)
        if self._markers is not None:
            self._markers.start()
        self._enter(SessionState.WAITING, "")
        await self.recording.begin_from_the_start()
        self._streams.start()
        specs = await self._streams.found()
        if self._stop.is_set():
            return
        self._engine = await self._in_worker(functools.partial(self._make_engine, specs))
        self.mapping.set(specs, self._engine.pipeline.reports())
        await self._wait_for_confirmation()
        if self._stop.is_set():
            return
        stepper = Stepper(self._engine.pipeline, clock=self._clock, tap=self._tap, in_turn=IN_TURN)
        stepper.listener = self.recording
        if isinstance(self._engine.pipeline, Foreseeing):
            self._streams.keep(self._engine.pipeline.look_s)
        await self.recording.use_engine(self._engine, specs, self._in_worker)
        if self.learning is not None:
            await self.learning.begin(self._engine)
        self._bridge.start()
        self._stepping = True
        self._enter(SessionState.RUNNING, "")
        self.running.set()
        turns = Turns(self._bridge, self._streams.let_through, stepper, loop=self._loop)
        outcomes = Outcomes(
            stepper,
            self._in_worker,
            publisher=self.publisher,
            streams=self._streams,
            learning=self.learning,
            metrics=self._metrics,
            changed=self._map_anew,
        )
        await outcomes.of(await self._in_worker(turns.next))
        self._streams.pace(self._engine.pipeline)  # which knows of the streams by now
        while not self._stop.is_set() and not outcomes.all_ended:
            await outcomes.of(await self._in_worker(turns.next))
            await self.recording.begin_if_asked(self._in_worker)
            await self._swap_if_asked()
            self._tick()
            self._raise_fault()

    async def _swap_if_asked(self) -> None:
        if self._engine is None or self.learning is None:
            return
        engine = await self.learning.swap_if_asked(self._engine, self._in_worker)
        if engine is not self._engine:
            self._engine = engine
            await self.recording.swap(engine, self._in_worker)

    async def _wait_for_confirmation(self) -> None:
        """Where the settings want it, begin only when a person has confirmed every mapping."""
        if not self._settings.require_confirmed_mapping or not self.mapping.unconfirmed():
            return
        names = " and ".join(self.mapping.unconfirmed())
        self._enter(SessionState.WAITING, f"the mapping of {names} is to be confirmed")
        self.running.set()  # it is the operator's turn: whoever waits for the start need not
        await self.mapping.confirmed()

    def _map_anew(self) -> None:
        """Take over the mapping of streams that came back changed, and say so."""
        if self._engine is not None:
            self.mapping.set(self._streams.specs, self._engine.pipeline.reports())
            self._streams.release(self._confirmed)
            self._next_tick_s = 0.0
            self._say_status()

    def _mapping_changed(self) -> None:
        self._streams.release(self._confirmed)
        self._say_status()

    def _confirmed(self, modality: Modality) -> bool:
        return str(modality) not in self.mapping.unconfirmed()

    def _tick(self) -> None:
        """Notice what changed; say so, or that nothing has for a while.

        While all is well a look now and then does: it costs more than a step of the pipeline.
        """
        if self.state is SessionState.RUNNING and self._loop.time() < self._next_tick_s:
            return
        self._next_tick_s = self._loop.time() + LOOK_S
        self._lost.count(self._losses())
        self.recording.require_sound()
        reason = "; ".join(filter(None, (self._streams.look(), self.recording.trouble())))
        state = SessionState.DEGRADED if reason else SessionState.RUNNING
        if (state, reason) != (self.state, self.reason):
            self._enter(state, reason)
        elif self._clock() >= self._next_status_s:
            self._say_status()

    def _losses(self) -> Mapping[str, int]:
        return self._engine.pipeline.losses() if self._engine else {}

    def _enter(self, state: SessionState, reason: str) -> None:
        if state is not self.state:
            level = "warning" if state in (SessionState.DEGRADED, SessionState.FAILED) else "info"
            getattr(_log, level)("session " + state, session=self.id, reason=reason)
        self.state, self.reason = state, reason
        self._say_status()
        if state is SessionState.STOPPED and (unkept := self.publisher.unkept) is not None:
            self.error = unkept  # the last that it said could not be kept
            self._enter(SessionState.FAILED, str(unkept))
        elif state.over:
            self._lost.count(self._losses())
            self._close_up()

    def _close_up(self) -> None:
        """It is over: whoever waits for that need not any more."""
        self._metrics.sessions_failed.inc(self.state is SessionState.FAILED)
        self.running.set()
        self.over.set()
        if self._outlet is not None:
            self._outlet.stop()
        if self._markers is not None:
            self._markers.stop()

    def _say_status(self) -> None:
        self._next_status_s = self._clock() + self._settings.status_interval_s
        self.publisher.status(self.status())

    async def _finish(self, state: SessionState, reason: str) -> None:
        self._bridge.close()
        self._streams.stop()
        await self._streams.join(self._in_worker)
        if self.learning is not None:
            await self.learning.close()
        await self.recording.close(reason or state)
        self._let_go()
        self._enter(state, reason)

    def _let_go(self) -> None:
        """Release everything without waiting; doing so twice is no error."""
        if self._gone:
            return
        self._gone = True
        self.publisher.end()
        if self.learning is not None:
            self.learning.let_go()
        self.recording.let_go()
        self._bridge.close()
        self._streams.stop()
        if self._engine is not None:
            self._executor.submit(self._engine.close)
        self._executor.shutdown()

    async def _in_worker(self, call: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._executor, call)

    def _marked(self, markers: tuple[Marker, ...]) -> None:
        self._bridge.put(Marked(markers))
