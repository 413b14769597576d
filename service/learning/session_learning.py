"""What one session learns of its participant: asked by routes, fed by the session's loop.

Everything here runs on the event loop and waits for nothing but learning's own thread; a
calibration and the online loop have a task and a process each. A fault ends what has it, never the
session.
"""

import asyncio
import functools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from hadua.calibration.plan import Plan
from hadua.calibration.profile import AS_SHIPPED
from hadua.models.errors import CalibrationError
from hadua.service.engine import Engine, Timed
from hadua.service.learning.claims import Claims
from hadua.service.learning.installed import require_packages
from hadua.service.learning.online_messages import Tell
from hadua.service.learning.seat import Seat
from hadua.service.learning.session_adaptation import SessionAdaptation
from hadua.service.learning.session_calibration import SessionCalibration
from hadua.service.learning.statuses import AdaptationStatus, CalibrationStatus, RollBack
from hadua.service.learning.tools import Spawn, Tools
from hadua.service.learning.windows import Window
from hadua.service.publisher import Publisher
from hadua.service.wire import SessionFrame
from hadua.service.workers import InWorker

EVERY_S = 1.0


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
        self._publisher = publisher
        self._lock = asyncio.Lock()
        self._seat = Seat(participant, session_id=publisher.session_id, tools=tools, claims=claims)
        self._calibration = SessionCalibration(
            self._seat,
            spawn=spawn,
            said=self._say,
            alone=self._alone,
            told=lambda: self._adaptation.told,
        )
        self._adaptation = SessionAdaptation(self._seat, spawn=spawn, said=self._say)
        self._said_s = -1e9
        self._said_key: object = None

    @property
    def profile_version(self) -> int:
        """What answers; 0 is the bundle as shipped."""
        return self._seat.profile_version

    @property
    def calibration_state(self) -> str:
        """Of the latest calibration; empty if there was none."""
        return self._calibration.state

    @property
    def note(self) -> str:
        """Why a calibration that was cut off could not go on; empty if it could."""
        return self._calibration.note

    @property
    def ending(self) -> bool:
        """Whether nothing begins any more: the session is ending, or over."""
        return self._seat.ending

    @property
    def is_behind(self) -> bool:
        """Whether so many windows wait that whoever can wait should."""
        return self._calibration.is_behind

    def calibration(self) -> CalibrationStatus | None:
        """The latest calibration as it is now; None if there was none."""
        return self._calibration.status()

    def adaptation(self) -> AdaptationStatus:
        """The online loop as it is now."""
        return self._adaptation.status()

    def proposed(self, *, seconds: float = 300.0) -> Plan | None:
        """The plan of a calibration of about so many seconds; None where there can be none."""
        return self._calibration.proposed(seconds=seconds)

    async def begin(self, engine: Engine) -> None:
        """Go on with what was cut off, now that there is a pipeline."""
        participant = self._seat.begin(engine)
        if participant is None:
            return
        self._publisher.listen(self._heard)
        await self._calibration.resume(participant)
        if self._seat.tools.adapt:
            await self._adaptation.on(actor="settings")

    def offer(self, timed: Sequence[Timed]) -> None:
        """Take the windows that were just answered; never waits."""
        if not self._adaptation.is_on and not self._calibration.state:
            return
        for each in timed:
            window = Window.of(each.result)
            self._calibration.offer(window)
            self._adaptation.offer(window)

    async def swap_if_asked(self, engine: Engine, in_worker: InWorker) -> Engine:
        """Between two steps: let another profile answer, if that was asked for."""
        after = await self._seat.swap_if_asked(engine, in_worker)
        if after is not engine:
            self._say()
        return after

    async def calibrate(self, plan: Plan | None, *, policy: str | None, actor: str) -> None:
        """Begin a calibration.

        Raises:
            NoParticipantError, NotRunningError, ParticipantBusyError: there is nobody to learn for.
            CalibrationActiveError: one is going on.
            CalibrationError: a plan that this session cannot keep, or nothing to learn with.
            UsageError: no such policy.
        """
        require_packages()
        async with self._lock:
            await self._calibration.begin(plan, policy=policy, actor=actor)

    async def finish(self, *, actor: str) -> None:
        """End collecting early; raises where that cannot be."""
        async with self._lock:
            await self._calibration.finish(actor=actor)

    async def accept(self, *, actor: str) -> None:
        """Let the fitted profile answer; what follows the person begins again from it."""
        async with self._alone():
            await self._calibration.accept(actor=actor)

    async def reject(self, reason: str, *, actor: str) -> None:
        """Discard the fitted profile; raises where there is none."""
        async with self._lock:
            await self._calibration.reject(reason, actor=actor)

    async def cancel(self, *, actor: str) -> None:
        """End the calibration, whatever it is doing; raises if it is over."""
        async with self._lock:
            await self._calibration.cancel(actor=actor)

    async def adapt(self, on: bool, *, actor: str) -> None:
        """Switch the online loop on or off; doing so twice changes nothing."""
        if on:
            require_packages()
        async with self._lock:
            await (self._adaptation.on if on else self._adaptation.off)(actor=actor)

    def label(self, name: str, *, from_s: float, until_s: float) -> Tell:
        """Take a class that somebody has told for a stretch of time; raises where it cannot be."""
        told = self._adaptation.label(name, from_s=from_s, until_s=until_s)
        self._calibration.tell(told)
        self._say()
        return told

    async def roll_back(self, version: int | None, *, reason: str, actor: str) -> RollBack:
        """Let an older version answer again; the parent of the one in force if none is named.

        Adaptation is switched off: it would go on in the direction that was not wanted.

        Raises:
            ProfileError: it is not there, damaged, or of another bundle; what answers goes on.
        """
        async with self._lock:
            participant, seat = self._seat.require(), self._seat
            to = await seat.in_thread(functools.partial(self._before, participant, version))
            await seat.require_servable(to)
            await self._adaptation.off(actor=actor, reason=f"rolled back: {reason}")
            back = functools.partial(self._point_back, participant, to, reason)
            done = await seat.in_thread(back)
            await seat.serve(to, reason)
            await seat.audit(
                "profile rolled back", actor, from_version=done.from_version, to_version=to
            )
            seat.tools.figures.roll_backs.labels("operator").inc()
            return done

    async def close(self) -> None:
        """End everything; what is on the disk goes on with the next session."""
        self._seat.ending = True
        await self._calibration.stop()
        await self._adaptation.stop()
        await self._seat.close()

    def let_go(self) -> None:
        """Release everything without waiting."""
        self._seat.ending = True
        self._calibration.let_go()
        self._adaptation.let_go()
        self._seat.let_go()

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Nothing else changes the profile; what follows the person begins again afterwards."""
        async with self._lock:
            following = self._adaptation.is_on
            await self._adaptation.stop()
            try:
                yield
            finally:
                if following and not self._seat.ending:
                    self._adaptation.restart()

    def _heard(self, frame: SessionFrame, text: str, now_s: float) -> None:
        """Take what a marker makes known."""
        del text, now_s
        told = self._adaptation.heard(frame)
        if told is not None:
            self._calibration.tell(told)

    def _before(self, participant: str, version: int | None) -> int:
        """The version to go back to; in learning's thread."""
        history = self._seat.tools.profiles.history(participant)
        if version is not None:
            return version
        if history.active == AS_SHIPPED:
            raise CalibrationError(
                f"profile of {participant!r} to roll back",
                got="the bundle as shipped",
                hint="Nothing is before it.",
            )
        document = history.versions.get(history.active)
        return history.good if document is None else document.parent

    def _point_back(self, participant: str, to: int, reason: str) -> RollBack:
        """Let a version be in force; in learning's thread."""
        tools, at_unix = self._seat.tools, self._seat.tools.unix_clock()
        before = tools.profiles.active_version(participant)
        tools.profiles.roll_back(
            participant, bundle=tools.bundle, at_unix=at_unix, reason=reason, version=to
        )
        return RollBack(at_unix=at_unix, from_version=before, to_version=to, reason=reason)

    def _say(self) -> None:
        """Publish how learning stands, unless that was just said and nothing has changed since."""
        calibration, adaptation = self.calibration(), self.adaptation()
        state = calibration and (calibration.state, calibration.stage, calibration.version)
        key = (
            *(state, adaptation.state, adaptation.updates, adaptation.roll_backs),
            *(adaptation.labels, self.profile_version, self.note),
        )
        now_s = self._seat.tools.clock()
        if self._seat.closed or (key == self._said_key and now_s < self._said_s + EVERY_S):
            return
        self._said_key, self._said_s = key, now_s
        self._publisher.learning(
            profile_version=self.profile_version,
            calibration=calibration,
            adaptation=adaptation,
            note=self.note,
        )
