"""Threads for what blocks, which an exit never waits for."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, Protocol, TypeVar

from hadua.service.threads import SureThread

P = ParamSpec("P")
T = TypeVar("T")


class InWorker(Protocol):
    """Makes a call in the thread that steps a pipeline, between two steps."""

    async def __call__(self, call: Callable[[], T]) -> T:
        """What the call gives."""
        ...


class DaemonExecutor(Executor):
    """Runs calls in the order they come; `ThreadPoolExecutor`, but in daemon threads.

    The interpreter joins the threads of a `ThreadPoolExecutor` when it exits, however long their
    calls take: a search for streams, a driver that hangs. These it leaves behind.

    Args:
        name: Of its threads.
        threads: How many; they are started with the first call.
    """

    def __init__(self, name: str, *, threads: int = 1) -> None:
        self._name, self._n = name, threads
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._started, self._closed = 0, False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Queue a call.

        Raises:
            RuntimeError: it was shut down, or no thread can be started.
        """
        future: Future[T] = Future()

        def call() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - it goes to whoever waits for the result
                future.set_exception(error)
            else:
                future.set_result(result)

        with self._lock:
            if self._closed:
                raise RuntimeError(f"executor {self._name!r} is shut down")
            self._start()
            self._calls.put(call)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; those that wait are still run. Never waits for them."""
        del wait, cancel_futures
        with self._lock:
            if not self._closed:
                self._closed = True
                for _ in range(self._n):
                    self._calls.put(None)

    def _start(self) -> None:
        while self._started < self._n:  # each counts once it runs: there may be no room for it
            name = f"{self._name}-{self._started}"
            SureThread(target=self._work, name=name, daemon=True).start()
            self._started += 1

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
            del call  # with its result, which may be all that is kept of a person
