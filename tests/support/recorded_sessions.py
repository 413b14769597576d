"""Sessions on real code, recorded for tests."""

import asyncio
import functools
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from support.bundles import make_bundle
from support.keeping import Forgetful
from support.pipelines import CHANNELS, Chunks, made, recorded
from support.recordings import only_file
from support.service import FakeSource, eventually, personal_of, settings_for_tests

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.simulator import Simulation
from hadua.adapters.sources.source import SampleChunk
from hadua.models.bundle import Bundle, demo_bundle_path, load_bundle
from hadua.models.features import Modality
from hadua.models.runtime import load_runtime
from hadua.service.config import Settings
from hadua.service.hub import Hub
from hadua.service.learning.learners import Learners
from hadua.service.learning.tools import Tools
from hadua.service.meant import engine_factory
from hadua.service.metrics import Metrics
from hadua.service.recordings import Recordings
from hadua.service.session import Session
from hadua.service.session_state import SessionState
from hadua.service.sessions import Sessions

WINDOWS = 10

Act = Callable[[Session], Awaitable[object]]


def record_person(folder: Path, *, seconds: float) -> Path:
    """Record a simulated person, as the demo model takes them; the file."""
    bundle = load_bundle(demo_bundle_path())
    settings = settings_for_tests(
        record=folder, min_free_mb=0.0, record_buffer_mb=1000.0, bridge_s=3600.0
    )
    chunks = made(Simulation(person=3, seed=5), seconds=seconds)
    asyncio.run(_recorded(settings, bundle, chunks))
    return only_file(folder)


def record_session(folder: Path, *, faults: str) -> Path:
    """Record a session on real code, with a baseline that ends in the middle; its file."""
    session = _of_a_person(folder, recorded(faults))
    assert session.publisher.predictions >= WINDOWS, session.status()
    return only_file(folder / "lab")


def record_set_back(folder: Path) -> Path:
    """Record a session that fails: the amplifier's clock is set back by 3 s; its file."""
    chunks = dict(recorded(""))
    eeg = list(chunks[Modality.EEG])
    k = round(0.8 * len(eeg))
    chunks[Modality.EEG] = [*eeg[:k], *(replace(c, t_s=c.t_s - 3.0) for c in eeg[k:])]
    session = _of_a_person(folder, chunks, sound=False)
    assert session.state is SessionState.FAILED
    assert "run backwards" in session.reason
    return only_file(folder / "lab")


def _of_a_person(folder: Path, chunks: Chunks, *, sound: bool = True) -> Session:
    bundle = load_bundle(make_bundle(folder, eeg_channels=CHANNELS, context=4))
    settings = settings_for_tests(
        record=folder / "lab",
        data_dir=folder / "data",
        min_free_mb=0.0,
        bridge_s=60.0,
        baseline_s=3.0,
        bundle=bundle.path,
    )
    return asyncio.run(_recorded(settings, bundle, chunks, sound=sound))


def act_and_record(
    folder: Path,
    bundle: Bundle,
    acts: Sequence[tuple[float, Act]],
    *,
    chunks: Chunks,
    participant: str | None = None,
    **settings: object,
) -> Session:
    """A session in whose middle something is done: when the pipeline has all before a time.

    Args:
        folder: Data of the service, with the participant's profiles.
        bundle: That serves.
        acts: Times and what is done then, in order.
        chunks: What the streams give.
        participant: Who sits there.
        settings: Others than those of tests.
    """
    own = settings_for_tests(
        data_dir=folder, min_free_mb=0.0, bridge_s=3600.0, bundle=bundle.path, **settings
    )
    return asyncio.run(_recorded(own, bundle, chunks, acts, participant))


async def begin(session: Session) -> None:
    """Record from here on."""
    await session.recording.ask()


def answer_with(version: int) -> Act:
    """Let a version of the participant's profile answer from here on."""

    async def act(session: Session) -> None:
        assert session.learning is not None
        await session.learning.roll_back(version, reason="a test", actor="test")

    return act


