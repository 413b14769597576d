"""The online loop in a running session: on, frozen, off, rolled back, and told."""

import json
import os
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
from support.keeping import new_data_folder
from support.learning import (
    Script,
    ToyPipeline,
    begin_session,
    kill_learners,
    learners,
    learning_parts,
    windows_chunks,
)
from support.service import Running, async_test, eventually, running
from support.toy_calibration import PERSON
from websockets.asyncio.client import connect

from hadua.calibration.online_settings import OnlineSettings
from hadua.calibration.sitting import SITTING
from hadua.service import modest
from hadua.service.learning.online_messages import Begin, Begun, Relearnt
from hadua.service.learning.online_run import FOLDER
from hadua.service.learning.online_worker import OnlineWorker
from hadua.service.learning.session_learning import SessionLearning
from hadua.service.line_process import WorkerDiedError
from hadua.service.modest import StarvedError
from hadua.service.person_data import PROFILES
from hadua.service.session import Session

slow_test = partial(async_test, timeout_s=240.0)


def session_of(service: Running) -> Session:
    return service.service.sessions.get("s-1")


async def adaptation(service: Running, path: str, on: bool) -> dict[str, object]:
    answered = await service.http.post(f"{path}/adaptation", json={"on": on})
    assert answered.status_code == 200, answered.text
    found = answered.json()["adaptation"]
    assert isinstance(found, dict)
    return found


async def begin_followed(service: Running) -> tuple[str, Session, SessionLearning]:
    """A session, its path, and what follows its participant from now on."""
    path, session = await begin_session(service.http), session_of(service)
    await session.running.wait()
    await adaptation(service, path, on=True)
    learning = session.learning
    assert learning is not None
    await eventually(lambda: learning.adaptation().state == "on")
    return path, session, learning


@slow_test
async def test_followed_frozen_rolled_back_and_left_alone() -> None:
    go, poor, rest = threading.Event(), threading.Event(), threading.Event()
    script: Script = [go, *windows_chunks(0, 40), poor, *windows_chunks(40, 52), rest]
    pipeline = ToyPipeline()
    async with running(learning_parts([*script, *windows_chunks(52, 90), threading.Event()],
                                      pipeline=pipeline)) as service:  # fmt: skip
        path, http = await begin_session(service.http), service.http
        session = session_of(service)
        await session.running.wait()
        assert (await http.get(f"{path}/adaptation")).json()["adaptation"]["state"] == "off"
        assert (await adaptation(service, path, on=True))["state"] == "starting"
        learning = session.learning
        assert learning is not None
        await eventually(lambda: learning.adaptation().state == "on")
        for k in range(2):
            told = await http.post(
                f"{path}/labels", json={"label": "high", "from_s": 100.0 * k, "until_s": 104.0}
            )
            assert told.status_code == 201, told.text
        nonsense = await http.post(f"{path}/labels", json={"label": "odd", "last_s": 5.0})
        assert (nonsense.status_code, nonsense.json()["code"]) == (422, "invalid-input")
        go.set()
        await eventually(lambda: learning.adaptation().learnt == 40)
        followed = learning.adaptation()
        assert followed.updates == 3
        assert followed.labels == 2
        pipeline.quality = 0.1
        poor.set()
        await eventually(lambda: learning.adaptation().refused == {"poor quality": 12})
        frozen = learning.adaptation()
        assert (frozen.state, frozen.reason) == ("frozen", "poor quality")
        assert frozen.updates <= followed.updates + 1  # the piece that was open
        at = learning.profile_version
        back = (await http.post(f"{path}/rollback", json={"reason": "worse"})).json()
        assert back["roll_back"]["from_version"] == at
        assert back["roll_back"]["to_version"] == at - 1 == back["profile_version"]
        off = (await http.get(f"{path}/adaptation")).json()["adaptation"]
        assert (off["state"], off["reason"]) == ("off", "rolled back: worse")
        pipeline.quality = 1.0
        rest.set()
        await eventually(lambda: session.publisher.predictions == 90)
        history = (await http.get(f"/api/v1/participants/{PERSON}/profiles")).json()
        last = (await http.get(path)).json()["last_seq"]
        async with connect(f"{service.ws_url}{path}/ws?after_seq=0&policy=lossless") as socket:
            frames = [json.loads(await socket.recv()) for _ in range(last + 1)][1:]
        entries = (await http.get("/api/v1/audit")).json()["entries"]
        metrics = (await http.get("/metrics")).text

    versions = [f["profile_version"] for f in frames if f["type"] == "prediction"]
    assert len(versions) == 90  # none was lost
    assert versions[52:] == [at - 1] * 38  # off, it stays as it is
    assert history["active"] == at - 1
    assert [v["parent"] for v in history["versions"]] == list(range(at))
    assert {v["origin"] for v in history["versions"]} == {"online"}
    assert (history["events"][-1]["event"], history["events"][-1]["reason"]) == (
        "rolled back",
        "worse",
    )
    actions = [e["action"] for e in entries]
    assert actions[-3:] == ["adaptation on", "adaptation off", "profile rolled back"]
    assert 'hadua_adaptation_windows_total{outcome="learnt"} 40.0' in metrics
    assert 'hadua_roll_backs_total{by="operator"} 1.0' in metrics


