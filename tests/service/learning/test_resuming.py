"""A calibration that was cut off goes on, or says why not; a killed service loses nothing."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
from support.keeping import new_data_folder
from support.learning import (
    EEG,
    Script,
    begin_session,
    kill_learners,
    learning_parts,
    windows_chunks,
)
from support.service import FakeSource, Running, async_test, eventually, running
from support.toy_bundle import toy_bundle
from support.toy_calibration import PERSON, PLAN, quick, toy_windows

from hadua.calibration.calibrating import Calibration, calibration_folder
from hadua.calibration.fitting import fit_and_keep
from hadua.calibration.session import CalibrationSession
from hadua.calibration.session_state import State
from hadua.calibration.store import ProfileStore
from hadua.calibration.stored_session import SESSION
from hadua.models.features import Modality
from hadua.service.person_data import PROFILES
from hadua.service.session import Session

slow_test = partial(async_test, timeout_s=240.0)


def begun(folder: Path, *, windows: int) -> Calibration:
    """A calibration in a data folder, cut off after so many windows."""
    session = CalibrationSession.of(toy_bundle(), id="c1", participant=PERSON, plan=PLAN)
    calibration = Calibration.begin(ProfileStore(folder / PROFILES), toy_bundle(), session)
    for k in range(windows):
        calibration.take(*toy_windows(k))
    return calibration


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a fitted profile that waits for a decision."""
    folder = new_data_folder(tmp_path_factory.mktemp("ready"))
    calibration = begun(folder, windows=PLAN.windows)
    fit_and_keep(quick(calibration, steps=1))
    calibration.settle(at_unix=1.7e9)
    assert calibration.session.state is State.READY
    return folder


def session_of(service: Running) -> Session:
    return service.service.sessions.get("s-1")


def state_of(service: Running) -> str:
    learning = session_of(service).learning
    return learning.calibration_state if learning else ""


@slow_test
async def test_what_was_collected_before_counts_and_the_person_need_not_begin_again(
    tmp_path: Path,
) -> None:
    folder = new_data_folder(tmp_path)
    begun(folder, windows=100)
    script: Script = [*windows_chunks(100, 139), threading.Event()]
    async with running(learning_parts(script, folder=folder)) as service:
        path = await begin_session(service.http)
        await eventually(lambda: session_of(service).publisher.predictions == 39)
        collecting = (await service.http.get(f"{path}/calibration")).json()["calibration"]
        assert (collecting["state"], collecting["id"]) == ("collecting", "c1")
        await eventually(lambda: state_of(service) == "collecting")
        finished = await service.http.post(f"{path}/calibration/finish")
        assert finished.status_code == 200, finished.text
        await eventually(lambda: state_of(service) == "ready")
        report = (await service.http.get(f"{path}/calibration")).json()["calibration"]["report"]
        assert report["windows_used"] == 139


@async_test
async def test_what_cannot_go_on_says_why_and_the_session_goes_on(tmp_path: Path) -> None:
    folder = new_data_folder(tmp_path)
    calibration = begun(folder, windows=3)
    (calibration.stored.folder / SESSION).write_text("{", encoding="utf-8")
    script: Script = [*windows_chunks(0, 10), threading.Event()]
    async with running(learning_parts(script, folder=folder)) as service:
        path = await begin_session(service.http)
        await eventually(lambda: session_of(service).publisher.predictions == 10)
        answered = (await service.http.get(f"{path}/calibration")).json()
        assert answered["calibration"] is None
        assert "cannot go on" in answered["note"]
        anew = await service.http.post(f"{path}/calibration")
        assert anew.status_code == 201, anew.text
        cancelled = await service.http.post(f"{path}/calibration/cancel")
        state = cancelled.json()["calibration"]
        assert (state["state"], state["reason"]) == ("failed", "cancelled")


