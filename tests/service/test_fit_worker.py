"""The learning process from the service's side: asked, cancelled, killed, hung."""

import asyncio
import os
import signal
import sys
from functools import partial
from pathlib import Path

import pytest
from support.service import async_test, eventually
from support.toy_calibration import collected, quick

from hadua.calibration.fit_request import Working
from hadua.calibration.fitted import FITTED
from hadua.calibration.session_state import State
from hadua.models.errors import CalibrationError
from hadua.service import modest
from hadua.service.fit_worker import FitWorker
from hadua.service.modest import StarvedError

# A process of low priority imports torch: seconds on idle cores, a minute on busy ones.
slow_test = partial(async_test, timeout_s=240.0)


@slow_test
async def test_asked_it_fits_and_says_what_it_does(tmp_path: Path) -> None:
    calibration, said = collected(tmp_path), list[Working]()
    worker = await FitWorker.start(last=False)
    try:
        await worker.fit(quick(calibration), on_stage=said.append)
        calibration.settle(at_unix=1e9)
        nowhere = quick(calibration).model_copy(update={"session": tmp_path / "nowhere"})
        with pytest.raises(CalibrationError, match="no calibration in"):
            await worker.fit(nowhere)
        os.kill(worker.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        with pytest.raises(CalibrationError, match=r"died when it was to fit: got exit -?\d+"):
            await worker.fit(nowhere)
    finally:
        await worker.stop()
        await worker.stop()
    assert [(w.number, w.stages) for w in said] == [(1, 3), (2, 3), (3, 3)]
    assert calibration.session.state is State.READY


@slow_test
async def test_cancelled_it_is_gone_and_the_windows_are_not(tmp_path: Path) -> None:
    calibration, started = collected(tmp_path), asyncio.Event()
    worker = await FitWorker.start(last=False)
    request = quick(calibration, steps=10_000)
    fitting = asyncio.ensure_future(worker.fit(request, on_stage=lambda _: started.set()))
    await asyncio.wait_for(started.wait(), 120.0)
    fitting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fitting
    await worker.stop()
    assert len(calibration.stored.collected()) == 140
    assert not (request.session / FITTED).exists()


@slow_test
async def test_one_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    worker = await FitWorker.start(last=False)
    with pytest.raises(CalibrationError, match=r"takes too long: expected 0\.05 s"):
        await worker.fit(quick(collected(tmp_path)), timeout_s=0.05)
    with pytest.raises(CalibrationError, match="died when it was to start: got exit"):
        await worker.ready()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing goes last altogether")
@slow_test
async def test_one_that_others_leave_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modest, "PATIENCE_S", 0.5)
    worker, another = await FitWorker.start(), await FitWorker.start(last=False)
    try:
        await eventually(lambda: os.sched_getscheduler(worker.pid) == os.SCHED_IDLE)
        os.kill(worker.pid, signal.SIGSTOP)
        with pytest.raises(StarvedError, match=r"left nothing when .*: got 0\.\d+ s of"):
            await worker.ready()
        assert os.sched_getscheduler(another.pid) == os.SCHED_OTHER
    finally:
        await worker.stop()
        await another.stop()
