"""Tasks in processes of their own: one that crashes takes its task with it and nothing else.

`concurrent.futures` gives up all tasks when one worker dies, and leaves its workers behind when the
parent is killed; hence this. Workers are spawned, as Windows can do nothing else, so what runs and
what it is given are found by name and pickled.
"""

import os
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType
from typing import Generic, TypeVar

from hadua.models.errors import HaduaError

T = TypeVar("T")
R = TypeVar("R")

_POLL_S = 0.5  # Windows delivers Ctrl-C only between waits
_JOIN_S = 5.0
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Failure:
    """A task that gave no result.

    Args:
        message: Why, one line.
    """

    message: str


@dataclass(slots=True)
class _Worker(Generic[T, R]):
    process: SpawnProcess
    connection: "Connection[T, R | Failure]"
    task: T
    crashed: bool = False


def run_in_processes(
    work: Callable[[T], R], tasks: Sequence[T], *, jobs: int
) -> Generator[tuple[T, R | Failure]]:
    """Run every task and hand over each result as it comes, in any order.

    Workers end when this ends, however it ends, and when this process does.

    Args:
        work: A function of a module, or a `partial` of one.
        tasks: What to call it with.
        jobs: Most processes at a time; each computes on one thread.
    """
    waiting, busy = deque(tasks), list[_Worker[T, R]]()
    with _ctrl_c_noted() as noted:
        yield from _results(work, waiting, busy, jobs=jobs, noted=noted)


def _results(
    work: Callable[[T], R],
    waiting: deque[T],
    busy: list[_Worker[T, R]],
    *,
    jobs: int,
    noted: Sequence[int],
) -> Generator[tuple[T, R | Failure]]:
    try:
        while waiting or busy:
            if noted:  # and yet here: it was raised where Python lets nothing out
                raise KeyboardInterrupt
            while waiting and len(busy) < jobs:
                with _ctrl_c_later(), _one_thread_each():
                    busy.append(_start(work, waiting.popleft()))
            for connection in wait([w.connection for w in busy], timeout=_POLL_S):
                worker = next(w for w in busy if w.connection is connection)
                done, result = worker.task, _received(worker)
                if waiting and not worker.crashed:
                    _give(worker, waiting.popleft())
                else:
                    busy.remove(worker)
                    _end(worker)
                yield done, result
    finally:
        for worker in busy:
            worker.process.terminate()
        for worker in busy:
            _end(worker)


def _start(work: Callable[[T], R], task: T) -> _Worker[T, R]:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, work), daemon=True)
    process.start()
    theirs.close()  # so that its end is heard
    worker: _Worker[T, R] = _Worker(process, ours, task)
    _give(worker, task)
    return worker


def _give(worker: _Worker[T, R], task: T) -> None:
    worker.task = task
    with suppress(ConnectionError):  # who died meanwhile is found out when it is listened to
        worker.connection.send(task)


def _received(worker: _Worker[T, R]) -> R | Failure:
    try:
        return worker.connection.recv()
    except (EOFError, ConnectionError):
        worker.crashed = True
        worker.process.join(_JOIN_S)
        code = worker.process.exitcode
        return Failure(f"its process ended with code {code}; was there memory enough?")


def _end(worker: _Worker[T, R]) -> None:
    worker.connection.close()  # an idle worker ends with its pipe
    worker.process.join(_JOIN_S)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()
    worker.process.close()


def _serve(connection: "Connection[R | Failure, T]", work: Callable[[T], R]) -> None:
    """Run in the worker: task after task, until the pipe closes or the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            task = connection.recv()
        except (EOFError, ConnectionError):
            return
        connection.send(attempt(work, task))


def attempt(work: Callable[[T], R], task: T) -> R | Failure:
    """The result, or why there is none, as one line that travels."""
    try:
        return work(task)
    except HaduaError as error:
        return Failure(str(error))
    except Exception as error:  # noqa: BLE001 - becomes the message of the task that failed
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}, line {last.lineno}"
        return Failure(f"{type(error).__name__}: {error} ({where})")


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _ctrl_c_noted() -> Iterator[Sequence[int]]:
    """Note Ctrl-C beside raising it: what is raised in a finaliser, Python only prints."""
    noted: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield noted
        return

    def note(number: int, frame: FrameType | None) -> None:
        noted.append(number)
        before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _ctrl_c_later() -> Iterator[None]:
    """Hold Ctrl-C back while a process starts, or it would be left without its instructions."""
    if threading.current_thread() is not threading.main_thread():
        yield  # other threads hear of no signal
        return
    held: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: held.append(number))
    try:
        with _masked():
            yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held:
        signal.raise_signal(signal.SIGINT)


@contextmanager
def _masked() -> Iterator[None]:
    """Mask Ctrl-C, which a worker inherits that still imports and could only complain.

    Windows has no such mask; there a worker that is interrupted so early does complain.
    """
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # its own start would lift the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let a process that starts now compute on one thread: the processes share the cores."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
