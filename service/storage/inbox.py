"""What waits for the thread that writes, and when that thread is to be woken for it.

A frame may wait for others to be written with, so the first wakes the thread and those after it do
not: hundreds come in a second where many people are served, and to wake a thread costs as much as
to write a frame. Whoever waits for a change is not kept waiting.
"""

import threading
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """First in, first out; any thread puts, one takes.

    Args:
        enough: So many are no longer waited with.
        linger_s: How long the first may wait for others.
    """

    def __init__(self, *, enough: int, linger_s: float) -> None:
        self._enough, self._linger_s = enough, linger_s
        self._items: deque[tuple[T, bool]] = deque()
        self._urgent = 0  # of these
        self._comes = threading.Condition()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._items)

    def put(self, item: T, *, urgent: bool = True) -> None:
        """Add one; never waits.

        Args:
            item: What waits.
            urgent: Somebody waits for it.
        """
        with self._comes:
            self._items.append((item, urgent))
            self._urgent += urgent
            if urgent or len(self._items) in {1, self._enough}:
                self._comes.notify()

    def wait(self, timeout_s: float | None) -> None:
        """Until something is urgent, or enough waits, or the first has for long enough.

        Args:
            timeout_s: How long to wait for a first one; None: for ever.
        """
        with self._comes:
            if self._comes.wait_for(self._items.__len__, timeout_s):
                self._comes.wait_for(self._pressing, self._linger_s)

    def pop(self) -> T:
        """The oldest.

        Raises:
            IndexError: nothing waits.
        """
        with self._comes:
            item, urgent = self._items.popleft()
            self._urgent -= urgent
            return item

    def _pressing(self) -> bool:
        return self._urgent > 0 or len(self._items) >= self._enough
