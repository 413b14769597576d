"""A session from its first sample to its end, with sources that do what sources do."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest
from support.keeping import Forgetful
from support.service import (
    EEG,
    GAZE,
    FakePipeline,
    FakeResult,
    FakeSource,
    async_test,
    eventually,
    ramps,
    settings_for_tests,
)

from hadua.adapters.sources.source import SampleChunk
from hadua.models.errors import StreamInvalidError, StreamLostError, StreamNotFoundError
from hadua.models.features import Modality
from hadua.service.engine import Engine, EngineFactory, Tap
from hadua.service.hub import Hub
from hadua.service.metrics import Metrics
from hadua.service.session import Session
from hadua.service.session_state import SessionState
from hadua.service.sessions import Sessions


@asynccontextmanager
async def sessions(
    pipeline: FakePipeline, *, tap: Tap | None = None, make_engine: EngineFactory | None = None
) -> AsyncIterator[Sessions]:
    async with Sessions(
        settings_for_tests(stale_s=0.2),
        make_engine=make_engine or (lambda _: Engine(pipeline)),
        hub=Hub(),
        storage=Forgetful(),
        metrics=Metrics(),
        clock=asyncio.get_running_loop().time,
        unix_clock=lambda: 1000.0,
        tap=tap,
    ) as registry:
        yield registry


def frames(session: Session) -> list[dict[str, object]]:
    items = session.publisher.journal.after(0)
    return [msgspec.json.decode(item.text, type=dict[str, object]) for item in items]


def states(session: Session) -> list[object]:
    seen = [f["state"] for f in frames(session) if f["type"] == "status"]
    return [state for k, state in enumerate(seen) if k == 0 or state != seen[k - 1]]


@async_test
async def test_every_chunk_goes_through_tap_and_pipeline_in_order_to_the_end() -> None:
    pipeline = FakePipeline()
    tapped: list[tuple[Modality, SampleChunk]] = []
    eeg, gaze = FakeSource(ramps(EEG, 30)), FakeSource(ramps(GAZE, 20, size=5), spec=GAZE)
    async with sessions(pipeline, tap=lambda m, c: tapped.append((m, c))) as registry:
        session = registry.start({Modality.EEG: eeg, Modality.EYE: gaze}, session_id="a")
        await session.over.wait()

    assert tapped == pipeline.seen
    for modality, n in ((Modality.EEG, 300), (Modality.EYE, 100)):
        values = [int(v) for m, c in tapped if m is modality for v in c.x[:, 0]]
        assert values == list(range(n))
    assert session.state is SessionState.STOPPED
    assert [f["seq"] for f in frames(session)] == list(range(1, len(frames(session)) + 1))
    assert sum(f["type"] == "prediction" for f in frames(session)) == 30
    assert states(session)[:2] == ["waiting", "running"]
    assert states(session)[-1] == "stopped"
    assert eeg.closed.is_set()
    assert gaze.closed.is_set()


@async_test
async def test_a_lost_stream_degrades_the_session_and_the_other_goes_on() -> None:
    gate = threading.Event()
    pipeline = FakePipeline()
    eeg = FakeSource([*ramps(EEG, 5), gate, *ramps(EEG, 10)[5:]])
    gaze = FakeSource([*ramps(GAZE, 2), StreamLostError("stream 'gaze' is gone")], spec=GAZE)
    async with sessions(pipeline) as registry:
        session = registry.start({Modality.EEG: eeg, Modality.EYE: gaze})
        await eventually(lambda: session.reason == "eye: the stream is lost")
        assert str(session.state) == "degraded"
        assert session.streams()["eye"].last_error == "stream 'gaze' is gone."
        gate.set()
        await session.over.wait()

    assert sum(m is Modality.EEG for m, _ in pipeline.seen) == 10
    assert session.state is SessionState.FAILED  # nothing is left, and one was lost
    assert session.error is not None
    assert session.error.code == "stream-lost"


@async_test
async def test_a_silent_stream_is_stale_and_comes_back() -> None:
    gate = threading.Event()
    async with sessions(FakePipeline()) as registry:
        source = FakeSource([*ramps(EEG, 2), gate, *ramps(EEG, 4)[2:], threading.Event()])
        session = registry.start({Modality.EEG: source})
        await eventually(lambda: session.state is SessionState.DEGRADED)
        gate.set()
        await eventually(lambda: session.publisher.predictions == 4)
        session.stop()
        await session.over.wait()
    assert states(session)[:4] == ["waiting", "running", "degraded", "running"]


@async_test
async def test_a_stream_that_is_not_found_fails_the_session_with_its_message() -> None:
    error = StreamNotFoundError("no stream answers", hint="Is it on?")
    async with sessions(FakePipeline()) as registry:
        session = registry.start({Modality.EEG: FakeSource([], fail_open=error)})
        await session.over.wait()
    assert (session.state, session.error) == (SessionState.FAILED, error)
    assert session.reason == "no stream answers. Is it on?"


@async_test
async def test_one_fault_ends_one_session_and_not_the_other() -> None:
    broken = FakePipeline(fail_at=3, error=ZeroDivisionError("bug"))
    sound = FakePipeline()
    engines = iter([Engine(broken), Engine(sound)])
    async with sessions(sound, make_engine=lambda _: next(engines)) as registry:
        first = registry.start({Modality.EEG: FakeSource(ramps(EEG, 10))})
        await first.over.wait()
        second = registry.start({Modality.EEG: FakeSource(ramps(EEG, 10))})
        await second.over.wait()
    assert first.state is SessionState.FAILED
    assert "internal error: got ZeroDivisionError" in first.reason
    assert second.state is SessionState.STOPPED
    assert len(sound.seen) == 10


@async_test
async def test_a_fault_of_a_source_ends_the_session_loudly() -> None:
    for fault in (StreamInvalidError("a bad chunk"), RuntimeError("a bug")):
        async with sessions(FakePipeline()) as registry:
            session = registry.start({Modality.EEG: FakeSource([*ramps(EEG, 2), fault])})
            await session.over.wait()
        assert session.state is SessionState.FAILED
        assert session.error is not None


@async_test
async def test_a_session_stops_while_it_waits_and_while_it_runs() -> None:
    for gate in (threading.Event(), None):
        async with sessions(FakePipeline()) as registry:
            source = FakeSource([*ramps(EEG, 1), threading.Event()], open_gate=gate)
            session = registry.start({Modality.EEG: source})
            if gate is None:
                await session.running.wait()
            session.stop()
            if gate is not None:
                gate.set()
            await session.over.wait()
        assert session.state is SessionState.STOPPED
        assert source.closed.is_set()


@async_test
async def test_an_id_that_is_used_again_begins_a_new_epoch() -> None:
    async with sessions(FakePipeline()) as registry:
        epochs = []
        for _ in range(3):
            session = registry.start({Modality.EEG: FakeSource([])}, session_id="demo")
            await session.over.wait()
            epochs.append(session.epoch)
    assert epochs == [1000, 1001, 1002]


@async_test
async def test_a_pipeline_that_hangs_does_not_stop_the_loop_and_drops_are_shown() -> None:
    start, gate = threading.Event(), threading.Event()
    pipeline = FakePipeline(gate=gate)
    async with sessions(pipeline) as registry:
        source = FakeSource([start, *ramps(EEG, 100, size=50)])  # 50 s of signal at once
        session = registry.start({Modality.EEG: source})
        await session.running.wait()
        start.set()
        await eventually(source.closed.is_set)
        gate.set()
        await session.over.wait()
    dropped = session.status().chunks_dropped
    assert dropped > 0
    assert 50 * dropped + sum(len(chunk) for _, chunk in pipeline.seen) == 50 * 100
    assert any(chunk.gap_before for _, chunk in pipeline.seen)


@async_test
async def test_a_pipeline_that_hangs_does_not_hold_up_the_end() -> None:
    gate = threading.Event()
    pipeline = FakePipeline(gate=gate)
    async with sessions(pipeline) as registry:
        session = registry.start({Modality.EEG: FakeSource([*ramps(EEG, 1), threading.Event()])})
        await session.running.wait()
    gate.set()
    assert session.reason == "did not stop in time"


class Stuck:
    """A pipeline whose `step`, or a source whose `read`, does not come back until it is let go."""

    def __init__(self) -> None:
        self.begun, self.gate = threading.Event(), threading.Event()

    def block(self) -> None:
        self.begun.set()
        self.gate.wait(20.0)


class StuckPipeline(FakePipeline):
    def __init__(self, stuck: Stuck) -> None:
        super().__init__()
        self._stuck = stuck

    def step(self, modality: Modality, chunk: SampleChunk) -> Sequence[FakeResult]:
        self._stuck.block()
        return super().step(modality, chunk)


class StuckSource(FakeSource):
    def __init__(self, stuck: Stuck) -> None:
        super().__init__([])
        self._stuck = stuck

    def read(self, timeout_s: float) -> SampleChunk | None:
        self._stuck.block()
        return None


@pytest.mark.parametrize("what", ["pipeline", "source"])
@async_test
async def test_a_session_that_hangs_is_given_up_when_it_is_stopped(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hadua.service.sessions.STOP_ONE_TIMEOUT_S", 0.05)
    stuck = Stuck()
    in_pipeline = what == "pipeline"
    pipeline = StuckPipeline(stuck) if in_pipeline else FakePipeline()
    source = FakeSource([*ramps(EEG, 1), threading.Event()]) if in_pipeline else StuckSource(stuck)
    async with sessions(pipeline) as registry:
        session = registry.start({Modality.EEG: source}, session_id="a")
        await session.running.wait()
        await eventually(stuck.begun.is_set)

        assert await registry.stop("a") is session

        assert session.over.is_set()
        assert (session.state, session.reason) == (SessionState.FAILED, "did not stop in time")
        assert states(session)[-1] == "failed"
        again = registry.start({Modality.EEG: FakeSource([])}, session_id="a")  # its id is free
        await again.over.wait()
        stuck.gate.set()


@async_test
async def test_what_a_pipeline_lost_is_in_the_status_and_in_the_metrics_once() -> None:
    pipeline = FakePipeline()  # it claims to lose a window with every tenth chunk
    metrics = Metrics()
    async with Sessions(
        settings_for_tests(),
        make_engine=lambda _: Engine(pipeline),
        hub=Hub(),
        storage=Forgetful(),
        metrics=metrics,
        clock=asyncio.get_running_loop().time,
        unix_clock=lambda: 1000.0,
    ) as registry:
        for k in range(2):
            session = registry.start({Modality.EEG: FakeSource(ramps(EEG, 30))}, session_id=f"s{k}")
            await session.over.wait()

    assert len(pipeline.seen) == 60
    assert session.status().losses == {"late_windows": 6}
    # Each session passes on the count of its own pipeline; here both have the same one: 3 + 6.
    assert b'hadua_lost_total{kind="late_windows"} 9.0' in metrics.text()
