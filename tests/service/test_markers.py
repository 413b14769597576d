"""Markers reach the clients once, and never behind the prediction in whose time they lie."""

import asyncio
import threading
from collections.abc import Iterable

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from support.keeping import Forgetful
from support.service import (
    EEG,
    GAZE,
    FakeMarkedSource,
    FakePipeline,
    FakeSource,
    async_test,
    ramps,
    settings_for_tests,
)

from hadua.adapters.sources.source import Marker, Source
from hadua.models.features import Modality
from hadua.service.bridge import MARKS_AT_MOST, Bridge, Marked
from hadua.service.engine import Engine, Tap
from hadua.service.hub import Hub
from hadua.service.marker_order import MarkerOrder
from hadua.service.metrics import Metrics
from hadua.service.session import Session
from hadua.service.sessions import Sessions

TIMES_S = st.lists(st.integers(0, 40).map(lambda k: k / 20.0), max_size=8)


class Frame(msgspec.Struct):
    type: str
    seq: int
    end_s: float = 0.0
    t_s: float = 0.0
    text: str = ""


async def play(
    sources: dict[Modality, Source], *, pipeline: FakePipeline, tap: Tap | None = None
) -> tuple[Session, list[Frame]]:
    """Run a session to its end; every frame that it said."""
    async with Sessions(
        settings_for_tests(stale_s=60.0),
        make_engine=lambda _: Engine(pipeline),
        hub=Hub(),
        storage=Forgetful(),
        metrics=Metrics(),
        clock=asyncio.get_running_loop().time,
        unix_clock=lambda: 1000.0,
        tap=tap,
    ) as registry:
        session = registry.start(sources)
        await session.over.wait()
    items = session.publisher.journal.after(0)
    return session, [msgspec.json.decode(item.text, type=Frame) for item in items]


def states(times_s: Iterable[float]) -> list[Marker]:
    return [Marker(t_s, f"state={k}") for k, t_s in enumerate(sorted(times_s))]


def require_in_order(frames: list[Frame], markers: list[Marker]) -> None:
    """Each marker once, in order of time, before every prediction that ends at it or later."""
    said = [f for f in frames if f.type == "marker"]
    assert [Marker(f.t_s, f.text) for f in said] == markers
    for marker in said:
        late = [f for f in frames if f.type == "prediction" and f.end_s >= marker.t_s]
        assert all(marker.seq < f.seq for f in late)
    assert [f.seq for f in frames] == list(range(1, len(frames) + 1))


@given(times_s=TIMES_S, sizes=st.tuples(st.integers(1, 30), st.integers(1, 30)))
def test_both_sources_know_of_them_and_each_comes_once_in_time(
    times_s: list[float], sizes: tuple[int, int]
) -> None:
    @async_test
    async def check() -> None:
        markers, pipeline = states(times_s), FakePipeline()
        eeg, eye = (
            FakeMarkedSource(
                ramps(spec, -(-round(2.5 * spec.rate_hz) // size), size=size),
                spec=spec,
                markers=markers,
            )
            for spec, size in zip((EEG, GAZE), sizes, strict=True)
        )
        tapped: list[Modality] = []
        _, frames = await play(
            {Modality.EEG: eeg, Modality.EYE: eye},
            pipeline=pipeline,
            tap=lambda m, _: tapped.append(m),
        )
        require_in_order(frames, markers)
        assert tapped == [m for m, _ in pipeline.seen]  # the tap sees chunks and nothing else

    check()


@async_test
async def test_a_source_that_knows_of_none_does_not_silence_the_other() -> None:
    markers = states((0.0, 0.31, 0.5, 1.0))
    eye = FakeMarkedSource(ramps(GAZE, 12), spec=GAZE, markers=markers)
    _, frames = await play(
        {Modality.EEG: FakeSource([*ramps(EEG, 20)]), Modality.EYE: eye}, pipeline=FakePipeline()
    )
    assert [(f.t_s, f.text) for f in frames if f.type == "marker"] == [
        (m.t_s, m.text) for m in markers
    ]


@async_test
async def test_a_backlog_drops_chunks_but_no_markers() -> None:
    start, gate = threading.Event(), threading.Event()
    markers = states(float(t_s) for t_s in range(50))
    source = FakeMarkedSource([start, *ramps(EEG, 100, size=50)], markers=markers)
    pipeline = FakePipeline(gate=gate)

    async def release() -> None:
        await asyncio.to_thread(source.closed.wait, 10.0)
        gate.set()

    start.set()
    _, (session, frames) = await asyncio.gather(
        release(), play({Modality.EEG: source}, pipeline=pipeline)
    )
    dropped = session.status().chunks_dropped + session.streams()["eeg"].chunks_before_start
    assert dropped > 0
    require_in_order(frames, markers)
    assert session.publisher.last_marker is not None
    assert session.publisher.last_marker.t_s == 49.0


@async_test
async def test_markers_that_wait_are_bounded_and_the_loss_is_counted() -> None:
    told: list[int] = []
    bridge = Bridge(bound_s=1.0, on_marker_drop=told.append)
    for k in range(MARKS_AT_MOST + 3):
        bridge.put(Marked((Marker(float(k), "a"), Marker(float(k), "b"))))
    kept = 0
    while kept < MARKS_AT_MOST:
        items = bridge.take(1.0)
        assert isinstance(items[0], Marked)
        assert kept > 0 or items[0].markers[0].t_s == 3.0
        kept += len(items)
    assert kept == MARKS_AT_MOST
    assert bridge.markers_dropped == sum(told) == 6


@given(batches=st.lists(st.tuples(TIMES_S, st.floats(0.0, 2.0)), max_size=6))
def test_what_is_held_goes_out_once_and_not_before_its_time(
    batches: list[tuple[list[float], float]],
) -> None:
    order = MarkerOrder()
    put, out = set[Marker](), list[Marker]()
    for times_s, until_s in batches:
        order.hold(Marker(t_s, "x") for t_s in times_s)
        put |= {Marker(t_s, "x") for t_s in times_s}
        released = order.release(until_s)
        assert [m.t_s for m in released] == sorted(m.t_s for m in released)
        assert all(m.t_s <= until_s for m in released)
        out += released
    out += order.release()
    assert len(out) == len(put)
    assert set(out) == put


@async_test
async def test_the_uptime_runs_with_the_session_and_stops_with_it() -> None:
    session, _ = await play({Modality.EEG: FakeSource(ramps(EEG, 3))}, pipeline=FakePipeline())
    at_the_end_s = session.status().uptime_s
    assert at_the_end_s > 0.0
    await asyncio.sleep(0)
    assert session.status().uptime_s == at_the_end_s
