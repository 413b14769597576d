"""One calibration in a running session: windows in, and off to the process that fits them.

The session's loop only puts windows into a bounded queue. What touches the disk happens in
learning's own thread, and the fit in a process of low priority; both may be slow or killed without
a prediction noticing.
"""

import functools
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

import structlog

from hadua.calibration.calibrating import Calibration
from hadua.calibration.policy import OPERATOR
from hadua.calibration.progress import progress
from hadua.calibration.session import CalibrationSession
from hadua.calibration.session_state import State
from hadua.models.errors import HaduaError
from hadua.service.chores import once_there_is_memory
from hadua.service.fit_worker import FitWorker
from hadua.service.learning.fitting import Fitting
from hadua.service.learning.online_messages import Tell
from hadua.service.learning.rest import Rest
from hadua.service.learning.statuses import CalibrationStatus
from hadua.service.learning.told import plan_told, report_told
from hadua.service.learning.tools import InThread, Tools
from hadua.service.learning.windows import MOST_WAITING, Waiting, Window
from hadua.service.unforeseen import unforeseen

Serve = Callable[[int, str], Awaitable[None]]
"""Lets a version answer from the next window on; the text is why."""

_log = structlog.get_logger("hadua.calibration")


class CalibrationRun:
    """Drives a calibration; everything on the event loop but what `in_thread` does.

    Args:
        calibration: Begun or resumed.
        tools: Of the service.
        in_thread: Learning's own thread.
        said: Called when there is something new to say.
        serve: Lets a version answer.
        alone: While it lasts, nothing else changes the participant's profile.
        labels: What was told of this run of the session before.
    """

    def __init__(
        self,
        calibration: Calibration,
        *,
        tools: Tools,
        in_thread: InThread,
        said: Callable[[], None],
        serve: Serve,
        alone: Callable[[], AbstractAsyncContextManager[None]],
        labels: Sequence[Tell] = (),
    ) -> None:
        self._calibration, self._tools, self._alone = calibration, tools, alone
        self._in_thread, self._said, self._serve = in_thread, said, serve
        self._waiting = Waiting()
        self._to_tell = deque(labels)
        self._balance: Counter[str] = Counter()
        self._quality: defaultdict[str, float] = defaultdict(float)
        self._windows: Counter[str] = Counter()
        self._stage = ""
        session = calibration.session
        self._rest = Rest(
            tools.bundle, windows=max(session.plan.baseline_windows(session.hop_s), 1)
        )
        self._told = session.state

    @property
    def session(self) -> CalibrationSession:
        """As it is now."""
        return self._calibration.session

    @property
    def needs_work(self) -> bool:
        """Whether `drive` has anything to do: windows to take, or a profile to fit."""
        return self.session.state.takes_windows or self.session.state is State.FITTING

    @property
    def is_behind(self) -> bool:
        """Whether half of the room for waiting windows is taken."""
        return self.session.state.takes_windows and len(self._waiting) > MOST_WAITING // 2

    def offer(self, window: Window) -> None:
        """Take a window, if windows are taken; never waits."""
        if self.session.state.takes_windows and not self._waiting.put(window):
            self._tools.figures.windows_dropped.labels("calibration").inc()

    def tell(self, told: Tell) -> None:
        """Take a class that somebody has told; the fit knows it if it has not begun."""
        if self.session.state.takes_windows:
            self._to_tell.append(told)
            self._waiting.wake()

    async def drive(self) -> None:
        """Collect, fit, and let a policy decide; ends where an operator must, or nobody can."""
        try:
            await self._go_on()
        except HaduaError as error:
            await self._fail(str(error))
        except Exception as error:  # noqa: BLE001 - the one place where this task's faults end
            reason = str(unforeseen(error, where="calibration"))
            await once_there_is_memory(functools.partial(self._fail, reason))
            _log.error("calibration failed unexpectedly", exc_info=error)

    async def finish(self) -> None:
        """End collecting with less than the plan asks for; raises if it is too little."""
        await self._in_thread(self._calibration.end_collecting)
        self._tell()
        self._waiting.wake()

    async def accept(self) -> None:
        """Let the profile answer, from the next window on."""
        at_unix = self._tools.unix_clock()
        await self._in_thread(functools.partial(self._calibration.accept, at_unix=at_unix))
        self._tell()
        await self._serve_it()

    async def reject(self, reason: str) -> None:
        """Discard the profile; what answers goes on."""
        at_unix = self._tools.unix_clock()
        await self._in_thread(functools.partial(self._calibration.reject, reason, at_unix=at_unix))
        self._tell()

    async def cancel(self) -> None:
        """End it; `drive` must have ended."""
        at_unix = self._tools.unix_clock()
        await self._in_thread(functools.partial(self._calibration.cancel, at_unix=at_unix))
        self._tell()

    def status(self) -> CalibrationStatus:
        """As clients are told."""
        session = self.session
        far = progress(session)
        return CalibrationStatus(
            id=session.id,
            participant=session.participant,
            bundle=session.bundle_id,
            state=str(session.state),
            reason=session.reason,
            words=f"fitting: {self._stage}" if self._stage else far.words,
            share=far.share,
            eta_s=far.eta_s,
            plan=plan_told(session.plan),
            policy=self._calibration.policy.name,
            rested=session.rested,
            collected=session.collected,
            measured={str(m): n for m, n in session.measured.items()},
            lacking={str(m): n for m, n in far.lacking.items()},
            refused={str(why): n for why, n in session.refused.items()},
            dropped=self._waiting.dropped,
            labels=self._calibration.stored.labels + len(self._to_tell),
            quality={m: total / self._windows[m] for m, total in self._quality.items()},
            balance=dict(self._balance),
            may_finish=session.may_end,
            stage=self._stage,
            computed=session.computed,
            version=session.version,
            report=None if session.report is None else report_told(session.report),
        )

    async def _go_on(self) -> None:
        worker = await FitWorker.start()  # it warms up while windows are collected
        try:
            while self.session.state.takes_windows:
                batch = await self._waiting.take()
                await self._in_thread(functools.partial(self._take, batch))
                self._tell()
            if self.session.state is State.FITTING:
                await self._fit(worker)
        finally:
            await worker.stop()

    def _take(self, batch: Sequence[Window]) -> None:
        """Look at windows, and keep what was told; in learning's thread."""
        self._keep_told()
        for window in batch:
            before = self.session.state
            if not before.takes_windows:
                break
            taken = self._calibration.take(window.end_s, window.windows)
            if taken.kept and before is State.BASELINE:
                self._rest.observe(taken.kept)
                if self.session.state is State.COLLECTING:
                    self._calibration.keep_prior(self._rest.normalisation())
            self._count(window, to_collect=taken.to_collect, kept=bool(taken.kept))

    def _keep_told(self) -> None:
        while self._to_tell:
            told = self._to_tell.popleft()
            self._calibration.tell(told.label, from_s=told.from_s, until_s=told.until_s)

    def _count(self, window: Window, *, to_collect: bool, kept: bool) -> None:
        outcome = "collected" if to_collect else "rest" if kept else "refused"
        self._tools.figures.calibration_windows.labels(outcome).inc()
        for modality, own in window.windows.items():
            self._quality[str(modality)] += own.quality
            self._windows[str(modality)] += 1
        if to_collect and window.label is not None:
            self._balance[window.label] += 1

    async def _fit(self, worker: FitWorker) -> None:
        await self._in_thread(self._keep_told)
        request = await self._in_thread(
            functools.partial(self._calibration.request, source=self._tools.source)
        )
        fitting = Fitting(self._tools.elsewhere, on_stage=self._note_stage)
        try:
            computed = await fitting.fit(worker, request)
        finally:
            self._stage = ""
        await self._in_thread(functools.partial(self._calibration.note_computed, computed))
        if self._calibration.policy is OPERATOR:
            await self._settle()
        else:
            async with self._alone():
                await self._settle()

    async def _settle(self) -> None:
        """Take over what was fitted, and do what the policy says."""
        at_unix = self._tools.unix_clock()
        await self._in_thread(functools.partial(self._calibration.settle, at_unix=at_unix))
        self._tell()
        if self.session.state is State.ACCEPTED:
            await self._in_thread(self._note_policy)
            await self._serve_it()

    def _note_stage(self, stage: str) -> None:
        self._stage = stage
        self._said()

    def _note_policy(self) -> None:
        session, policy = self.session, self._calibration.policy.name
        self._tools.audit(
            "calibration accepted",
            participant=session.participant,
            actor=f"policy {policy}",
            detail={"calibration": session.id, "version": session.version or 0},
        )

    async def _serve_it(self) -> None:
        if self.session.version is not None:
            await self._serve(self.session.version, f"calibration {self.session.id}")

    async def _fail(self, reason: str) -> None:
        _log.warning("calibration failed", calibration=self.session.id, reason=reason)
        if not self.session.state.is_over:
            await self._in_thread(functools.partial(self._calibration.fail, reason))
        self._tell()

    def _tell(self) -> None:
        state = self.session.state
        if state is not self._told:
            self._told = state
            self._tools.figures.calibrations.labels(str(state)).inc()
            _log.info("calibration " + state, calibration=self.session.id)
        self._said()