class Turns:
    """Whose chunk ends next: of threads that race, one would be seconds ahead of the other."""

    def __init__(self, chunks: Chunks) -> None:
        self._ends_s = {m: deque(float(c.t_s[-1]) for c in mine) for m, mine in chunks.items()}
        self._changed = threading.Condition()

    def wait(self, modality: Modality, timeout_s: float) -> bool:
        """Wait until no other stream has a chunk that ends earlier; whether that is so."""
        end_s = self._ends_s[modality][0]
        others = [ends_s for m, ends_s in self._ends_s.items() if m is not modality]
        with self._changed:
            return self._changed.wait_for(
                lambda: all(not ends_s or ends_s[0] >= end_s for ends_s in others), timeout_s
            )

    def go_on(self, modality: Modality) -> None:
        """Its chunk is delivered."""
        with self._changed:
            self._ends_s[modality].popleft()
            self._changed.notify_all()


class InTurn(FakeSource):
    """As fast as can be, but in step with the others."""

    def __init__(
        self,
        modality: Modality,
        script: Sequence[SampleChunk | Exception | threading.Event],
        turns: Turns,
    ) -> None:
        spec = next(c.spec for c in script if isinstance(c, SampleChunk))
        super().__init__(script, spec=spec)
        self._modality, self._turns = modality, turns
        self._given = False

    def read(self, timeout_s: float) -> SampleChunk | None:
        if self._given:  # the one before has reached the bridge
            self._turns.go_on(self._modality)
            self._given = False
        if self._script and isinstance(self._script[0], SampleChunk):
            if not self._turns.wait(self._modality, timeout_s):
                return None
            self._given = True
        return super().read(timeout_s)


async def _recorded(
    settings: Settings,
    bundle: Bundle,
    chunks: Chunks,
    acts: Sequence[tuple[float, Act]] = (),
    participant: str | None = None,
    sound: bool = True,
) -> Session:
    metrics, gates = Metrics(), [threading.Event() for _ in acts]
    taken = dict.fromkeys(chunks, 0)

    def tap(modality: Modality, chunk: SampleChunk) -> None:
        taken[modality] += len(chunk)

    personal = personal_of(settings.data_dir, bundle)
    tools = Tools.of(
        settings,
        bundle=bundle,
        personal=personal,
        audit=lambda *args, **facts: None,
        figures=metrics.learning,
        clock=time.monotonic,
        unix_clock=time.time,
    )
    async with Sessions(
        settings,
        make_engine=engine_factory(settings, bundle, lambda: load_runtime(bundle)),
        hub=Hub(),
        metrics=metrics,
        storage=Forgetful(),
        clock=lsl_now_s,
        unix_clock=time.time,
        recordings=Recordings(
            settings,
            classes=bundle.classes,
            metrics=metrics,
            clock=lsl_now_s,
            unix_clock=time.time,
        ),
        tap=tap,
        personal=personal,
        hop_s=bundle.hop_s,
        learners=Learners(tools),
    ) as registry:
        times_s = [at_s for at_s, _ in acts]
        turns = Turns(chunks)
        sources = {m: InTurn(m, _gated(c, times_s, gates), turns) for m, c in chunks.items()}
        session = registry.start(sources, participant=participant)
        for (at_s, act), gate in zip(acts, gates, strict=True):
            before = {m: _samples_before(c, at_s) for m, c in chunks.items()}
            await eventually(functools.partial(_is_there, taken, before, session.over))
            await act(session)
            gate.set()
        await session.over.wait()
        assert (session.error is None) is sound, session.error
        return session


def _gated(
    chunks: Sequence[SampleChunk], times_s: Sequence[float], gates: Sequence[threading.Event]
) -> list[SampleChunk | Exception | threading.Event]:
    """The chunks, a gate before the first that ends after each of the times."""
    script: list[SampleChunk | Exception | threading.Event] = []
    waiting = list(zip(times_s, gates, strict=True))
    for chunk in chunks:
        while waiting and chunk.t_s[-1] >= waiting[0][0]:
            script.append(waiting.pop(0)[1])
        script.append(chunk)
    return [*script, *(gate for _, gate in waiting)]


def _is_there(taken: dict[Modality, int], wanted: dict[Modality, int], over: asyncio.Event) -> bool:
    return taken == wanted or over.is_set()


def _samples_before(chunks: Sequence[SampleChunk], at_s: float) -> int:
    """Of the chunks that end before a time; time never goes back."""
    return sum(len(c) for c in chunks if c.t_s[-1] < at_s)
