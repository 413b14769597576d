"""What one session learns of its participant: asked by routes, fed by the session's loop.

Everything here runs on the event loop and waits for nothing but learning's own thread; a
calibration has a task of its own. A fault ends the calibration that has it, never the session.
"""

import asyncio
import functools
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

import structlog

from hadua.calibration.calibrating import Calibration, calibration_folder
from hadua.calibration.plan import Plan
from hadua.calibration.policy import policy_of
from hadua.calibration.profile import AS_SHIPPED
from hadua.calibration.session import CalibrationSession
from hadua.calibration.session_state import State
from hadua.calibration.stored_session import SESSION, read_session
from hadua.models.errors import CalibrationError, HaduaError
from hadua.models.features import Modality
from hadua.service.engine import Engine, Timed
from hadua.service.learning.calibration_run import CalibrationRun
from hadua.service.learning.claims import Claims
from hadua.service.learning.errors import (
    CalibrationActiveError,
    CalibrationUnknownError,
    NoParticipantError,
    NotRunningError,
)
from hadua.service.learning.statuses import AdaptationStatus, CalibrationStatus, RollBack
from hadua.service.learning.swap import InWorker, Swap
from hadua.service.learning.tools import Spawn, Tools
from hadua.service.learning.windows import Window
from hadua.service.publisher import Publisher
from hadua.service.serving import Personable
from hadua.service.workers import DaemonExecutor

EVERY_S = 1.0
CLOSE_TIMEOUT_S = 5.0

T = TypeVar("T")

_log = structlog.get_logger("hadua.learning")


