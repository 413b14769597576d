"""A calibration without a service around it: for `hadua calibrate`."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager

from hadua.adapters.sources.registry import parse_source
from hadua.adapters.sources.source import Source
from hadua.calibration.policy import OPERATOR, policy_of
from hadua.models.bundle import Bundle
from hadua.models.errors import CalibrationError, UsageError
from hadua.models.features import Modality
from hadua.models.runtime import Runtime, load_runtime
from hadua.service.assembly import assemble, personal_profiles, source_parser
from hadua.service.config import Settings
from hadua.service.hub import Hub
from hadua.service.journal import MemoryJournal
from hadua.service.learning.from_recording import Feeder
from hadua.service.learning.learners import Learners
from hadua.service.learning.requests import PlanChanges
from hadua.service.learning.session_learning import SessionLearning
from hadua.service.learning.statuses import CalibrationStatus
from hadua.service.learning.tools import Tools
from hadua.service.meant import engine_factory
from hadua.service.metrics import Metrics
from hadua.service.publisher import Publisher
from hadua.service.storage.storage import Storage

ACTOR = "terminal"
POLL_S = 0.1

Decide = Callable[[CalibrationStatus], Awaitable[str | None]]
"""What the operator says of a fitted profile: `accept`, `reject`, or None to leave it waiting."""
Show = Callable[[CalibrationStatus], None]


async def calibrate(
    settings: Settings,
    *,
    bundle: Bundle,
    storage: Storage,
    seconds: float,
    changes: PlanChanges,
    policy: str | None,
    show: Show,
    decide: Decide,
) -> CalibrationStatus:
    """Calibrate the participant of the settings with its streams; how it ended.

    Args:
        settings: With a participant, and a SOURCE for EEG, gaze or both.
        bundle: The bundle that serves.
        storage: Where it is noted.
        seconds: About how long the person watches.
        changes: Of the plan.
        policy: Who decides; None: whoever is asked by `decide`.
        show: Told how far it is.
        decide: Asked about a profile that waits.

    Raises:
        HaduaError: what keeps it from beginning or going on.
    """
    files = _are_files(settings)
    asked = decide if policy is None else _policy(policy)

    async def run() -> CalibrationStatus:
        async with (_from_files if files else _live)(settings, bundle, storage) as (learning, work):
            if files and learning.calibration_state in ("baseline", "collecting"):
                await learning.cancel(actor=ACTOR)  # its windows would come a second time
            if learning.calibration_state not in ("baseline", "collecting", "fitting", "ready"):
                plan = learning.proposed(seconds=seconds)
                plan = None if plan is None else changes.applied_to(plan)
                await learning.calibrate(plan, policy=OPERATOR.name, actor=ACTOR)
            return await _to_the_end(learning, work, show=show, asked=asked)

    try:
        return await run()
    except ExceptionGroup as group:  # of the tasks that it needs
        raise _first(group) from None


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """What went wrong first."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, ExceptionGroup) else error


Work = Callable[[], Awaitable[bool]]
"""Goes on a little; False once no window comes any more."""
Place = AsyncIterator[tuple[SessionLearning, Work]]


async def _to_the_end(
    learning: SessionLearning, work: Work, *, show: Show, asked: Decide
) -> CalibrationStatus:
    while True:
        more = await work()
        status = learning.calibration()
        if status is None:
            raise CalibrationError("the calibration is gone")
        show(status)
        if status.state in ("accepted", "rejected", "failed"):
            return status
        if status.state == "ready" and not await _decided(learning, status, work, asked):
            return status
        if not more and status.state in ("baseline", "collecting"):
            await _end_collecting(learning, status)


def _policy(name: str) -> Decide:
    """What a policy says, also of a profile that was waiting already."""
    policy = policy_of(name)

    async def decide(status: CalibrationStatus) -> str | None:
        risk = "" if status.report is None else status.report.risk
        if risk in policy.accepts:
            return "accept"
        return "reject" if risk in policy.rejects else None

    return decide


