"""A calibration over REST, from the first window to the profile that answers."""

import asyncio
import json
import os
import sys
import threading
from functools import partial
from pathlib import Path

import httpx
import pytest
from support.learning import (
    Script,
    ToyPipeline,
    begin_session,
    learners,
    learning_parts,
    windows_chunks,
)
from support.service import Running, async_test, eventually, running
from support.toy_calibration import PERSON
from websockets.asyncio.client import connect

from hadua.calibration.worker import LAST
from hadua.service import modest

PLAN = {"baseline_s": 5.0, "windows": 140, "fewest": 120}
ENDS = ["fitting", "ready", "accepted"]
# The process that fits imports torch at a low priority: seconds on idle cores.
slow_test = partial(async_test, timeout_s=240.0)
Frame = dict[str, object]


async def calibration(service: Running, path: str) -> dict[str, object]:
    found = (await service.http.get(f"{path}/calibration")).json()["calibration"]
    assert isinstance(found, dict)
    return found


async def until_state(service: Running, path: str, *states: str) -> dict[str, object]:
    while (now := await calibration(service, path))["state"] not in states:
        assert now["state"] not in ("failed", "rejected"), now["reason"]
        await asyncio.sleep(0.05)
    return now


async def said(service: Running, path: str) -> list[Frame]:
    """Every frame of the session so far."""
    last = (await service.http.get(path)).json()["last_seq"]
    frames: list[Frame] = []
    url = f"{service.ws_url}{path}/ws?after_seq=0&policy=lossless"
    async with connect(url) as socket:
        while not frames or int(str(frames[-1]["seq"])) < last or len(frames) < 2:
            frames.append(json.loads(await socket.recv()))
    return frames[1:]


