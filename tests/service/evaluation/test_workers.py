import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from support.chores import moody, pid_of, square, threads_asked, until_it_is_gone

from hadua.service.evaluation.workers import Failure, run_in_processes

TESTS = Path(__file__).parents[2]


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_task_is_done_once(jobs: int) -> None:
    found = list(run_in_processes(square, range(7), jobs=jobs))

    assert sorted(found) == [(x, x * x) for x in range(7)]


def test_no_tasks_start_no_process() -> None:
    assert list(run_in_processes(square, [], jobs=2)) == []


def test_a_worker_takes_one_task_after_the_other() -> None:
    pids = {pid for _, pid in run_in_processes(pid_of, range(6), jobs=1)}

    assert len(pids) == 1
    assert os.getpid() not in pids


def test_each_process_computes_on_one_thread() -> None:
    before = os.environ.get("OMP_NUM_THREADS")

    ((_, asked),) = run_in_processes(threads_asked, ["OMP_NUM_THREADS"], jobs=1)

    assert asked == "1"
    assert os.environ.get("OMP_NUM_THREADS") == before


def test_a_task_that_fails_or_kills_its_process_takes_no_other_with_it() -> None:
    tasks = ["a", "refuses", "b", "dies", "c", "faulty", "d"]

    found = dict(run_in_processes(moody, tasks, jobs=1))

    done = {k: v for k, v in found.items() if isinstance(v, str)}
    assert done == {"a": "A", "b": "B", "c": "C", "d": "D"}
    messages = {k: v.message for k, v in found.items() if isinstance(v, Failure)}
    assert messages["refuses"] == "recording 'x': got nothing."
    assert messages["faulty"].startswith("KeyError: 'no such key' (chores.py, line ")
    assert messages["dies"] == "its process ended with code 7; was there memory enough?"


def test_workers_end_with_whoever_stops_listening(tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    with closing(run_in_processes(until_it_is_gone, [mark, None, None], jobs=2)) as results:
        next(results)
        _until(lambda: mark.exists() and mark.read_text() != "")
        worker = psutil.Process(int(mark.read_text()))

    assert not _works(worker)
    assert mark.exists(), "it was not done"


def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = (
        "from pathlib import Path; from support.chores import until_it_is_gone as work; "
        "from hadua.service.evaluation.workers import run_in_processes; "
        f"list(run_in_processes(work, [Path({str(mark)!r})], jobs=1))"
    )
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    parent = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path})
    _until(lambda: mark.exists() and mark.read_text() != "")
    worker = psutil.Process(int(mark.read_text()))

    parent.kill()
    parent.wait(timeout=10.0)

    _until(lambda: not _works(worker))
    assert mark.exists(), "it was not done"


def _works(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _until(true: Callable[[], bool], *, timeout_s: float = 20.0) -> None:
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


class Swallowing:
    """Python prints what is raised in here, and goes on."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_ctrl_c_that_is_raised_where_nothing_gets_out_still_ends_it() -> None:
    before = signal.getsignal(signal.SIGINT)
    results = run_in_processes(square, range(50), jobs=1)
    next(results)
    held = Swallowing()
    del held

    with pytest.raises(KeyboardInterrupt):
        list(results)
    assert signal.getsignal(signal.SIGINT) is before