async def _decided(
    learning: SessionLearning, status: CalibrationStatus, work: Work, decide: Decide
) -> bool:
    """Ask, and do what is said; False if nobody decides."""
    said = await decide(status)
    if said is None:
        return False
    acting = (
        asyncio.ensure_future(learning.accept(actor=ACTOR))
        if said == "accept"
        else asyncio.ensure_future(learning.reject("rejected in the terminal", actor=ACTOR))
    )
    while not acting.done():
        await work()  # the profile is swapped between two windows
    acting.result()
    return True


async def _end_collecting(learning: SessionLearning, status: CalibrationStatus) -> None:
    """The streams are over: make do with what there is, or say that it is too little."""
    if status.may_finish:
        await learning.finish(actor=ACTOR)
    else:
        await learning.cancel(actor=ACTOR)
        raise CalibrationError(
            "the recording is over",
            got=status.words,
            expected=f"{status.plan.fewest} windows or more"
            + "".join(f", {n} more with {m}" for m, n in status.lacking.items()),
            hint="Give a longer one, or less to --seconds and --baseline-s.",
        )


@asynccontextmanager
async def _live(settings: Settings, bundle: Bundle, storage: Storage) -> Place:
    """A session on the streams, without a service to be asked."""
    service = assemble(settings, bundle=bundle, startup={}, storage=storage, cut=lambda _: None)
    try:
        async with service.sessions:
            parse, texts = source_parser(settings), _texts(settings)
            sources = {m: parse(text, modality=m) for m, text in texts.items()}
            session = service.sessions.start(sources, participant=settings.participant)
            await session.running.wait()
            if session.error is not None:
                raise session.error
            if session.learning is None:
                raise CalibrationError("this session learns nothing")

            async def work() -> bool:
                await asyncio.sleep(POLL_S)
                if session.error is not None:
                    raise session.error
                return not session.over.is_set()

            yield session.learning, work
            session.stop()
            await session.over.wait()
    finally:
        service.close()


@asynccontextmanager
async def _from_files(settings: Settings, bundle: Bundle, storage: Storage) -> Place:
    """The windows of recordings, as fast as they can be made."""

    def load() -> Runtime:
        return load_runtime(bundle, name=settings.runtime, device=settings.device)

    metrics, profiles = Metrics(), personal_profiles(settings, bundle)
    tools = Tools.of(
        settings,
        bundle=bundle,
        personal=profiles,
        audit=storage.acted,
        figures=metrics.learning,
        clock=time.monotonic,
        unix_clock=time.time,
    )
    publisher = Publisher(
        "calibrate",
        epoch=1,
        journal=MemoryJournal(capacity=1),
        hub=Hub(),
        metrics=metrics,
        clock=time.monotonic,
        unix_clock=time.time,
    )
    sources: Mapping[Modality, Source] = {
        m: parse_source(text, modality=m) for m, text in _texts(settings).items()
    }
    async with asyncio.TaskGroup() as tasks:

        def spawn(work: Coroutine[object, object, None], *, name: str) -> asyncio.Task[None]:
            return tasks.create_task(work, name=name)

        learning = Learners(tools).of(settings.participant, publisher, spawn=spawn)
        feeder = Feeder(
            sources, make_engine=engine_factory(settings, bundle, load), learning=learning
        )
        try:
            await feeder.open()

            async def go_on() -> bool:
                state = learning.calibration_state
                if state in ("baseline", "collecting") and await feeder.some():
                    return True
                await feeder.turn()
                return state not in ("baseline", "collecting")

            yield learning, go_on
        finally:
            await feeder.close()


def _texts(settings: Settings) -> dict[Modality, str]:
    texts = {Modality.EEG: settings.eeg, Modality.EYE: settings.gaze}
    given = {m: text for m, text in texts.items() if text is not None}
    if not given:
        raise UsageError(
            "a calibration without a stream",
            expected="--eeg SOURCE, --gaze SOURCE, or both",
        )
    return given


def _are_files(settings: Settings) -> bool:
    files = [text.startswith("file:") for text in _texts(settings).values()]
    if any(files) and not all(files):
        raise UsageError(
            "a recording together with a device", expected="recordings only, or devices only"
        )
    return all(files)
