"""Threads whose start ends: they run, or it is said that they do not."""

import sys
import threading

SWITCH_S = 0.002
"""Python's own 5 ms are what a window's last sample may wait for in a reader's thread."""
START_S = 5.0  # of a machine that has other things to do; mostly it takes 50 microseconds


class SureThread(threading.Thread):
    """A thread that is a daemon, and whose `start` raises where there is no memory for it.

    `Thread.start` waits for ever for a thread that dies before it runs (python/cpython#140746):
    on the event loop, that is the end of the service. This can go once that is closed, and the
    oldest Python that is supported has what closed it.
    """

    def start(self) -> None:
        """Start it.

        Raises:
            RuntimeError: it does not begin to run, or was started before.
        """
        self._begun = _bounded(self)
        super().start()

    def run(self) -> None:
        """Do its work, unless it has been given up: then it came too late."""
        if not self._begun.given_up:
            super().run()


def switch_often() -> None:
    """Let who computes give way to readers and the loop sooner than Python does by itself."""
    sys.setswitchinterval(SWITCH_S)


def bound_every_start() -> None:
    """Let the starts of others' threads raise as well: asyncio's, anyio's, uvicorn's.

    They begin on the event loop, too: for each child process one, before Python 3.12.
    """
    threading.Thread.start = _start  # type: ignore[method-assign, assignment]


_start_unbounded = threading.Thread.start


def _start(thread: threading.Thread) -> None:
    _bounded(thread)
    _start_unbounded(thread)


def _bounded(thread: threading.Thread) -> "_Begun":
    """What its start waits for, now with a bound; once begun, a thread keeps it."""
    own = vars(thread)
    begun = own["_started"]
    if not isinstance(begun, _Begun):
        own["_started"] = begun = _Begun()
    return begun


class _Begun(threading.Event):
    """Set by a thread that runs; `Thread.start` waits for it without a bound."""

    given_up = False

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is not None:
            return super().wait(timeout)
        if not super().wait(START_S):
            self.given_up = True
            raise RuntimeError("can't start new thread")
        return True
