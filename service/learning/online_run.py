"""The online loop of a running session: windows go to a process that adapts, versions come back.

The session's loop only puts windows into a bounded queue. Each accepted step is a version of the
participant's profile, on the disk before it answers; a roll-back in the loop is one in the store,
with its reason. Without the loop nothing of this exists: what answers is what answered before.
"""

import functools
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import structlog

from hadua.calibration.admission import admit
from hadua.calibration.collected import CollectedWindow
from hadua.calibration.fitted import read_fitted
from hadua.calibration.online_reasons import FROZEN, NOTHING_MEASURED, POOR_QUALITY
from hadua.calibration.plan import Plan
from hadua.calibration.profile import AS_SHIPPED
from hadua.calibration.sitting import SITTING, SittingFiles
from hadua.models.errors import CalibrationError, HaduaError
from hadua.models.features import Modality
from hadua.service.learning.online_messages import Begin, Kept, See, Seen, Tell
from hadua.service.learning.online_worker import OnlineWorker
from hadua.service.learning.statuses import AdaptationStatus, RollBack
from hadua.service.learning.tools import InThread, Tools
from hadua.service.learning.windows import Waiting, Window
from hadua.service.line_process import WorkerDiedError
from hadua.service.modest import StarvedError

FOLDER = "online"
MIN_QUALITY = Plan().min_quality
"""Share of the signal that must have been usable, as a calibration asks for it."""
MOST_LABELS = 1000
MOST_DEATHS = 3
SHOWN_ROLL_BACKS = 20
_FREEZING = (POOR_QUALITY, NOTHING_MEASURED, FROZEN)

Serve = Callable[[int, str], Awaitable[None]]

_log = structlog.get_logger("hadua.adaptation")


