"""A session is recorded from its start or from any step on, with all that was said."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest
from support.keeping import Forgetful, new_data_folder
from support.recordings import load, only_file, samples, stamps, texts
from support.service import (
    CLASSES,
    EEG,
    GAZE,
    FakePipeline,
    FakeSource,
    Parts,
    async_test,
    eventually,
    ramps,
    running,
    settings_for_tests,
)

from hadua.adapters.recordings.session_file import Cut, Framed, Noted, Took, read_session
from hadua.adapters.sources.source import SampleChunk
from hadua.models.features import Modality
from hadua.service import recording_file
from hadua.service.config import Settings
from hadua.service.engine import Engine
from hadua.service.hub import Hub
from hadua.service.metrics import Metrics
from hadua.service.recordings import Recordings
from hadua.service.session import Session
from hadua.service.session_recording import RecordingActiveError, SessionOverError
from hadua.service.session_state import SessionState
from hadua.service.sessions import Sessions


@asynccontextmanager
async def sessions(settings: Settings, pipeline: FakePipeline) -> AsyncIterator[Sessions]:
    clock, metrics = asyncio.get_running_loop().time, Metrics()
    async with Sessions(
        settings,
        make_engine=lambda _: Engine(pipeline, facts={"bundle": {"id": "fake@0"}}),
        hub=Hub(),
        metrics=metrics,
        storage=Forgetful(),
        clock=clock,
        unix_clock=lambda: 1_795_000_000.0,
        recordings=Recordings(
            settings,
            classes=CLASSES,
            metrics=metrics,
            clock=clock,
            unix_clock=lambda: 1_795_000_000.0,
        ),
    ) as registry:
        yield registry


def settings_of(folder: Path, **changes: object) -> Settings:
    return settings_for_tests(data_dir=folder, min_free_mb=0.0, **changes)


def frames(session: Session) -> list[str]:
    return [item.text for item in session.publisher.journal.after(0)]


def recording_state(session: Session) -> str | None:
    status = session.recording.status()
    return None if status is None else status.state


def taken(path: Path) -> list[tuple[Modality, SampleChunk]]:
    return [(e.modality, e.chunk) for e in read_session(path) if isinstance(e, Took)]


def require_same(
    got: list[tuple[Modality, SampleChunk]], expected: list[tuple[Modality, SampleChunk]]
) -> None:
    assert [m for m, _ in got] == [m for m, _ in expected]
    for (_, one), (_, other) in zip(got, expected, strict=True):
        np.testing.assert_array_equal(one.t_s, other.t_s)
        np.testing.assert_array_equal(one.x, other.x)
        assert one.gap_before == other.gap_before
        assert one.spec == other.spec


@async_test
async def test_a_session_is_recorded_from_its_first_sample(tmp_path: Path) -> None:
    settings, pipeline = settings_of(tmp_path, record=tmp_path / "lab"), FakePipeline()
    async with sessions(settings, pipeline) as registry:
        session = registry.start(
            {
                Modality.EEG: FakeSource(ramps(EEG, 30)),
                Modality.EYE: FakeSource(ramps(GAZE, 20, size=5), spec=GAZE),
            },
            session_id="s-1",
            participant="P-01",
        )
        await session.over.wait()

    path = only_file(tmp_path / "lab")
    assert path.name == "sub-P01_ses-s1_task-hadua_run-001_eeg.xdf"
    require_same(taken(path), pipeline.seen)
    read = load(path)
    for name, spec, n in (("fake EEG", EEG, 300), ("fake gaze", GAZE, 100)):
        np.testing.assert_array_equal(stamps(read[name]), np.arange(n) / spec.rate_hz)
        np.testing.assert_array_equal(samples(read[name])[:, 0], np.arange(n))
    said = frames(session)
    assert texts(read["HADUA-frames"]) == said[1:-1]  # not the first `waiting`, nor the last word
    predictions = samples(read["HADUA-predictions"])
    assert predictions[:, 0].tolist() == [0.75] * 30
    assert predictions[:, 2].tolist() == [CLASSES.index("calm")] * 30
    np.testing.assert_allclose(stamps(read["HADUA-predictions"]), np.arange(1, 31) / 10.0)
    events = [msgspec.json.decode(t, type=dict[str, object]) for t in texts(read["HADUA-session"])]
    assert [e["event"] for e in events] == ["recording", "pipeline", "end"]
    assert events[0]["participant"] == "P-01"
    assert events[1]["reports"] == {"eeg": {"coverage": 1.0}}
    assert events[1]["bundle"] == {"id": "fake@0"}
    assert events[2]["reason"] == "the session has ended: stopped"


@async_test
async def test_a_recording_that_begins_later_has_every_sample_of_its_steps(tmp_path: Path) -> None:
    gate, more = threading.Event(), threading.Event()
    eeg, gaze = ramps(EEG, 30), ramps(GAZE, 30, size=5)
    pipeline = FakePipeline()
    async with sessions(settings_of(tmp_path), pipeline) as registry:
        session = registry.start(
            {
                Modality.EEG: FakeSource([*eeg[:10], gate, *eeg[10:], more]),
                Modality.EYE: FakeSource([*gaze[:10], gate, *gaze[10:], more], spec=GAZE),
            }
        )
        await eventually(lambda: len(pipeline.seen) == 20)
        await session.recording.ask(task="film")
        assert recording_state(session) == "recording"
        with pytest.raises(RecordingActiveError, match="is being recorded"):
            await session.recording.ask()
        before = len(pipeline.seen)
        gate.set()
        await eventually(lambda: session.publisher.predictions == 30)
        await eventually(lambda: len(pipeline.seen) == 60)
        await session.recording.end()
        assert recording_state(session) == "stopped"
        assert session.status().reason == ""
        more.set()
        await session.over.wait()
        with pytest.raises(SessionOverError, match="cannot be recorded"):
            await session.recording.ask()

    path = only_file(tmp_path / "recordings")
    assert "_task-film_" in path.name
    require_same(taken(path), pipeline.seen[before:])
    events = list(read_session(path))
    noted = [e.document for e in events if isinstance(e, Noted)]
    assert noted[1]["steps_before"] == before
    assert sum(isinstance(e, Framed) and '"prediction"' in e.text for e in events) == 20
    assert not any(isinstance(e, Cut) for e in events)


@async_test
async def test_what_the_pipeline_never_got_is_recorded_all_the_same(tmp_path: Path) -> None:
    start, gate = threading.Event(), threading.Event()
    source = FakeSource([start, *ramps(EEG, 100, size=50)])
    pipeline = FakePipeline(gate=gate)
    settings = settings_of(tmp_path, record=tmp_path, bridge_s=1.0)
    async with sessions(settings, pipeline) as registry:
        session = registry.start({Modality.EEG: source})
        await session.running.wait()
        start.set()
        await asyncio.to_thread(source.closed.wait, 10.0)
        gate.set()
        await session.over.wait()
    assert session.status().chunks_dropped > 0

    path = only_file(tmp_path)
    np.testing.assert_array_equal(samples(load(path)["fake EEG"])[:, 0], np.arange(5000))
    require_same(taken(path), pipeline.seen)
    gaps = [chunk.gap_before for _, chunk in pipeline.seen]
    assert any(gaps)


def failing_disk(monkeypatch: pytest.MonkeyPatch, *, after_bytes: int) -> None:
    real = recording_file.RecordingFile.write

    def write(self: recording_file.RecordingFile, data: bytes) -> None:
        if self.size_bytes + len(data) > after_bytes:
            raise recording_file.RecordingFailedError(
                f"recording {str(self.path)!r} cannot be written"
            )
        real(self, data)

    monkeypatch.setattr(recording_file.RecordingFile, "write", write)


@async_test
async def test_a_disk_that_fails_ends_the_session_loudly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_disk(monkeypatch, after_bytes=30_000)
    source = FakeSource([*ramps(EEG, 500), threading.Event()])
    async with sessions(settings_of(tmp_path, record=tmp_path), FakePipeline()) as registry:
        session = registry.start({Modality.EEG: source})
        await session.over.wait()
    assert session.state is SessionState.FAILED
    assert "cannot be written" in session.reason
    recording = session.status().recording
    assert recording is not None
    assert recording.state == "failed"
    last = msgspec.json.decode(frames(session)[-1], type=dict[str, object])
    assert last["state"] == "failed"


@async_test
async def test_a_disk_that_fills_stops_the_recording_and_not_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free: dict[str, float] = {"mb": 1500.0}
    monkeypatch.setattr("hadua.service.recordings.free_mb", lambda _: free["mb"])
    monkeypatch.setattr("hadua.service.recorder.LOOK_EVERY_S", 0.05)
    settings = settings_of(tmp_path, record=tmp_path).model_copy(update={"min_free_mb": 1000.0})
    hold = threading.Event()
    async with sessions(settings, FakePipeline()) as registry:
        session = registry.start({Modality.EEG: FakeSource([*ramps(EEG, 30), hold])})
        await eventually(lambda: "1500 MB left on the disk" in session.reason)
        assert str(session.state) == "degraded"
        free["mb"] = 900.0
        await eventually(lambda: "recording stopped: the disk is nearly full" in session.reason)
        assert not session.over.is_set()
        hold.set()
        await session.over.wait()
    assert session.state is SessionState.STOPPED
    require_same(taken(only_file(tmp_path)), [(Modality.EEG, c) for c in ramps(EEG, 30)])


@async_test
async def test_too_little_room_refuses_to_begin(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, record=tmp_path).model_copy(update={"min_free_mb": 1e12})
    async with sessions(settings, FakePipeline()) as registry:
        session = registry.start({Modality.EEG: FakeSource(ramps(EEG, 3))})
        await session.over.wait()
    assert session.state is SessionState.FAILED
    assert session.error is not None
    assert session.error.code == "disk-full"
    assert await asyncio.to_thread(lambda: [*tmp_path.rglob("*.xdf")]) == []


@async_test
async def test_a_recording_over_rest(tmp_path: Path) -> None:
    hold = threading.Event()
    source = FakeSource([*ramps(EEG, 30), hold])
    folder = new_data_folder(tmp_path)
    parts = Parts({"fake:eeg": source}, settings=settings_of(folder), data_folder=folder)
    async with running(parts) as service:
        await service.http.post("/api/v1/sessions", json={"eeg": "fake:eeg", "id": "a"})
        session = service.service.sessions.get("a")
        await eventually(lambda: session.publisher.predictions == 30)
        url = "/api/v1/sessions/a/recording"
        assert (await service.http.get(url)).json() == {"recording": None}
        begun = await service.http.post(url)
        assert begun.status_code == 201
        assert begun.json()["recording"]["state"] == "recording"
        again = await service.http.post(url, json={"task": "b"})
        assert (again.status_code, again.json()["code"]) == (409, "recording-active")
        ended = (await service.http.post(f"{url}/stop")).json()["recording"]
        assert (ended["state"], ended["note"]) == ("stopped", "asked to")
        assert (await service.http.post(f"{url}/stop")).json()["recording"] == ended
        second = (await service.http.post(url, json={"task": "b"})).json()["recording"]
        assert second["path"] != ended["path"]
        status = (await service.http.get("/api/v1/sessions/a")).json()["status"]
        assert status["recording"]["path"] == second["path"]
        metrics = (await service.http.get("/metrics")).text
        assert "hadua_recorded_bytes_total" in metrics
        await service.http.post("/api/v1/sessions/a/stop")
        over = await service.http.post(url)
        assert (over.status_code, over.json()["code"]) == (409, "session-over")
        missing = await service.http.post("/api/v1/sessions/nobody/recording")
        assert (missing.status_code, missing.json()["code"]) == (404, "session-unknown")
        hold.set()
        listed = (await service.http.get("/api/v1/recordings")).json()["recordings"]
    places = {Path(each["path"]).name: Path(each["path"]) for each in listed}
    for name in (ended["path"], second["path"]):  # viewers are told of no folders
        assert Path(name).name == name
        assert not any(isinstance(e, Cut) for e in read_session(places[name]))
    assert {each["session_id"] for each in listed} == {"a"}
