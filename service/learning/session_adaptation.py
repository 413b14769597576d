"""The online loop of one session: on, off, and what it is told."""

import asyncio
from collections.abc import Callable

import msgspec

from hadua.service.learning.labels import Labels
from hadua.service.learning.online_messages import Tell
from hadua.service.learning.online_run import OnlineRun
from hadua.service.learning.seat import Seat, cancelled
from hadua.service.learning.statuses import AdaptationStatus
from hadua.service.learning.tools import Spawn
from hadua.service.learning.windows import Window
from hadua.service.wire import MarkerFrame, SessionFrame


class SessionAdaptation:
    """Off until somebody switches it on; whoever calls sees to it that calls do not cross.

    Args:
        seat: Whose.
        spawn: Starts tasks.
        said: Called when there is something new to say.
    """

    def __init__(self, seat: Seat, *, spawn: Spawn, said: Callable[[], None]) -> None:
        self._seat, self._spawn, self._said = seat, spawn, said
        self._labels = Labels(seat.tools.bundle.classes)
        self._run: OnlineRun | None = None
        self._driving: asyncio.Task[None] | None = None
        self._off = AdaptationStatus()

    @property
    def is_on(self) -> bool:
        """Whether it was switched on."""
        return self._run is not None

    def status(self) -> AdaptationStatus:
        """As it is now; what the latest run did if it is off."""
        now, told = self._off if self._run is None else self._run.status(), self._labels
        return msgspec.structs.replace(now, labels=told.n_told, last_label=told.last)

    def offer(self, window: Window) -> None:
        """Take a window that was answered; never waits."""
        if self._run is not None:
            self._run.offer(window)

    @property
    def told(self) -> tuple[Tell, ...]:
        """Every label of this session, oldest first."""
        return self._labels.told

    def heard(self, frame: SessionFrame) -> Tell | None:
        """Take what a marker makes known, if it does."""
        told = self._labels.of_marker(frame) if isinstance(frame, MarkerFrame) else None
        if told is not None and self._run is not None:
            self._run.tell(told)
        return told

    def label(self, name: str, *, from_s: float, until_s: float) -> Tell:
        """Take a class that somebody has told; kept, and learnt from while it is on."""
        self._seat.require()
        told = self._labels.add(name, from_s=from_s, until_s=until_s)
        if self._run is not None:
            self._run.tell(told)
        return told

    async def on(self, *, actor: str) -> None:
        """Follow the participant from what answers now on; nothing happens if it does already."""
        participant = self._seat.require()
        if self._run is not None and self._run.status().state != "failed":
            return
        await self.stop()
        self._start(participant)
        await self._seat.audit("adaptation on", actor, version=self._seat.profile_version)

    async def off(self, *, actor: str, reason: str = "") -> None:
        """Learn no more; what answers goes on."""
        self._seat.require()
        if self._run is None:
            return
        await self.stop(reason)
        await self._seat.audit("adaptation off", actor, version=self._seat.profile_version)
        self._said()

    def restart(self) -> None:
        """Begin again from what answers now; it must have been stopped."""
        self._start(self._seat.require())

    async def stop(self, reason: str = "") -> None:
        """Do no more."""
        run, self._run = self._run, None
        driving, self._driving = self._driving, None
        await cancelled(driving)
        if run is not None:
            self._off = run.stopped(reason)

    def let_go(self) -> None:
        """Do no more, without waiting."""
        if self._driving is not None:
            self._driving.cancel()

    def _start(self, participant: str) -> None:
        self._seat.require_staying()
        self._run = run = OnlineRun(
            participant,
            tools=self._seat.tools,
            in_thread=self._seat.in_thread,
            said=self._said,
            serve=self._seat.serve,
            labels=self._labels.told,
        )
        self._said()
        name = f"adaptation-{self._seat.session_id}"
        self._driving = self._spawn(run.drive(), name=name)
