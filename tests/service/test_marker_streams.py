"""Marker streams of a session: any number, found while it runs, lost and found again."""

import json
import threading
from pathlib import Path

import httpx
import pylsl
import pytest
from support.recordings import load, stamps, texts
from support.service import (
    EEG,
    FakeSource,
    Parts,
    Running,
    async_test,
    eventually,
    ramp,
    ramps,
    running,
    settings_for_tests,
)

from hadua.adapters.sources.source import Marker
from hadua.models.errors import HaduaError
from hadua.service.marker_streams import MarkerStreams
from hadua.service.publisher import window_end_s
from hadua.service.session import Session


def sender(name: str, *, kind: str = "string") -> pylsl.StreamOutlet:
    return pylsl.StreamOutlet(pylsl.StreamInfo(name, "Markers", 1, 0.0, kind, f"id-{name}"))


def said(session: Session, kind: str) -> list[dict[str, object]]:
    frames = [json.loads(item.text) for item in session.publisher.journal.after(0)]
    return [f for f in frames if f["type"] == kind]


def states(session: Session) -> dict[str, str]:
    return {s.name: s.state for s in session.status().marker_streams}


async def begun(service: Running, **body: object) -> Session:
    response = await service.http.post(
        "/api/v1/sessions", json={"eeg": "fake:eeg", "id": "a", **body}
    )
    assert response.status_code == 201, response.text
    return service.service.sessions.get("a")


@async_test
async def test_markers_of_any_number_of_streams_reach_clients_and_recording(
    unique: str, tmp_path: Path
) -> None:
    hold = threading.Event()
    parts = Parts(
        sources={"fake:eeg": FakeSource([*ramps(EEG, 5), hold])},
        settings=settings_for_tests(record=tmp_path, min_free_mb=0.0),
    )
    first = sender(f"{unique}-a")
    async with running(parts) as service:
        queries = [f"lsl:name={unique}-a", f"lsl:name={unique}-b,type=Markers"]
        session = await begun(service, markers=queries)
        await eventually(lambda: states(session) == {f"{unique}-a": "live"})
        second = sender(f"{unique}-b", kind="int32")  # comes later
        await eventually(lambda: states(session).get(f"{unique}-b") == "live")
        now_s = pylsl.local_clock()
        first.push_sample(["film begins"], now_s)
        second.push_sample([-1], now_s)
        second.push_sample([42], now_s + 1.0)
        await eventually(lambda: len(said(session, "marker")) == 2)
        status = (await service.http.get("/api/v1/sessions/a")).json()["status"]
        listed = (await service.http.get("/api/v1/recordings")).json()["recordings"]
        path = Path(listed[0]["path"])
        hold.set()
        await session.over.wait()
    got = {
        (str(f["source"]), str(f["text"])): float(str(f["t_s"])) for f in said(session, "marker")
    }
    assert got == {
        (f"{unique}-a", "film begins"): pytest.approx(now_s, abs=0.002),
        (f"{unique}-b", "42"): pytest.approx(now_s + 1.0, abs=0.002),
    }
    assert status["markers"] == 2
    assert {s["name"]: s["markers"] for s in status["marker_streams"]} == {
        f"{unique}-a": 1,
        f"{unique}-b": 1,
    }
    assert all(s["clock_uncertainty_ms"] is not None for s in status["marker_streams"])
    read = load(path)
    assert texts(read[f"{unique}-b"]) == ["42"]
    assert stamps(read[f"{unique}-a"])[0] == got[f"{unique}-a", "film begins"]
    info = read[f"{unique}-a"]["info"]
    assert isinstance(info, dict)
    assert info["type"] == ["Markers"]


@async_test
async def test_a_sender_that_is_started_again_is_found_again(unique: str) -> None:
    hold = threading.Event()
    parts = Parts(
        sources={"fake:eeg": FakeSource([hold])},
        settings=settings_for_tests(markers=(f"lsl:name={unique}",)),
    )
    async with running(parts) as service:
        session = await begun(service)
        first = sender(unique)
        await eventually(lambda: states(session) == {unique: "live"})
        first.push_sample(["before"])
        await eventually(lambda: session.publisher.markers == 1)
        del first
        await eventually(lambda: states(session) == {unique: "lost"})
        again = sender(unique)
        await eventually(lambda: states(session) == {unique: "live"})
        again.push_sample(["after"])
        await eventually(lambda: session.publisher.markers == 2)
        del again
        hold.set()
        await session.over.wait()
    assert [f["text"] for f in said(session, "marker")] == ["before", "after"]


