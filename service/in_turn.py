"""Whose turn it is to compute: of a process's sessions one at a time, first come, first served.

Python runs one thread at a time in any case, but numpy lets go of the interpreter within nearly
each of its calls, and who waits for it takes it then. Threads that compute beside each other change
places some thirty times for a window, each time with another's data in the processor's caches; one
after the other they do so less often, and nobody who came later is done before.

This is a courtesy and no lock: who has waited for `PATIENCE_S` goes on without, so that a
computation that never ends stops nobody else. Where that is so, all have fallen behind, and nothing
counts but that every core works.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_S = 0.25


class InTurn:
    """Turns of whoever asks; any thread.

    Args:
        patience_s: How late somebody is who waits no longer.
    """

    def __init__(self, *, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._taken = False
        self._waiting: deque[threading.Lock] = deque()  # each is let go when its turn has come

    @contextmanager
    def turn(self, *, late_s: float = 0.0) -> Iterator[bool]:
        """Have a turn; whether it is one, or the patience was over.

        Args:
            late_s: How long what is to be done has waited already.
        """
        mine = self._place()
        patience_s = max(self._patience_s - late_s, 0.0)
        had = mine is None or mine.acquire(timeout=patience_s) or not self._leave(mine)
        try:
            yield had
        finally:
            if had:
                self._pass_on()

    def _place(self) -> "threading.Lock | None":
        """Take the turn if nobody has it; else what is let go when it has come."""
        with self._lock:
            if not self._taken:
                self._taken = True
                return None
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
            return mine

    def _leave(self, mine: threading.Lock) -> bool:
        """Wait no longer; False: the turn has come in this very moment."""
        with self._lock:
            waits = mine in self._waiting
            if waits:
                self._waiting.remove(mine)
            return waits

    def _pass_on(self) -> None:
        with self._lock:
            self._taken = len(self._waiting) > 0
            if self._taken:
                self._waiting.popleft().release()


IN_TURN = InTurn()