class OnlineRun:
    """Follows a participant from the version that answers now until it is cancelled.

    Args:
        participant: Whom.
        tools: Of the service.
        in_thread: Learning's own thread.
        said: Called when there is something new to say.
        serve: Lets a version answer.
        labels: What was told before.
    """

    def __init__(
        self,
        participant: str,
        *,
        tools: Tools,
        in_thread: InThread,
        said: Callable[[], None],
        serve: Serve,
        labels: tuple[Tell, ...] = (),
    ) -> None:
        self._participant, self._tools = participant, tools
        self._in_thread, self._said, self._serve = in_thread, said, serve
        self._waiting = Waiting()
        self._taken: deque[Window] = deque()  # outlive a process that dies
        self._labels = deque(labels, maxlen=MOST_LABELS)  # a new process is told all of them
        self._to_tell = deque(labels)
        bundle = tools.bundle
        self._widths = bundle.width(Modality.EEG), bundle.width(Modality.EYE)
        self._folder = tools.profiles.folder(participant) / FOLDER
        self._last_s: float | None = None
        self._good = AS_SHIPPED
        self._modest, self._resume, self._owed = True, False, False
        self._state, self._reason = "starting", ""
        self._refused: Counter[str] = Counter()
        self._learnt = self._updates = self._relearnt = self._known_labels = 0
        self._lost, self._relearning = 0, ""
        self._step_ms: float | None = None
        self._roll_backs: deque[RollBack] = deque(maxlen=SHOWN_ROLL_BACKS)

    def offer(self, window: Window) -> None:
        """Take a window that was answered; never waits."""
        if self._state != "failed" and not self._waiting.put(window):
            self._tools.figures.windows_dropped.labels("adaptation").inc()

    def tell(self, told: Tell) -> None:
        """Take a class that somebody has told; it is learnt from with the next window."""
        self._labels.append(told)
        self._to_tell.append(told)

    def status(self) -> AdaptationStatus:
        """As clients are told."""
        return AdaptationStatus(
            state=self._state,
            reason=self._reason,
            learnt=self._learnt,
            refused=dict(self._refused),
            dropped=self._waiting.dropped + self._lost,
            updates=self._updates,
            relearnt=self._relearnt,
            relearning=self._relearning,
            labels=len(self._labels),
            labels_known=self._known_labels,
            step_ms=self._step_ms,
            roll_backs=tuple(self._roll_backs),
        )

    def stopped(self, reason: str) -> AdaptationStatus:
        """What is told of it once it is off."""
        return msgspec.structs.replace(self.status(), state="off", reason=reason)

    async def drive(self) -> None:
        """Follow; a process that dies is started anew from what answers, a few times.

        So is, once, a process that goes last and is left nothing by others: its successor is
        merely of low priority. Either takes over what was held of this sitting, which ends here.
        """
        try:
            await self._follow_on()
        finally:
            forget = SittingFiles(self._folder / SITTING).forget
            try:
                await self._in_thread(forget)
            except RuntimeError:  # a session that was given up has no thread any more
                forget()

    async def _follow_on(self) -> None:
        try:
            deaths = 0
            while deaths < MOST_DEATHS:
                try:
                    await self._follow()
                except StarvedError as error:
                    self._modest = False
                    _log.warning("following anew, less modestly", because=str(error))
                    self._begin_anew(str(error))
                except WorkerDiedError as error:
                    deaths += 1
                    _log.warning("the process that adapts died", deaths=deaths, error=str(error))
                    self._begin_anew(str(error))
            self._enter("failed", f"the process that adapts died {MOST_DEATHS} times")
        except HaduaError as error:
            _log.warning("adaptation failed", error=str(error))
            self._enter("failed", str(error))
        except Exception as error:  # noqa: BLE001 - the one place where this task's faults end
            _log.exception("adaptation failed unexpectedly")
            self._enter("failed", f"internal error: {type(error).__name__}. The log says where.")

    def _begin_anew(self, reason: str) -> None:
        self._to_tell, self._known_labels = deque(self._labels), 0
        self._enter("starting", reason)
        self._waiting.wake()

    async def _follow(self) -> None:
        worker = await OnlineWorker.start(self._tools.nursery, last=self._modest)
        try:
            begin = await self._in_thread(self._begin)
            begun = await worker.begin(begin)
            self._resume = True
            _log.info(
                "adapting",
                version=begin.version,
                remembered=begun.remembered,
                resumed=begun.resumed,
            )
            self._enter("on", "")
            while True:
                self._taken.extend(await self._waiting.take())
                while self._taken:
                    await self._show(worker, self._taken.popleft())
        finally:
            await worker.stop()

    def _begin(self) -> Begin:
        """Where it begins; in learning's thread."""
        tools, store = self._tools, self._tools.profiles
        store.disk.make(self._folder)
        version = store.active_version(self._participant)
        self._good = self._last_calibrated(version)
        return Begin(
            bundle=str(tools.bundle.path.absolute()),
            profiles=str(store.root.absolute()),
            participant=self._participant,
            version=version,
            folder=str(self._folder.absolute()),
            source=None if tools.source is None else str(Path(tools.source).absolute()),
            person_guard=tools.person_guard,
            resume=self._resume,
            owed=self._owed,
        )

    def _last_calibrated(self, version: int) -> int:
        """The nearest ancestor that a calibration made: it is kept, and a way back."""
        documents = self._tools.profiles.history(self._participant).versions
        at = version
        while at in documents:
            if documents[at].made.origin == "calibration":
                return at
            at = documents[at].parent
        return version if at != AS_SHIPPED else AS_SHIPPED

    async def _show(self, worker: OnlineWorker, window: Window) -> None:
        while self._to_tell:
            await worker.tell(self._to_tell.popleft())
        see = self._see(window)
        if see is None:
            return
        try:
            seen = await worker.see(see)
        except (WorkerDiedError, StarvedError):  # with the window: it may be what it died of
            self._lost += 1
            self._tools.figures.windows_dropped.labels("adaptation").inc()
            raise
        self._count(seen)
        if seen.back_to is not None:
            await self._roll_back(seen.back_to, seen.reason)
        elif seen.made:
            await self._adopt(worker, f"online, {self._learnt} windows")
        if seen.relearning:
            await self._learn_anew(worker)
        self._said()

    async def _learn_anew(self, worker: OnlineWorker) -> None:
        try:
            again = await worker.relearnt()
        except StarvedError:  # no fault of what it did: its successor is to do it
            self._owed = True
            raise
        except WorkerDiedError:  # perhaps of that
            self._owed = False
            raise
        self._owed = False
        _log.info("learnt anew", made=again.made, reason=again.reason)
        self._relearning = again.reason if again.made else f"refused: {again.reason}"
        if again.made:
            self._relearnt += 1
            await self._adopt(worker, again.reason)

    def _see(self, window: Window) -> See | None:
        kept, refusal = admit(
            window.windows,
            self._tools.bundle,
            end_s=window.end_s,
            last_s=self._last_s,
            min_quality=MIN_QUALITY,
        )
        if self._last_s is not None and window.end_s <= self._last_s:
            return None  # a clock that began anew: nothing can be said of where it lies
        self._last_s = window.end_s
        there = kept or {m: w for m, w in window.windows.items() if w.usable}
        collected = CollectedWindow.of(window.end_s, there, self._widths)
        return See.of(collected, usable=refusal is None)

    def _count(self, seen: Seen) -> None:
        figures = self._tools.figures
        self._step_ms, self._known_labels = seen.step_ms, seen.labels
        figures.adaptation_step_s.observe(seen.step_ms / 1e3)
        figures.adaptation_windows.labels(seen.refused or "learnt").inc()
        if seen.refused:
            self._refused[seen.refused] += 1
        else:
            self._learnt += 1
        frozen = seen.refused in _FREEZING
        if frozen != (self._state == "frozen") or (frozen and seen.refused != self._reason):
            self._enter("frozen" if frozen else "on", seen.refused)

    async def _adopt(self, worker: OnlineWorker, reason: str) -> None:
        """Keep what was made as a version, and let it answer."""
        version = await self._in_thread(functools.partial(self._keep, reason))
        await worker.tell(Kept(version=version))
        self._updates += 1
        await self._serve(version, reason)

    def _keep(self, reason: str) -> int:
        """Save and activate what lies in the folder; in learning's thread."""
        tools, participant, store = self._tools, self._participant, self._tools.profiles
        profile = read_fitted(self._folder)
        if profile is None:
            raise CalibrationError("the process that adapts", got="a profile that is not there")
        version, at_unix = store.next_version(participant), tools.unix_clock()
        parent = store.active_version(participant)
        store.save(replace(profile, version=version, parent=parent), at_unix=at_unix, reason=reason)
        store.activate(
            participant,
            version,
            bundle=tools.bundle,
            at_unix=at_unix,
            reason=reason,
            good=self._good,
        )
        return version

    async def _roll_back(self, to: int, reason: str) -> None:
        done = await self._in_thread(functools.partial(self._point_back, to, reason))
        self._roll_backs.append(done)
        self._tools.figures.roll_backs.labels("guard").inc()
        _log.warning("rolled back", to=to, reason=reason)
        await self._serve(to, reason)

    def _point_back(self, to: int, reason: str) -> RollBack:
        """Let an older version be in force, and note why; in learning's thread."""
        tools, participant, store = self._tools, self._participant, self._tools.profiles
        before, at_unix = store.active_version(participant), tools.unix_clock()
        store.roll_back(
            participant, bundle=tools.bundle, at_unix=at_unix, reason=reason, version=to
        )
        tools.audit(
            "profile rolled back",
            participant=participant,
            actor="online guard",
            detail={"from_version": before, "to_version": to, "reason": reason},
        )
        return RollBack(at_unix=at_unix, from_version=before, to_version=to, reason=reason)

    def _enter(self, state: str, reason: str) -> None:
        self._state, self._reason = state, reason
        self._said()
