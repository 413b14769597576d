"""A bound is crossed in a running session: what answered before answers again, and all is told."""

import json
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from support.keeping import new_data_folder
from support.learning import Script, ToyPipeline, begin_session, learning_parts, windows_chunks
from support.profiles import AT_UNIX, profile_of
from support.service import async_test, eventually, running
from support.toy_bundle import toy_bundle
from support.toy_calibration import PERSON
from websockets.asyncio.client import connect

from hadua.calibration.store import ProfileStore
from hadua.service.person_data import PROFILES

slow_test = partial(async_test, timeout_s=240.0)
SAID = "person: mean features "


def somebody_elses(folder: Path) -> None:
    """A profile whose level is not that of the person who sits there."""
    store, bundle = ProfileStore(folder / PROFILES), toy_bundle()
    store.save(replace(profile_of(bundle), weights={}, model=b""), at_unix=AT_UNIX)
    store.activate(PERSON, 1, bundle=bundle, at_unix=AT_UNIX)


@slow_test
async def test_somebody_else_is_noticed_and_it_is_said_everywhere(tmp_path: Path) -> None:
    folder = new_data_folder(tmp_path)
    somebody_elses(folder)
    go, rest = threading.Event(), threading.Event()
    script: Script = [go, *windows_chunks(0, 60), rest, *windows_chunks(60, 70)]
    pipeline = ToyPipeline(version=1)
    parts = learning_parts([*script, threading.Event()], pipeline=pipeline, folder=folder)
    async with running(parts) as service:
        path, http = await begin_session(service.http), service.http
        session = service.service.sessions.get("s-1")
        await session.running.wait()
        learning = session.learning
        assert learning is not None
        on = await http.post(f"{path}/adaptation", json={"on": True})
        assert on.status_code == 200, on.text
        await eventually(lambda: learning.adaptation().state == "on")
        go.set()
        await eventually(lambda: 0 in pipeline.used)
        await eventually(lambda: session.publisher.predictions == 60)
        rest.set()
        await eventually(lambda: session.publisher.predictions == 70)
        asked = (await http.get(f"{path}/adaptation")).json()["adaptation"]
        history = (await http.get(f"/api/v1/participants/{PERSON}/profiles")).json()
        last = (await http.get(path)).json()["last_seq"]
        async with connect(f"{service.ws_url}{path}/ws?after_seq=0&policy=lossless") as socket:
            frames = [json.loads(await socket.recv()) for _ in range(last + 1)][1:]
        entries = (await http.get("/api/v1/audit")).json()["entries"]
        metrics = (await http.get("/metrics")).text

    (back,) = asked["roll_backs"]
    assert back["reason"].startswith(SAID)
    assert (back["from_version"], back["to_version"]) == (3, 0)
    assert asked["state"] == "on"  # it follows whoever sits there now, from the bundle as shipped
    assert pipeline.used[:4] == [1, 2, 3, 0]
    told = [f["adaptation"]["roll_backs"] for f in frames if f["type"] == "calibration"]
    assert told[-1] == [back]  # live, and again out of the journal
    predictions = [f for f in frames if f["type"] == "prediction"]
    assert len(predictions) == 70  # none was lost
    assert predictions[0]["profile_version"] == 1
    assert predictions[-1]["profile_version"] not in (1, 2, 3)
    event = next(e for e in history["events"] if e["event"] == "rolled back")
    assert event["reason"] == back["reason"]
    entry = next(e for e in entries if e["action"] == "profile rolled back")
    assert entry["actor"] == "online guard"
    assert back["reason"] in entry["detail"]
    assert 'hadua_roll_backs_total{by="guard"} 1.0' in metrics


@pytest.mark.soak
@slow_test
async def test_switched_off_nobody_is_somebody_else(tmp_path: Path) -> None:
    folder = new_data_folder(tmp_path)
    somebody_elses(folder)
    script: Script = [*windows_chunks(0, 60), threading.Event()]
    parts = learning_parts(
        script, pipeline=ToyPipeline(version=1), folder=folder, adaptation=True, person_guard=False
    )
    async with running(parts) as service:
        await begin_session(service.http)
        session = service.service.sessions.get("s-1")
        await session.running.wait()
        learning = session.learning
        assert learning is not None
        await eventually(lambda: learning.adaptation().learnt == 60)
        assert learning.adaptation().updates >= 3
        assert learning.adaptation().roll_backs == ()
