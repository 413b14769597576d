"""All sessions of the service, and the task group in which they run."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import ClassVar, Self

import structlog

from hadua.adapters.sources.lsl_markers import parse_markers
from hadua.adapters.sources.source import Source
from hadua.models.errors import HaduaError, UsageError
from hadua.models.features import Modality
from hadua.service.chores import apart
from hadua.service.config import Settings
from hadua.service.engine import EngineFactory, Tap
from hadua.service.garbage import GARBAGE
from hadua.service.hub import Hub
from hadua.service.journal import MemoryJournal
from hadua.service.learning.learners import Learners
from hadua.service.mapping_book import MappingBook
from hadua.service.metrics import Metrics
from hadua.service.phases import Staggered, free_phase_s
from hadua.service.publisher import Publisher
from hadua.service.recordings import Recordings
from hadua.service.serving import Personalise, as_shipped
from hadua.service.session import Session
from hadua.service.session_lsl import Outlets
from hadua.service.session_recording import CLOSE_TIMEOUT_S
from hadua.service.storage.keeper import SessionKeeper
from hadua.service.storage.records import SessionRecord

_log = structlog.get_logger("hadua.sessions")

STOP_TIMEOUT_S = 1.2
STOP_ONE_TIMEOUT_S = 5.0  # the service goes on, so there is more time


class SessionUnknownError(HaduaError):
    """No session has this id."""

    code: ClassVar[str] = "session-unknown"


class SessionExistsError(HaduaError):
    """A session of this id is running."""

    code: ClassVar[str] = "session-exists"


class LimitReachedError(HaduaError):
    """The service does as much as it was allowed to."""

    code: ClassVar[str] = "limit-reached"


class Sessions:
    """Starts, finds and stops sessions. Those that ended are kept until others need the room.

    Args:
        settings: Limits and times.
        make_engine: Builds a session's pipeline.
        staggered: Makes such a builder for a phase of the windows; None: those of all sessions end
            at the same instants.
        hub: The clients.
        metrics: Counted into.
        storage: Keeps what sessions say.
        clock: LSL seconds now.
        unix_clock: Unix seconds now.
        tap: Sees every chunk that a pipeline consumes.
        bundle: Id of the bundle, for the record.
        mappings: Confirmed mappings of devices; None keeps them in this process only.
        recordings: Begins recordings of sessions; None: there are none.
        outlets: Makes what sends a session over LSL, if anything does.
        personal: Gives a participant's session the profile that is theirs.
        hop_s: From the end of one window to the next.
        learners: Makes what a session learns with; None: no session learns.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        make_engine: EngineFactory,
        staggered: Staggered | None = None,
        hub: Hub,
        metrics: Metrics,
        storage: SessionKeeper,
        clock: Callable[[], float],
        unix_clock: Callable[[], float],
        tap: Tap | None = None,
        bundle: str = "",
        mappings: MappingBook | None = None,
        recordings: Recordings | None = None,
        outlets: Outlets = lambda session_id, sources: None,
        personal: Personalise = as_shipped,
        hop_s: float = 0.0,
        learners: Learners | None = None,
    ) -> None:
        self._settings = settings
        self._make_engine = make_engine
        self._staggered = staggered
        self._hub = hub
        self._metrics = metrics
        self._storage = storage
        self._last_epoch = storage.last_epoch
        self._bundle = bundle
        self.mappings = mappings or MappingBook(None, unix_clock=unix_clock)
        self._clock = clock
        self._unix_clock = unix_clock
        self._tap = tap
        self._recordings = recordings
        self._outlets = outlets
        self._personal = personal
        self._hop_s = hop_s
        self._learners = learners
        self._sessions: dict[str, Session] = {}
        self._tasks = asyncio.TaskGroup()
        self._running: dict[asyncio.Task[None], Session] = {}
        self._beside: set[asyncio.Task[None]] = set()  # what sessions have started

    async def __aenter__(self) -> Self:
        """Sessions can be started from here on."""
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop all and wait for their end; one that hangs in its pipeline is given up."""
        await self.stop_all()
        for task in (*self._running, *self._beside):
            task.cancel()
        await self._tasks.__aexit__(kind, error, traceback)

    def start(
        self,
        sources: Mapping[Modality, Source],
        *,
        session_id: str | None = None,
        participant: str | None = None,
        markers: Sequence[str] | None = None,
    ) -> Session:
        """Start a session; it is `starting` when this returns.

        Args:
            sources: One or two.
            session_id: Made up if not given.
            participant: Pseudonym, or None.
            markers: Texts of LSL marker streams to listen to; None: those of the settings.

        Raises:
            UsageError: no source, or a text that names no marker stream.
            SessionExistsError: `session_id` is running.
            LimitReachedError: `max_sessions` are running.
        """
        if not sources:
            raise UsageError(
                "a session without a stream",
                expected="a SOURCE for eeg, for gaze, or for both",
            )
        texts = self._settings.markers if markers is None else markers
        queries = [parse_markers(text) for text in texts]
        session_id = session_id or f"s-{secrets.token_hex(4)}"
        self._require_room(session_id)
        publisher = self._publisher(session_id)
        learning = (
            self._learners.of(participant, publisher, spawn=self._spawn) if self._learners else None
        )
        session = Session(
            sources,
            make_engine=self._engine_factory(participant, publisher.phase_s),
            publisher=publisher,
            settings=self._settings,
            metrics=self._metrics,
            clock=self._clock,
            participant=participant,
            tap=self._tap,
            mappings=self.mappings,
            recordings=self._recordings,
            outlet=self._outlets(session_id, sources),
            markers=queries,
            learning=learning,
        )
        begun = self._storage.began(self._record(session))
        loop = asyncio.get_running_loop()
        begun.add_done_callback(lambda _: loop.call_soon_threadsafe(_require_kept, begun, session))
        self._sessions.pop(session_id, None)
        self._sessions[session_id] = session
        task = self._tasks.create_task(self._run(session), name=f"session-{session_id}")
        self._running[task] = session
        task.add_done_callback(self._running.pop)
        return session

    def get(self, session_id: str) -> Session:
        """The session of that id.

        Raises:
            SessionUnknownError: there is none.
        """
        try:
            return self._sessions[session_id]
        except KeyError:
            raise SessionUnknownError(
                f"no session {session_id!r}",
                expected=", ".join(map(repr, self._sessions)) or "none is known",
                hint="GET /api/v1/sessions lists them.",
            ) from None

    def find(self, session_id: str) -> Session | None:
        """The session of that id, or None."""
        return self._sessions.get(session_id)

    def all(self) -> list[Session]:
        """Every session that is known, oldest first."""
        return list(self._sessions.values())

    def forget(self, participant: str) -> None:
        """Let go of what the ended sessions of an erased participant said."""
        for session in self.all():
            if session.participant == participant and session.over.is_set():
                del self._sessions[session.id]

    async def stop(self, session_id: str) -> Session:
        """Stop a session and wait for its end; one that hangs is given up, and has failed.

        Raises:
            SessionUnknownError: there is none of that id.
        """
        session = self.get(session_id)
        session.stop()
        if mine := [task for task, running in self._running.items() if running is session]:
            _, hanging = await asyncio.wait(mine, timeout=STOP_ONE_TIMEOUT_S)
            for task in hanging:
                task.cancel()
            await session.over.wait()
        return session

    async def stop_all(self) -> None:
        """Ask all to stop and wait a little until they have."""
        for session in self.all():
            session.stop()
        recorded = any(session.recording.active for session in self.all())
        if self._running:
            timeout_s = STOP_TIMEOUT_S + (CLOSE_TIMEOUT_S if recorded else 0.0)
            await asyncio.wait(self._running, timeout=timeout_s)

    def _spawn(self, work: Coroutine[object, object, None], *, name: str) -> asyncio.Task[None]:
        task = self._tasks.create_task(apart(work), name=name)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)
        return task

    async def _run(self, session: Session) -> None:
        with self._metrics.sessions.track_inprogress():
            try:
                await session.run()
            finally:
                self._note_end(session)
                if all(known.over.is_set() for known in self.all()):
                    GARBAGE.after_the_last_session()

    def _note_end(self, session: Session) -> None:
        try:
            self._storage.ended(
                session.id,
                session.epoch,
                state=str(session.state),
                reason=session.reason,
                last_seq=session.publisher.journal.last_seq,
            )
        except Exception as error:  # noqa: BLE001 - other people's sessions go on, whatever it is
            _log.error("end of a session not kept", session=session.id, error=str(error))

    def _record(self, session: Session) -> SessionRecord:
        return SessionRecord(
            session.id,
            session.epoch,
            session.participant,
            self._unix_clock(),
            None,
            str(session.state),
            "",
            self._bundle,
            0,
        )

    def _engine_factory(self, participant: str | None, phase_s: float) -> EngineFactory:
        make = self._staggered(phase_s) if self._staggered is not None else self._make_engine
        if participant is None:
            return make
        return lambda streams: self._personal(make(streams), participant)

    def _phase_s(self) -> float:
        if self._staggered is None:
            return 0.0
        taken = [s.publisher.phase_s for s in self.all() if not s.over.is_set()]
        return free_phase_s(self._hop_s, taken)

    def _publisher(self, session_id: str) -> Publisher:
        # Seconds since 1970, and beyond all that are kept, also after the clock was set back.
        self._last_epoch = max(int(self._unix_clock()), self._last_epoch + 1)
        return Publisher(
            session_id,
            epoch=self._last_epoch,
            journal=MemoryJournal(capacity=self._settings.journal_frames),
            hub=self._hub,
            metrics=self._metrics,
            clock=self._clock,
            unix_clock=self._unix_clock,
            hop_s=self._hop_s,
            phase_s=self._phase_s(),
            keep=self._storage.append,
        )

    def _require_room(self, session_id: str) -> None:
        running = [s.id for s in self.all() if not s.over.is_set()]
        if session_id in running:
            raise SessionExistsError(
                f"session {session_id!r} is running",
                hint="Stop it first, or choose another id.",
            )
        if len(running) >= self._settings.max_sessions:
            raise LimitReachedError(
                "too many sessions",
                got=f"{len(running)} running",
                expected=f"at most max_sessions={self._settings.max_sessions}",
                hint="Stop one, or raise the setting.",
            )
        over = [s.id for s in self.all() if s.over.is_set()]
        for forgotten in over[: max(0, len(over) - self._settings.max_sessions + 1)]:
            del self._sessions[forgotten]


def _require_kept(begun: Future[None], session: Session) -> None:
    """A session that is not on record must not run as if it were."""
    error = begun.exception()
    if isinstance(error, HaduaError):
        session.fail(error)