@slow_test
async def test_from_the_first_window_to_the_profile_that_answers() -> None:
    running_on, after = threading.Event(), threading.Event()
    script: Script = [running_on, *windows_chunks(0, 150), after, *windows_chunks(150, 190)]
    pipeline = ToyPipeline()
    async with running(learning_parts([*script, threading.Event()], pipeline=pipeline)) as service:
        path = await begin_session(service.http)
        await eventually(service.service.sessions.get("s-1").running.is_set)
        before = (await service.http.get(f"{path}/calibration")).json()
        assert before["calibration"] is None
        assert before["proposed"]["least"] == {"eeg": 150, "eye": 150}
        begun = await service.http.post(f"{path}/calibration", json={"plan": PLAN})
        assert begun.status_code == 201, begun.text
        again = await service.http.post(f"{path}/calibration", json={"plan": PLAN})
        assert (again.status_code, again.json()["code"]) == (409, "calibration-active")
        early = await service.http.post(f"{path}/calibration/accept")
        assert (early.status_code, early.json()["code"]) == (409, "calibration-failed")
        assert begun.json()["calibration"]["state"] == "baseline"
        felt = {"label": "high", "from_s": 0.0, "until_s": 130.0}
        assert (await service.http.post(f"{path}/labels", json=felt)).status_code == 201
        running_on.set()
        ready = await until_state(service, path, "ready")
        assert (ready["rested"], ready["collected"], ready["version"]) == (5, 140, 1)
        assert ready["balance"] == {"low": 140}
        assert ready["quality"] == {"eeg": 1.0, "eye": 1.0}
        assert ready["labels"] == 1
        assert isinstance(ready["report"], dict)
        assert ready["report"]["windows_used"] == 140
        assert pipeline.used == []
        accepted = await service.http.post(f"{path}/calibration/accept")
        assert accepted.json()["calibration"]["state"] == "accepted"
        assert pipeline.used == [1]
        after.set()
        await eventually(lambda: service.service.sessions.get("s-1").publisher.predictions == 190)
        frames = await said(service, path)
        status = (await service.http.get(path)).json()
        history = (await service.http.get(f"/api/v1/participants/{PERSON}/profiles")).json()
        actions = [e["action"] for e in (await service.http.get("/api/v1/audit")).json()["entries"]]
        metrics = (await service.http.get("/metrics")).text

    versions = [f["profile_version"] for f in frames if f["type"] == "prediction"]
    assert versions == [0] * 150 + [1] * 40  # none lost, and the change is seen once
    states = [f["calibration"]["state"] for f in frames if f["type"] == "calibration"]  # type: ignore[index]
    told = list(dict.fromkeys(states))  # a busy process may collect all of it between two frames
    assert told in (["baseline", *after] for after in (["collecting", *ENDS], ENDS))
    assert [f["seq"] for f in frames] == list(range(1, len(frames) + 1))
    assert status["status"]["calibration"] == "accepted"
    assert status["status"]["profile_version"] == 1
    assert history["active"] == 1
    assert [v["origin"] for v in history["versions"]] == ["calibration"]
    assert actions[-2:] == ["calibration started", "calibration accepted"]
    assert "hadua_profile_swaps_total 1.0" in metrics
    assert 'hadua_calibration_windows_total{outcome="collected"} 140.0' in metrics


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing goes last altogether")
@slow_test
async def test_a_fit_that_is_left_nothing_is_made_by_one_that_does_not_go_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first process never gets a processor: without a second there is no profile."""
    monkeypatch.setattr(modest, "PATIENCE_S", 0.5)
    begin = threading.Event()
    script: Script = [begin, *windows_chunks(0, 150), threading.Event()]
    async with running(learning_parts(script)) as service:
        path = await begin_session(service.http)
        await eventually(service.service.sessions.get("s-1").running.is_set)
        assert (await service.http.post(f"{path}/calibration", json={"plan": PLAN})).is_success
        await eventually(lambda: len(learners()) == 1)
        (starved,) = learners()
        assert LAST in starved.cmdline()
        starved.suspend()
        begin.set()
        await until_state(service, path, "fitting")
        await eventually(lambda: not starved.is_running())
        await eventually(lambda: len(learners()) == 1)
        (another,) = learners()
        assert LAST not in another.cmdline()
        assert os.sched_getscheduler(another.pid) == os.SCHED_OTHER
        ready = await until_state(service, path, "ready")
    assert (ready["collected"], ready["version"]) == (140, 1)


async def refused(http: httpx.AsyncClient, path: str, body: object = None) -> tuple[int, str]:
    answer = await http.post(path, json=body)
    return answer.status_code, answer.json()["code"]


@async_test
async def test_what_cannot_be_is_refused_and_the_session_goes_on(tmp_path: Path) -> None:
    pipeline = ToyPipeline(measured=frozenset({"eeg"}))  # type: ignore[arg-type]
    parts = learning_parts(
        [*windows_chunks(0, 20), threading.Event()], pipeline=pipeline, folder=None
    )
    async with running(parts) as service:
        http = service.http
        path = await begin_session(http)
        await eventually(service.service.sessions.get("s-1").running.is_set)
        for plan in ({"least": {"eye": 100}}, {"windows": 140, "fewest": 150}):
            assert (await refused(http, f"{path}/calibration", {"plan": plan}))[0] in (409, 422)
        assert await refused(http, f"{path}/calibration", {"plan": {"windows": 5}}) == (
            422,
            "invalid-request",
        )
        for what in ("accept", "reject", "cancel", "finish"):
            got = await refused(http, f"{path}/calibration/{what}")
            assert got == (404, "calibration-unknown"), what
        assert await refused(http, f"{path}/rollback") == (409, "profile-invalid")
        assert await refused(http, f"{path}/rollback", {"version": 7}) == (409, "profile-invalid")
        await eventually(lambda: service.service.sessions.get("s-1").publisher.predictions == 20)
        nobody = await http.post("/api/v1/sessions/s-1/stop")
        assert nobody.status_code == 200
        assert await refused(http, f"{path}/calibration") == (409, "session-not-running")