@slow_test
async def test_a_fit_whose_process_is_killed_is_made_once_more(tmp_path: Path) -> None:
    folder = new_data_folder(tmp_path)
    begun(folder, windows=139)
    script: Script = [*windows_chunks(139, 150), threading.Event()]
    async with running(learning_parts(script, folder=folder)) as service:
        path = await begin_session(service.http)
        await eventually(lambda: state_of(service) == "fitting")
        kill_learners()
        await eventually(lambda: state_of(service) == "ready")
        assert (await service.http.get("/healthz")).status_code == 200
        other = FakeSource([threading.Event()], spec=EEG)
        another = service.service.sessions.start(
            {Modality.EEG: other},
            session_id="s-2",
            participant=PERSON,
        )
        await another.running.wait()
        busy = await service.http.post("/api/v1/sessions/s-2/calibration")
        assert (busy.status_code, busy.json()["code"]) == (409, "participant-busy")
        rejected = await service.http.post(
            f"{path}/calibration/reject", json={"reason": "fell asleep"}
        )
        assert rejected.json()["calibration"]["state"] == "rejected"


@asynccontextmanager
async def process(folder: Path, *arguments: int) -> AsyncIterator[tuple[int, httpx.AsyncClient]]:
    """The toy's service as a process: its id, and a client."""
    command = [sys.executable, "-m", "support.learning_service", str(folder)]
    child = await asyncio.create_subprocess_exec(
        *command,
        *map(str, arguments),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert child.stdout is not None
    lines = child.stdout
    try:
        while not (url := (await lines.readline()).decode().strip()).startswith("http"):
            assert url, "it ended"
        async with httpx.AsyncClient(base_url=url, timeout=10.0) as http:
            yield child.pid, http
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def until(http: httpx.AsyncClient, state: str) -> None:
    while True:
        asked = await http.get("/api/v1/sessions/s-1/calibration")
        if asked.status_code == 200 and (now := asked.json()["calibration"]):
            if now["state"] == state:
                return
            assert now["state"] != "failed", now["reason"]
        await asyncio.sleep(0.02)


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
@slow_test
async def test_a_service_killed_while_fitting_goes_on_with_it(tmp_path: Path) -> None:
    folder = new_data_folder(tmp_path)
    begun(folder, windows=PLAN.windows - 1)
    async with process(folder, 5) as (pid, http):
        await begin_session(http)
        await until(http, "fitting")
        os.kill(pid, signal.SIGKILL)
    async with process(folder, 1) as (_, http):
        await begin_session(http)
        await until(http, "ready")
        accepted = await http.post("/api/v1/sessions/s-1/calibration/accept")
        assert accepted.status_code == 200, accepted.text
        session = (await http.get("/api/v1/sessions/s-1")).json()
        assert session["status"]["profile_version"] == 1


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
@pytest.mark.parametrize(
    "step", [0, 4, 9, *(pytest.param(n, marks=pytest.mark.soak) for n in (1, 2, 3, 5, 6, 7, 8))]
)
def test_a_service_killed_while_it_swaps_serves_the_last_good_profile(
    ready: Path, tmp_path: Path, step: int
) -> None:
    async def check() -> None:
        folder = tmp_path / "data"
        shutil.copytree(ready, folder)
        async with process(folder, 1, step) as (_, http):
            await begin_session(http)
            await until(http, "ready")
            with pytest.raises(httpx.HTTPError):
                await http.post("/api/v1/sessions/s-1/calibration/accept")
        store = ProfileStore(folder / PROFILES)
        before = store.active_version(PERSON)
        store.load_active(PERSON, bundle=toy_bundle())  # whole
        script: Script = [*windows_chunks(0, 5), threading.Event()]
        async with running(learning_parts(script, folder=folder)) as service:
            path = await begin_session(service.http)
            await eventually(lambda: session_of(service).publisher.predictions == 5)
            state = state_of(service)
            assert state == ("accepted" if before else "ready")
            if not before:
                again = await service.http.post(f"{path}/calibration/accept")
                assert again.status_code == 200, again.text
        assert store.active_version(PERSON) == 1
        assert not list(calibration_folder(store, PERSON).glob(".new-*"))

    slow_test(check)()