async def mark(service: Running, **body: object) -> httpx.Response:
    return await service.http.post("/api/v1/sessions/a/markers", json=body)


@async_test
async def test_markers_over_rest_lie_in_their_windows_and_go_to_lsl(unique: str) -> None:
    go, hold = threading.Event(), threading.Event()
    source = FakeSource([ramp(EEG, 0, 50), go, ramp(EEG, 50, 100), hold])
    settings = settings_for_tests(outlet=True, outlet_name=unique)
    async with running(Parts(sources={"fake:eeg": source}, settings=settings)) as service:
        session = await begun(service)
        await eventually(lambda: session.publisher.predictions == 5)  # the last ends at 0.5
        (info,) = pylsl.resolve_byprop("name", f"{unique}-markers", timeout=10.0)
        inlet = pylsl.StreamInlet(info)
        inlet.open_stream(10.0)
        for t_s, text in (
            (0.7, "in time"),
            (1.0, "at its end"),
            (0.2, "late"),
            (1.2, "of the next"),
        ):
            answered = await mark(service, text=text, t_s=t_s)
            assert answered.status_code == 201
            assert answered.json()["t_s"] == t_s
        at_once = (await mark(service, text="now")).json()
        assert at_once["t_s"] == pytest.approx(service.service.clock(), abs=5.0)
        republished = [inlet.pull_sample(timeout=10.0) for _ in range(5)]
        inlet.close_stream()
        go.set()
        await eventually(lambda: session.publisher.predictions == 10)
        status = (await service.http.get("/api/v1/sessions/a")).json()["status"]
        hold.set()
        await session.over.wait()
        refused = await mark(service, text="too late")
        assert (refused.status_code, refused.json()["code"]) == (409, "session-over")
    assert (status["markers"], status["markers_late"]) == (5, 1)
    frames = {str(f["text"]): f for f in said(session, "marker")}
    ends = {text: frame["window_end_s"] for text, frame in frames.items() if text != "now"}
    assert ends == {"in time": 1.0, "at its end": 1.0, "late": 0.5, "of the next": 1.5}
    assert {f["source"] for f in frames.values()} == {"rest"}
    predictions = said(session, "prediction")
    assert [f["markers"] for f in predictions] == [*[[]] * 9, ["in time", "at its end"]]
    assert sorted(text[0] for text, _ in republished) == sorted(frames)
    assert {text[0]: t_s for text, t_s in republished}["late"] == 0.2


@async_test
async def test_a_text_that_names_no_stream_is_refused() -> None:
    async with running(Parts(sources={"fake:eeg": FakeSource([])})) as service:
        body = {"eeg": "fake:eeg", "markers": ["Markers"]}
        refused = await service.http.post("/api/v1/sessions", json=body)
        assert (refused.status_code, refused.json()["code"]) == (422, "bad-usage")
        assert "lsl:type=Markers" in refused.json()["expected"]


@pytest.mark.parametrize(
    ("t_s", "end_s"), [(0.0, 0.0), (0.1, 0.5), (0.5, 0.5), (0.5000001, 1.0), (-0.2, 0.0)]
)
def test_a_marker_lies_in_the_last_hop_of_one_window(t_s: float, end_s: float) -> None:
    assert window_end_s(t_s, 0.5) == end_s
    assert window_end_s(t_s, 0.0) is None


def broken(error: Exception) -> MarkerStreams:
    def make_finder(_: object) -> None:
        raise error

    return MarkerStreams([], deliver=lambda _: None, make_finder=make_finder)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (HaduaError("no liblsl"), "no liblsl."),
        (ZeroDivisionError(), "internal error: ZeroDivisionError"),
    ],
)
def test_a_fault_of_the_search_is_told(error: Exception, told: str) -> None:
    streams = broken(error)
    streams.start()
    assert streams.join(10.0)
    assert streams.error == told


def test_markers_of_two_streams_are_two() -> None:
    assert Marker(1.0, "a", "x") != Marker(1.0, "a", "y")
