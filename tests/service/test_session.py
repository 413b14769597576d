"""A session from its first sample to its end, with sources that do what sources do."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import pytest
import structlog
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

from hadua.adapters.sources.source import SampleChunk, StreamSpec
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
    pipeline: FakePipeline,
    *,
    tap: Tap | None = None,
    make_engine: EngineFactory | None = None,
    **settings: object,
) -> AsyncIterator[Sessions]:
    async with Sessions(
        settings_for_tests(**{"stale_s": 0.2, **settings}),
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


class ComesAndGoes(FakeSource):
    """Is not found while `there` is not set, and is `now` when it is."""

    def __init__(self, script: Iterable[SampleChunk | Exception | threading.Event]) -> None:
        super().__init__(script)
        self.there, self.now = threading.Event(), EEG
        self.there.set()

    def open(self, timeout_s: float) -> StreamSpec:
        if not self.there.wait(min(timeout_s, 0.05)):
            raise StreamNotFoundError("no stream answers")
        return self.now


def lost() -> StreamLostError:
    return StreamLostError("stream 'fake EEG' is gone")


@async_test
async def test_a_lost_stream_degrades_the_session_until_it_is_back_and_the_other_goes_on() -> None:
    pipeline, gone, end = FakePipeline(), threading.Event(), threading.Event()
    eeg = ComesAndGoes([*ramps(EEG, 5), gone, lost(), *ramps(EEG, 10)[5:], end])
    gaze = FakeSource([*ramps(GAZE, 2), end], spec=GAZE)
    with structlog.testing.capture_logs() as logs:
        async with sessions(pipeline, stale_s=10.0) as registry:
            session = registry.start({Modality.EEG: eeg, Modality.EYE: gaze})
            await eventually(lambda: sum(len(c) for _, c in pipeline.seen) == 70)
            eeg.there.clear()
            gone.set()
            await eventually(lambda: "eeg: the stream is lost" in session.reason)
            assert str(session.state) == "degraded"
            await eventually(lambda: session.streams()["eeg"].last_error == "no stream answers.")
            status = session.streams()["eeg"]
            assert (status.state, status.effective_rate_hz) == ("lost", None)
            eeg.there.set()
            await eventually(lambda: session.streams()["eeg"].state == "back")
            await eventually(lambda: "eeg" not in session.reason)
            assert session.streams()["eeg"].outages == 1
            end.set()
            await session.over.wait()

    mine = [chunk for m, chunk in pipeline.seen if m is Modality.EEG]
    assert [int(c.x[0, 0]) for c in mine if c.gap_before] == [50]
    assert [int(v) for c in mine for v in c.x[:, 0]] == list(range(100))
    assert session.state is SessionState.STOPPED
    about = [e["event"] for e in logs if e.get("modality") == "eeg" and "stream" in e["event"]]
    assert [e for e in about if e != "stream mapped"] == ["stream gone", "stream back"]


@async_test
async def test_a_session_outlives_the_loss_of_its_only_stream() -> None:
    pipeline, end = FakePipeline(), threading.Event()
    eeg = ComesAndGoes([*ramps(EEG, 2), lost(), *ramps(EEG, 4)[2:], end])
    async with sessions(pipeline) as registry:
        session = registry.start({Modality.EEG: eeg})
        await eventually(lambda: session.publisher.predictions == 4)
        assert session.streams()["eeg"].outages == 1
        session.stop()
        end.set()
        await session.over.wait()
    assert session.state is SessionState.STOPPED


@async_test
async def test_a_session_that_is_stopped_while_a_stream_is_lost_stops() -> None:
    gone = threading.Event()
    eeg = ComesAndGoes([*ramps(EEG, 2), gone, lost()])
    async with sessions(FakePipeline(), stale_s=10.0) as registry:
        session = registry.start({Modality.EEG: eeg})
        await session.running.wait()
        eeg.there.clear()
        gone.set()
        await eventually(lambda: session.state is SessionState.DEGRADED)
        session.stop()
        await session.over.wait()
    assert session.state is SessionState.STOPPED
    assert eeg.closed.is_set()


@async_test
async def test_samples_stamped_before_those_that_were_delivered_are_left_out_and_counted() -> None:
    pipeline, end = FakePipeline(), threading.Event()
    eeg = ComesAndGoes([*ramps(EEG, 3), lost(), *ramps(EEG, 5), end])  # it begins at 0 again
    async with sessions(pipeline) as registry:
        session = registry.start({Modality.EEG: eeg})
        await eventually(lambda: session.publisher.predictions == 6)
        notes = session.streams()["eeg"].notes
        session.stop()
        end.set()
        await session.over.wait()
    assert "29 samples were stamped before earlier ones: left out" in notes
    values = [int(v) for _, c in pipeline.seen for v in c.x[:, 0]]
    assert values == [*range(30), *range(29, 50)]
    assert [c.gap_before for _, c in pipeline.seen] == [False] * 3 + [True, False, False]


@async_test
async def test_a_stream_that_comes_back_changed_is_said_to_be_and_is_mapped_anew() -> None:
    pipeline, gone, end = FakePipeline(), threading.Event(), threading.Event()
    other = replace(EEG, rate_hz=200.0)
    eeg = ComesAndGoes([*ramps(EEG, 2), gone, lost(), *ramps(other, 9)[4:], end])
    async with sessions(pipeline) as registry:
        session = registry.start({Modality.EEG: eeg})
        await eventually(lambda: len(pipeline.seen) == 2)
        key = session.mapping.statuses()["eeg"].key
        eeg.now = other
        gone.set()
        await eventually(lambda: sum(len(c) for _, c in pipeline.seen) == 70)
        await eventually(lambda: "eeg: came back changed" in session.reason)
        assert session.streams()["eeg"].state == "changed"
        assert session.streams()["eeg"].change == "200 Hz instead of 100"
        assert session.mapping.statuses()["eeg"].key != key
        session.stop()
        end.set()
        await session.over.wait()
    assert [c.spec for _, c in pipeline.seen for _ in c.t_s] == [EEG] * 20 + [other] * 50


@async_test
async def test_a_change_waits_for_confirmation_where_the_settings_want_it() -> None:
    pipeline, gone, more, end = FakePipeline(), *(threading.Event() for _ in range(3))
    other = replace(EEG, rate_hz=200.0)
    first, *rest = ramps(other, 9)[4:]
    eeg = ComesAndGoes([*ramps(EEG, 2), gone, lost(), first, *rest[:2], more, *rest[2:], end])
    async with sessions(pipeline, require_confirmed_mapping=True, stale_s=10.0) as registry:
        session = registry.start({Modality.EEG: eeg})

        async def confirm() -> None:
            await eventually(lambda: session.mapping.unconfirmed())
            session.mapping.confirm(Modality.EEG, session.mapping.statuses()["eeg"].key)
            session.mapping.noticed()

        await confirm()
        await eventually(lambda: len(pipeline.seen) == 2)
        eeg.now = other
        gone.set()
        await eventually(lambda: "the new mapping of eeg is to be confirmed" in session.reason)
        await eventually(lambda: session.streams()["eeg"].chunks_withheld > 0)
        before = len(pipeline.seen)
        await confirm()
        more.set()
        await eventually(lambda: len(pipeline.seen) > before)

        def accounted_for() -> int:
            withheld = session.streams()["eeg"].chunks_withheld
            return sum(len(c) for _, c in pipeline.seen) + 10 * withheld

        await eventually(lambda: accounted_for() == 70)
        session.stop()
        end.set()
        await session.over.wait()


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
        await eventually(pipeline.stepping.is_set)
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