class SessionLearning:
    """Of one session.

    Args:
        participant: Pseudonym, or None: nothing is learnt then.
        tools: Of the service.
        claims: Who is being learnt.
        spawn: Starts tasks.
        publisher: The session's voice.
    """

    def __init__(
        self,
        participant: str | None,
        *,
        tools: Tools,
        claims: Claims,
        spawn: Spawn,
        publisher: Publisher,
    ) -> None:
        self.participant = participant
        self.profile_version = AS_SHIPPED
        self.note = ""
        self._tools, self._claims = tools, claims
        self._spawn, self._publisher = spawn, publisher
        self._swap = Swap()
        self._lock = asyncio.Lock()
        self._thread = DaemonExecutor(f"learn-{publisher.session_id}")
        self._measured: frozenset[Modality] | None = None
        self._run: CalibrationRun | None = None
        self._driving: asyncio.Task[None] | None = None
        self._closed = False
        self._said_s = -1e9
        self._said_key: object = None

    async def begin(self, engine: Engine) -> None:
        """Go on with a calibration that was cut off, now that there is a pipeline."""
        version = engine.facts.get("profile_version", AS_SHIPPED)
        self.profile_version = version if isinstance(version, int) else AS_SHIPPED
        pipeline, participant = engine.pipeline, self.participant
        if participant is None or not isinstance(pipeline, Personable):
            return
        self._measured = frozenset(pipeline.measured)
        if self._claims.claim(participant, self):
            await self._resume(participant)

    def offer(self, timed: Sequence[Timed]) -> None:
        """Take the windows that were just answered; never waits."""
        if self._run is None or not self._run.session.state.takes_windows:
            return
        for each in timed:
            self._run.offer(Window.of(each.result))

    async def swap_if_asked(self, engine: Engine, in_worker: InWorker) -> Engine:
        """Between two steps: let another profile answer, if that was asked for."""
        after = await self._swap.if_asked(engine, in_worker)
        if after is not engine:
            version = after.facts["profile_version"]
            self.profile_version = version if isinstance(version, int) else AS_SHIPPED
            self._tools.figures.swaps.inc()
            _log.info("profile answers", session=self._publisher.session_id, version=version)
            self._say()
        return after

    def calibration(self) -> CalibrationStatus | None:
        """The latest calibration as it is now; None if there was none."""
        return None if self._run is None else self._run.status()

    @property
    def calibration_state(self) -> str:
        """Of the latest calibration; empty if there was none."""
        return "" if self._run is None else str(self._run.session.state)

    def adaptation(self) -> AdaptationStatus:
        """The online loop as it is now."""
        return AdaptationStatus()

    def proposed(self, *, seconds: float = 300.0) -> Plan | None:
        """The plan of a calibration of about so many seconds; None where there can be none."""
        if not self._measured:
            return None
        return Plan.for_bundle(self._tools.bundle, connected=self._measured, seconds=seconds)

    async def calibrate(self, plan: Plan | None, *, policy: str | None, actor: str) -> None:
        """Begin a calibration.

        Raises:
            NoParticipantError, NotRunningError, ParticipantBusyError: there is nobody to learn for.
            CalibrationActiveError: one is going on.
            CalibrationError: a plan that this session cannot keep.
            UsageError: no such policy.
        """
        async with self._lock:
            participant = self._require_person()
            if self._run is not None and not self._run.session.state.is_over:
                raise CalibrationActiveError(
                    f"calibration {self._run.session.id!r} of {participant!r} is going on",
                    got=f"state {str(self._run.session.state)!r}",
                    hint="Accept, reject or cancel it first.",
                )
            chosen = self._require_possible(plan)
            decides = policy_of(policy or self._tools.policy)
            session = CalibrationSession.of(
                self._tools.bundle,
                id=f"c-{secrets.token_hex(4)}",
                participant=participant,
                plan=chosen,
            )
            begin = functools.partial(
                Calibration.begin, self._tools.profiles, self._tools.bundle, session, policy=decides
            )
            calibration = await self._in_thread(begin)
            await self._audit("calibration started", actor, calibration=session.id)
            self.note = ""
            self._start(calibration)

    async def finish(self, *, actor: str) -> None:
        """End collecting early; raises where that cannot be."""
        async with self._lock:
            run = self._require_run()
            await run.finish()
            await self._audit("calibration ended early", actor, calibration=run.session.id)

    async def accept(self, *, actor: str) -> None:
        """Let the fitted profile answer; raises where there is none."""
        async with self._lock:
            run = self._require_run()
            await self._require_servable(run)
            await run.accept()
            await self._audit(
                "calibration accepted",
                actor,
                calibration=run.session.id,
                version=run.session.version or 0,
            )

    async def reject(self, reason: str, *, actor: str) -> None:
        """Discard the fitted profile; raises where there is none."""
        async with self._lock:
            run = self._require_run()
            await run.reject(reason)
            await self._audit("calibration rejected", actor, calibration=run.session.id)

    async def cancel(self, *, actor: str) -> None:
        """End the calibration, whatever it is doing; raises if it is over."""
        async with self._lock:
            run = self._require_run()
            if run.session.state.is_over:
                await run.cancel()  # it says that it is over
            await self._stop_driving()
            if run.session.state is State.ACCEPTED and run.session.version is not None:
                await self._serve(run.session.version, "accepted meanwhile")
            await run.cancel()
            await self._audit("calibration cancelled", actor, calibration=run.session.id)

    async def roll_back(self, version: int | None, *, reason: str, actor: str) -> RollBack:
        """Let an older version answer again; the parent of the one in force if none is named.

        Raises:
            ProfileError: it is not there, damaged, or of another bundle; what answers goes on.
        """
        async with self._lock:
            participant = self._require_person()
            done = await self._in_thread(
                functools.partial(self._point_back, participant, version, reason)
            )
            await self._serve(done.to_version, reason)
            await self._audit(
                "profile rolled back",
                actor,
                from_version=done.from_version,
                to_version=done.to_version,
            )
            self._tools.figures.roll_backs.labels("operator").inc()
            return done

    async def close(self) -> None:
        """End everything; what is on the disk goes on with the next session."""
        await self._stop_driving()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._in_thread(lambda: None)  # what it was doing is done
        self.let_go()

    def let_go(self) -> None:
        """Release everything without waiting."""
        self._closed = True
        if self._driving is not None:
            self._driving.cancel()
        self._swap.close()
        if self.participant is not None:
            self._claims.release(self.participant, self)
        self._thread.shutdown()

    async def _resume(self, participant: str) -> None:
        try:
            calibration = await self._in_thread(
                functools.partial(self._cut_off, participant, self._tools.unix_clock())
            )
        except HaduaError as error:
            self.note = str(error)
            _log.warning("calibration not resumed", error=str(error))
            self._say()
            return
        if calibration is not None:
            _log.info("calibration goes on", calibration=calibration.session.id)
            self._start(calibration)

    def _cut_off(self, participant: str, at_unix: float) -> Calibration | None:
        """The calibration that an end of the service cut off; in learning's thread."""
        tools = self._tools
        if participant not in tools.profiles.participants():
            return None
        folder = calibration_folder(tools.profiles, participant)
        if not (folder / SESSION).exists() or read_session(folder).state.is_over:
            return None
        calibration = Calibration.resume(
            tools.profiles, tools.bundle, participant=participant, at_unix=at_unix
        )
        session = calibration.session
        if session.state is State.BASELINE:  # what was seen of the rest is gone
            calibration.stored.put(replace(session, rested=0))
        return calibration

    def _start(self, calibration: Calibration) -> None:
        self._run = run = CalibrationRun(
            calibration,
            tools=self._tools,
            in_thread=self._in_thread,
            said=self._say,
            serve=self._serve,
        )
        self._say()
        if run.needs_work:
            name = f"calibration-{calibration.session.id}"
            self._driving = self._spawn(run.drive(), name=name)

    async def _stop_driving(self) -> None:
        driving, self._driving = self._driving, None
        if driving is not None:
            driving.cancel()
            await asyncio.wait([driving], timeout=CLOSE_TIMEOUT_S)

    async def _serve(self, version: int, reason: str) -> None:
        """Load a version in learning's thread, and let it answer from the next window on."""
        if self.participant is None:
            return
        load = functools.partial(self._tools.serving, self.participant, version)
        await self._swap.ask(await self._in_thread(load))
        _log.info("profile swapped", version=version, reason=reason)

    async def _require_servable(self, run: CalibrationRun) -> None:
        """Load the fitted version once before anything is decided, so that it can answer."""
        if run.session.version is not None and self.participant is not None:
            load = functools.partial(self._tools.serving, self.participant, run.session.version)
            (await self._in_thread(load)).runtime.close()

    def _point_back(self, participant: str, version: int | None, reason: str) -> RollBack:
        tools = self._tools
        history = tools.profiles.history(participant)
        to = version
        if to is None:
            if history.active == AS_SHIPPED:
                raise CalibrationError(
                    f"profile of {participant!r} to roll back",
                    got="the bundle as shipped",
                    hint="Nothing is before it.",
                )
            document = history.versions.get(history.active)
            to = history.good if document is None else document.parent
        tools.serving(participant, to).runtime.close()
        at_unix = tools.unix_clock()
        tools.profiles.roll_back(
            participant, bundle=tools.bundle, at_unix=at_unix, reason=reason, version=to
        )
        return RollBack(at_unix=at_unix, from_version=history.active, to_version=to, reason=reason)

    def _require_person(self) -> str:
        if self.participant is None:
            raise NoParticipantError(
                f"session {self._publisher.session_id!r} is nobody's",
                expected="a session that was started with a participant",
                hint="Start it with the pseudonym of whoever sits there.",
            )
        if self._closed or self._measured is None:
            raise NotRunningError(
                f"session {self._publisher.session_id!r} learns nothing now",
                got="a session that is over" if self._closed else "one that does not run yet",
                expected="a session that runs",
            )
        self._claims.require(self.participant, self)
        return self.participant

    def _require_possible(self, plan: Plan | None) -> Plan:
        measured = self._measured or frozenset()
        if not measured:
            raise CalibrationError(
                "a calibration without anything to learn from",
                got="no stream that is of use to the model",
                expected="EEG or gaze that covers enough of what it was trained on",
            )
        chosen = plan or Plan.for_bundle(self._tools.bundle, connected=measured)
        absent = [str(m) for m, n in chosen.least.items() if n and m not in measured]
        if absent:
            raise CalibrationError(
                "plan of a calibration",
                got=f"windows of {' and '.join(absent)} asked for",
                expected=f"only what is connected: {' and '.join(sorted(measured))}",
                hint="Connect that stream, or leave it out of the plan.",
            )
        return chosen

    def _require_run(self) -> CalibrationRun:
        self._require_person()
        if self._run is None:
            raise CalibrationUnknownError(
                f"session {self._publisher.session_id!r} has no calibration",
                hint="POST .../calibration begins one.",
            )
        return self._run

    async def _audit(self, action: str, actor: str, **detail: str | int | float) -> None:
        participant = self.participant or ""
        await self._in_thread(
            functools.partial(
                self._tools.audit, action, participant=participant, actor=actor, detail=detail
            )
        )

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _say(self) -> None:
        """Publish how learning stands, unless that was just said and nothing has changed since."""
        calibration, adaptation = self.calibration(), self.adaptation()
        state = calibration and (calibration.state, calibration.stage, calibration.version)
        key = (state, adaptation.state, adaptation.updates, self.profile_version, self.note)
        now_s = self._tools.clock()
        if self._closed or (key == self._said_key and now_s < self._said_s + EVERY_S):
            return
        self._said_key, self._said_s = key, now_s
        self._publisher.learning(
            profile_version=self.profile_version,
            calibration=calibration,
            adaptation=adaptation,
            note=self.note,
        )
