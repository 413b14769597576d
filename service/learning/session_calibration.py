"""The calibrations of one session: begun, decided, and gone on with after a crash."""

import asyncio
import functools
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import structlog

from hadua.calibration.calibrating import Calibration, calibration_folder
from hadua.calibration.plan import Plan
from hadua.calibration.policy import policy_of
from hadua.calibration.session import CalibrationSession
from hadua.calibration.session_state import State
from hadua.calibration.stored_session import SESSION, read_session
from hadua.models.errors import CalibrationError, HaduaError
from hadua.service.learning.calibration_run import CalibrationRun
from hadua.service.learning.errors import CalibrationActiveError, CalibrationUnknownError
from hadua.service.learning.online_messages import Tell
from hadua.service.learning.seat import Seat, cancelled
from hadua.service.learning.statuses import CalibrationStatus
from hadua.service.learning.tools import Spawn
from hadua.service.learning.windows import Window

_log = structlog.get_logger("hadua.calibration")


class SessionCalibration:
    """At most one calibration at a time; whoever calls sees to it that calls do not cross.

    Args:
        seat: Whose.
        spawn: Starts tasks.
        said: Called when there is something new to say.
        alone: While it lasts, nothing else changes the participant's profile.
        told: Every label of the session so far.
    """

    def __init__(
        self,
        seat: Seat,
        *,
        spawn: Spawn,
        said: Callable[[], None],
        alone: Callable[[], AbstractAsyncContextManager[None]],
        told: Callable[[], Sequence[Tell]],
    ) -> None:
        self.note = ""
        self._seat, self._spawn, self._said, self._alone = seat, spawn, said, alone
        self._told = told
        self._run: CalibrationRun | None = None
        self._driving: asyncio.Task[None] | None = None

    @property
    def state(self) -> str:
        """Of the latest; empty if there was none."""
        return "" if self._run is None else str(self._run.session.state)

    @property
    def is_behind(self) -> bool:
        """Whether half of the room for waiting windows is taken."""
        return self._run is not None and self._run.is_behind

    def status(self) -> CalibrationStatus | None:
        """The latest as it is now; None if there was none."""
        return None if self._run is None else self._run.status()

    def offer(self, window: Window) -> None:
        """Take a window that was answered; never waits."""
        if self._run is not None:
            self._run.offer(window)

    def tell(self, told: Tell) -> None:
        """Take a class that somebody has told."""
        if self._run is not None:
            self._run.tell(told)

    def proposed(self, *, seconds: float) -> Plan | None:
        """The plan of a calibration of about so many seconds; None where there can be none."""
        if not self._seat.measured:
            return None
        bundle = self._seat.tools.bundle
        return Plan.for_bundle(bundle, connected=self._seat.measured, seconds=seconds)

    async def resume(self, participant: str) -> None:
        """Go on with a calibration that an end of the service cut off, or note why not."""
        try:
            calibration = await self._seat.in_thread(
                functools.partial(self._cut_off, participant, self._seat.tools.unix_clock())
            )
        except HaduaError as error:
            self.note = str(error)
            _log.warning("calibration not resumed", error=str(error))
            self._said()
            return
        if calibration is not None:
            _log.info("calibration goes on", calibration=calibration.session.id)
            self._start(calibration)

    async def begin(self, plan: Plan | None, *, policy: str | None, actor: str) -> None:
        """Begin one; raises where that cannot be."""
        participant, tools = self._seat.require(), self._seat.tools
        if self._run is not None and not self._run.session.state.is_over:
            raise CalibrationActiveError(
                f"calibration {self._run.session.id!r} of {participant!r} is going on",
                got=f"state {str(self._run.session.state)!r}",
                hint="Accept, reject or cancel it first.",
            )
        session = CalibrationSession.of(
            tools.bundle,
            id=f"c-{secrets.token_hex(4)}",
            participant=participant,
            plan=self._possible(plan),
        )
        decides = policy_of(policy or tools.policy)
        begin = functools.partial(
            Calibration.begin, tools.profiles, tools.bundle, session, policy=decides
        )
        calibration = await self._seat.in_thread(begin)
        await self._seat.audit("calibration started", actor, calibration=session.id)
        self.note = ""
        self._start(calibration)

    async def finish(self, *, actor: str) -> None:
        """End collecting early; raises where that cannot be."""
        run = self._required()
        await run.finish()
        await self._seat.audit("calibration ended early", actor, calibration=run.session.id)

    async def accept(self, *, actor: str) -> None:
        """Let the fitted profile answer; raises where there is none."""
        run = self._required()
        if run.session.state is State.READY and run.session.version is not None:
            await self._seat.require_servable(run.session.version)
        await run.accept()
        version = run.session.version or 0
        await self._seat.audit(
            "calibration accepted", actor, calibration=run.session.id, version=version
        )

    async def reject(self, reason: str, *, actor: str) -> None:
        """Discard the fitted profile; raises where there is none."""
        run = self._required()
        await run.reject(reason)
        await self._seat.audit("calibration rejected", actor, calibration=run.session.id)

    async def cancel(self, *, actor: str) -> None:
        """End it, whatever it is doing; raises if it is over."""
        run = self._required()
        if not run.session.state.is_over:
            await self.stop()
        if run.session.state is State.ACCEPTED and run.session.version is not None:
            await self._seat.serve(run.session.version, "accepted by its policy meanwhile")
        await run.cancel()
        await self._seat.audit("calibration cancelled", actor, calibration=run.session.id)

    async def stop(self) -> None:
        """Do no more; what is on the disk can be gone on with."""
        driving, self._driving = self._driving, None
        await cancelled(driving)

    def let_go(self) -> None:
        """Do no more, without waiting."""
        if self._driving is not None:
            self._driving.cancel()

    def _cut_off(self, participant: str, at_unix: float) -> Calibration | None:
        """What was cut off, if anything was; in learning's thread."""
        tools = self._seat.tools
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
        self._seat.require_staying()
        self._run = run = CalibrationRun(
            calibration,
            tools=self._seat.tools,
            in_thread=self._seat.in_thread,
            said=self._said,
            serve=self._seat.serve,
            alone=self._alone,
            labels=self._told() if calibration.session.state.takes_windows else (),
        )
        self._said()
        if run.needs_work:
            name = f"calibration-{calibration.session.id}"
            self._driving = self._spawn(run.drive(), name=name)

    def _possible(self, plan: Plan | None) -> Plan:
        measured = self._seat.measured or frozenset()
        if not measured:
            raise CalibrationError(
                "a calibration without anything to learn from",
                got="no stream that is of use to the model",
                expected="EEG or gaze that covers enough of what it was trained on",
            )
        chosen = plan or Plan.for_bundle(self._seat.tools.bundle, connected=measured)
        absent = [str(m) for m, n in chosen.least.items() if n and m not in measured]
        if absent:
            raise CalibrationError(
                "plan of a calibration",
                got=f"windows of {' and '.join(absent)} asked for",
                expected=f"only what is connected: {' and '.join(sorted(measured))}",
                hint="Connect that stream, or leave it out of the plan.",
            )
        return chosen

    def _required(self) -> CalibrationRun:
        self._seat.require()
        if self._run is None:
            raise CalibrationUnknownError(
                f"session {self._seat.session_id!r} has no calibration",
                hint="POST .../calibration begins one.",
            )
        return self._run
