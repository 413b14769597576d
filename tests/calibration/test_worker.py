"""The process that learns: what it says, and the same profile however often it was killed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.toy_calibration import collected, quick

from hadua.calibration.fit_request import ANSWER, Done, Failed, Ready, Working
from hadua.calibration.fitted import FITTED, read_fitted
from hadua.calibration.fitting import fit_and_keep
from hadua.calibration.profile_files import to_files
from hadua.calibration.worker import NICENESS
from hadua.models.errors import CalibrationError

WORKER = (sys.executable, "-m", "hadua.calibration.worker")
Process = subprocess.Popen[str]


@contextmanager
def worker() -> Iterator[Process]:
    process = subprocess.Popen(WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            assert isinstance(answer(process), Ready)
            yield process
        finally:
            process.kill()


def answer(process: Process) -> object:
    assert process.stdout is not None
    return ANSWER.validate_json(next(process.stdout))


def send(process: Process, line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line)
    process.stdin.flush()


def test_it_fits_at_a_low_priority_and_goes_on_after_what_it_cannot_do(tmp_path: Path) -> None:
    calibration = collected(tmp_path / "a")
    request = quick(calibration)
    nowhere = request.model_copy(update={"session": tmp_path / "nowhere"})
    with worker() as process:
        for line, what in (
            ("{}\n", "not a request"),
            ("nonsense\n", "not a request"),
            (nowhere.to_line(), "no calibration in"),
        ):
            send(process, line)
            refused = answer(process)
            assert isinstance(refused, Failed)
            assert what in refused.what
        send(process, request.to_line())
        said = [answer(process) for _ in range(4)]
        if hasattr(os, "getpriority"):
            assert os.getpriority(os.PRIO_PROCESS, process.pid) >= NICENESS
        assert process.stdin is not None
        process.stdin.close()  # it ends with its input
        assert process.wait(timeout=60.0) == 0
    stages = [s.stage for s in said if isinstance(s, Working)]
    assert stages == ["preparing", "learning", "assessing"]
    assert isinstance(said[-1], Done)
    profile = read_fitted(request.session)
    assert profile is not None
    assert profile.made.settings["steps"] == 3


def test_killed_in_the_middle_it_gives_the_same_profile_again(tmp_path: Path) -> None:
    request = quick(collected(tmp_path / "a"), steps=8)
    with worker() as process:
        send(process, request.to_line())
        said = answer(process)
        while not (isinstance(said, Working) and said.stage == "learning"):
            said = answer(process)
        process.kill()
        process.wait()
    assert not (request.session / FITTED).exists()

    fit_and_keep(request)
    once = read_fitted(request.session)
    other = quick(collected(tmp_path / "b"), steps=request.steps)
    fit_and_keep(other)
    undisturbed = read_fitted(other.session)

    assert once is not None
    assert undisturbed is not None
    assert to_files(once) == to_files(undisturbed)


def test_a_fitted_profile_replaces_the_one_before(tmp_path: Path) -> None:
    request = quick(collected(tmp_path / "a"), steps=1)
    assert read_fitted(request.session) is None
    for seed in (0, 1):
        fit_and_keep(request.model_copy(update={"seed": seed}))
    profile = read_fitted(request.session)
    assert profile is not None
    assert profile.made.seed == 1
    with pytest.raises(CalibrationError, match="source windows"):
        fit_and_keep(request.model_copy(update={"source": tmp_path}))
