"""Calls run in order in a thread of their own, and an exit does not wait for one that hangs."""

import subprocess
import sys
import threading
import time
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadua.service import threads
from hadua.service.threads import SureThread
from hadua.service.workers import DaemonExecutor

HANGS = """
import threading
from hadua.service.workers import DaemonExecutor
begun = threading.Event()
def hang():
    begun.set()
    threading.Event().wait()
DaemonExecutor("hangs").submit(hang)
begun.wait()
print("leaving")
"""


@given(n=st.integers(0, 50))
def test_calls_run_in_order_and_those_that_wait_outlive_the_shutdown(n: int) -> None:
    executor, gate, seen = DaemonExecutor("one"), threading.Event(), list[int]()
    executor.submit(gate.wait)
    futures = [executor.submit(seen.append, k) for k in range(n)]
    executor.shutdown()
    gate.set()
    for future in futures:
        future.result(timeout=5.0)
    assert seen == list(range(n))
    with pytest.raises(RuntimeError, match="executor 'one' is shut down"):
        executor.submit(gate.wait)


def test_an_error_goes_to_whoever_waits_and_the_next_call_runs() -> None:
    executor = DaemonExecutor("two")
    failed = executor.submit(int, "no number")
    fine = executor.submit(int, "7")
    executor.shutdown()
    with pytest.raises(ValueError, match="no number"):
        failed.result(timeout=5.0)
    assert fine.result(timeout=5.0) == 7


def test_the_result_of_a_call_is_not_kept_until_the_next_one() -> None:
    class Person:
        """Whose data somebody asked for."""

    executor = DaemonExecutor("lets go")
    seen = weakref.ref(executor.submit(Person).result(timeout=5.0))
    deadline_s = time.monotonic() + 5.0
    while seen() is not None and time.monotonic() < deadline_s:
        time.sleep(0.001)
    assert seen() is None
    executor.shutdown()


def test_a_cancelled_call_never_runs() -> None:
    executor, gate, seen = DaemonExecutor("three"), threading.Event(), list[int]()
    running = executor.submit(gate.wait)
    assert executor.submit(seen.append, 1).cancel()
    gate.set()
    running.result(timeout=5.0)
    executor.submit(seen.append, 2).result(timeout=5.0)
    executor.shutdown()
    assert seen == [2]


def test_an_exit_does_not_wait_for_a_call_that_hangs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=20.0, check=True
    )
    assert done.stdout == "leaving\n"
    assert done.stderr == ""


def test_a_call_for_which_no_thread_can_be_started_is_refused_and_the_next_one_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    executor = DaemonExecutor("short")

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as short:
        short.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            executor.submit(lambda: 1)
    assert executor.submit(lambda: 2).result(10.0) == 2
    executor.shutdown()


def test_a_thread_that_dies_before_it_runs_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "START_S", 0.05)
    executor = DaemonExecutor("short")

    def die(thread: threading.Thread) -> None:
        """As where there is no memory: Python says so, and ends the thread."""

    with monkeypatch.context() as short:
        short.setattr(SureThread, "_bootstrap", die)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            executor.submit(lambda: 1)
    assert executor.submit(lambda: 2).result(10.0) == 2
    executor.shutdown()


def test_a_thread_is_started_once() -> None:
    runs: list[int] = []
    thread = SureThread(target=lambda: runs.append(1))
    thread.start()
    with pytest.raises(RuntimeError, match="once"):
        thread.start()
    thread.join(10.0)
    assert runs == [1]


def test_neither_is_one_of_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "START_S", 0.05)
    monkeypatch.setattr(threading.Thread, "start", threading.Thread.start)  # as it was, afterwards
    threads.bound_every_start()
    done = threading.Event()
    with monkeypatch.context() as short:
        short.setattr(threading.Thread, "_bootstrap", lambda thread: None)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            threading.Thread(target=done.set, daemon=True).start()
    threading.Thread(target=done.set, daemon=True).start()
    assert done.wait(10.0)
