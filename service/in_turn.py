"""Whose turn it is to compute: of a process's sessions one at a time, first come, first served.

Python runs one thread at a time in any case, but numpy lets go of the interpreter within nearly
each of its calls, and who waits for it takes it then. Threads that compute beside each other change
places some thirty times for a window, each time with another's data in the processor's caches: two
dozen of them get half as much done in a second as one after the other.

This is a courtesy and no lock: who has seen nobody's turn end for `PATIENCE_S` takes it from whom
it belongs to, so that a computation that never ends stops nobody else for longer.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

PATIENCE_S = 1.0


class InTurn:
    """Turns of whoever asks; any thread.

    Args:
        patience_s: How long one may have the turn while others wait.
    """

    def __init__(self, *, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._whose: threading.Lock | None = None
        self._waiting: deque[threading.Lock] = deque()  # each is let go when its turn has come
        self._ended = 0

    @contextmanager
    def turn(self) -> Iterator[Callable[[], None]]:
        """Have a turn; called, what it gives lets those who wait have theirs in between."""
        mine = threading.Lock()
        self._take(mine)
        try:
            yield partial(self._give_way, mine)
        finally:
            self._pass_on(mine)

    def _give_way(self, mine: threading.Lock) -> None:
        if self._waiting:
            self._pass_on(mine)
            self._take(mine)

    def _take(self, mine: threading.Lock) -> None:
        with self._lock:
            if self._whose is None:
                self._whose = mine
                return
            mine.acquire(blocking=False)  # nothing else holds it
            self._waiting.append(mine)
            ended = self._ended
        while not mine.acquire(timeout=self._patience_s):
            with self._lock:
                if self._whose is mine:
                    return  # it has come in this very moment
                if ended == self._ended:
                    self._waiting.remove(mine)
                    self._whose = mine
                    self._ended += 1  # the others have to have patience with this one
                    return
                ended = self._ended

    def _pass_on(self, mine: threading.Lock) -> None:
        with self._lock:
            if self._whose is not mine:
                return  # it was taken away
            self._ended += 1
            self._whose = self._waiting.popleft() if self._waiting else None
            if self._whose is not None:
                self._whose.release()


IN_TURN = InTurn()
"""The turns of this process."""