@pytest.mark.usefixtures("not_last")
@slow_test
async def test_a_process_that_is_killed_is_started_anew_and_told_all_that_was_told() -> None:
    told, go, rest = threading.Event(), threading.Event(), threading.Event()
    script: Script = [told, *windows_chunks(0, 1), go, *windows_chunks(1, 30)]
    script += [rest, *windows_chunks(30, 175), threading.Event()]
    async with running(learning_parts(script)) as service:
        http = service.http
        path, session, learning = await begin_followed(service)
        for k in range(2):
            body = {"label": "high", "from_s": 1e4 + k, "until_s": 1e4 + k + 1.0}
            assert (await http.post(f"{path}/labels", json=body)).status_code == 201
        told.set()
        await eventually(lambda: learning.adaptation().labels_known == 2)
        kill_learners()
        go.set()  # the first window that comes is in work when its death is noticed
        await eventually(lambda: learning.adaptation().learnt == 29)
        anew = learning.adaptation()
        assert (anew.state, anew.labels, anew.labels_known) == ("on", 2, 2)
        assert anew.dropped == 1
        assert anew.updates >= 1
        rest.set()
        await eventually(lambda: learning.adaptation().relearning)  # by the new process, from all
        await eventually(lambda: session.publisher.predictions == 175)
        metrics = (await http.get("/metrics")).text
        await eventually(lambda: learning.profile_version >= 1)
    assert 'hadua_learning_windows_dropped_total{by="adaptation"} 1.0' in metrics


@pytest.mark.usefixtures("not_last")
@pytest.mark.parametrize("why", ["killed", "left nothing", "left nothing, then died of it"])
@slow_test
async def test_whoever_takes_over_learns_anew_from_all_of_the_sitting(
    why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it would take 120 windows to see again counts; and what is owed is made up for."""
    first, rest, held = (threading.Event() for _ in range(3))
    script: Script = [first, *windows_chunks(0, 100), rest, *windows_chunks(100, 170), held]
    asked, owed = list[int](), list[bool]()
    learn_anew, begin = OnlineWorker.relearnt, OnlineWorker.begin

    async def starved_first(worker: OnlineWorker) -> Relearnt:
        asked.append(worker.pid)
        if why != "killed" and len(asked) == 1:
            held.set()
            raise StarvedError("made up")
        if "died" in why and len(asked) == 2:
            raise WorkerDiedError("made up")
        return await learn_anew(worker)

    async def noted(worker: OnlineWorker, how: Begin) -> Begun:
        owed.append(how.owed)
        return await begin(worker, how)

    monkeypatch.setattr(OnlineWorker, "relearnt", starved_first)
    monkeypatch.setattr(OnlineWorker, "begin", noted)
    script += [*windows_chunks(170, 173), threading.Event()]
    folder = new_data_folder(tmp_path)
    async with running(learning_parts(script, folder=folder)) as service:
        path, _, learning = await begin_followed(service)
        first.set()
        await eventually(lambda: learning.adaptation().learnt == 100)
        sitting = folder / PROFILES / PERSON / FOLDER / SITTING
        assert len(list(sitting.glob("*.piece"))) == OnlineSettings().per_stretch
        if why == "killed":
            kill_learners()
        rest.set()
        if "died" in why:  # not at once again, then
            await eventually(lambda: owed == [False, True, False])
            await eventually(lambda: learning.adaptation().state == "on")
            assert len(set(asked)) == 2
        else:
            await eventually(lambda: learning.adaptation().relearning)
            assert owed == ([False, False] if why == "killed" else [False, True])
            assert len(set(asked)) == len(asked) == (1 if why == "killed" else 2)
        await adaptation(service, path, on=False)
        assert not sitting.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing goes last altogether")
@slow_test
async def test_who_is_left_nothing_by_others_is_followed_by_one_that_does_not_go_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go, rest = threading.Event(), threading.Event()
    script: Script = [go, *windows_chunks(0, 1), rest, *windows_chunks(1, 30), threading.Event()]
    async with running(learning_parts(script)) as service:
        _, _, learning = await begin_followed(service)
        (modest_one,) = learners()
        assert os.sched_getscheduler(modest_one.pid) == os.SCHED_IDLE
        monkeypatch.setattr(modest, "PATIENCE_S", 0.5)
        modest_one.suspend()
        go.set()
        await eventually(lambda: learning.adaptation().state == "starting")
        assert "left nothing" in learning.adaptation().reason
        await eventually(lambda: learning.adaptation().state == "on")
        (another,) = learners()
        assert os.sched_getscheduler(another.pid) == os.SCHED_OTHER
        rest.set()
        await eventually(lambda: learning.adaptation().learnt == 29)
        assert learning.adaptation().dropped == 1  # the one that was in work, and it is counted
