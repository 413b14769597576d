"""The process that learns is short of memory: its calibration fails in words, nothing else does."""

import shlex
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from support.keeping import new_data_folder
from support.learning import Script, begin_session, learning_parts, windows_chunks
from support.narrow import no_more_memory
from support.service import async_test, eventually, running
from support.toy_bundle import toy_bundle
from support.toy_calibration import PERSON, PLAN, collected, quick, toy_windows

from hadua.calibration.calibrating import Calibration
from hadua.calibration.fitted import FITTED
from hadua.calibration.session import CalibrationSession
from hadua.calibration.session_state import State
from hadua.calibration.store import ProfileStore
from hadua.models.errors import CalibrationError
from hadua.service.fit_worker import FitWorker
from hadua.service.person_data import PROFILES
from hadua.service.session import Session

slow_test = partial(async_test, timeout_s=240.0)
TOO_LITTLE_KB = 400_000  # of address space: Python starts, torch cannot be loaded
TOLD_OR_DIED = "memory|Memory|alloc|the learning process died when it was to fit: got exit"
"""A library that is refused a little may end its process, with last words of its own."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of address space")


@contextmanager
def little_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every Python process that is started meanwhile has too little memory to learn."""
    wrapper = folder / "python"
    limited = f'#!/bin/sh\nulimit -v {TOO_LITTLE_KB}\nexec {shlex.quote(sys.executable)} "$@"\n'
    wrapper.write_text(limited, encoding="utf-8")
    wrapper.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(wrapper))
        yield


def cut_off(folder: Path, *, windows: int) -> Calibration:
    """A calibration that a service goes on with, after so many windows."""
    session = CalibrationSession.of(toy_bundle(), id="c1", participant=PERSON, plan=PLAN)
    calibration = Calibration.begin(ProfileStore(folder / PROFILES), toy_bundle(), session)
    for k in range(windows):
        calibration.take(*toy_windows(k))
    return calibration


async def require_that_the_same_windows_do(calibration: Calibration) -> None:
    """Nothing of a profile is there, all windows are, and a fit with memory makes one of them."""
    assert not (quick(calibration).session / FITTED).exists()
    assert len(calibration.stored.collected()) == PLAN.windows
    worker = await FitWorker.start(last=False)
    try:
        await worker.fit(quick(calibration))
    finally:
        await worker.stop()
    calibration.settle(at_unix=1e9)
    assert calibration.session.state is State.READY


@slow_test
async def test_one_whose_memory_ends_in_the_middle_fails_in_words(tmp_path: Path) -> None:
    calibration = collected(tmp_path)
    short = await FitWorker.start(last=False)
    try:
        await short.ready()
        with (
            no_more_memory(short.pid),
            pytest.raises(CalibrationError, match=TOLD_OR_DIED),
        ):
            await short.fit(calibration.request())
    finally:
        await short.stop()
    await require_that_the_same_windows_do(calibration)


@slow_test
async def test_a_calibration_without_memory_fails_and_its_session_and_the_next_one_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = new_data_folder(tmp_path / "data")
    calibration = cut_off(folder, windows=PLAN.windows - 1)
    before, after = threading.Event(), threading.Event()
    some, more = windows_chunks(PLAN.windows - 1, 150), windows_chunks(150, 300)
    script: Script = [before, *some, after, *more, threading.Event()]
    async with running(learning_parts(script, folder=folder)) as service:
        with little_memory(tmp_path, monkeypatch):
            path = await begin_session(service.http)
            session = service.service.sessions.get("s-1")
            before.set()
            await eventually(lambda: calibration_state(session) == "failed")
        told = (await service.http.get(f"{path}/calibration")).json()["calibration"]
        assert "the learning process died when it was to start" in told["reason"]
        kept = calibration.stored.collected()
        assert len(kept) >= PLAN.windows - 1
        await eventually(lambda: session.publisher.predictions == 11)
        plan = {"baseline_s": 0.0, "windows": 120}
        begun = await service.http.post(f"{path}/calibration", json={"plan": plan})
        assert begun.status_code == 201, begun.text
        after.set()
        await eventually(lambda: calibration_state(session) == "ready")
        await eventually(lambda: session.publisher.predictions == 161)
        assert not session.state.over


def calibration_state(session: Session) -> str:
    learning = session.learning
    return learning.calibration_state if learning else ""
