"""A line in which booths take turns: one that sends much keeps nobody else waiting."""

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """First come, first served within a booth; between booths, round and round."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[T]] = {}  # in the order of their turns

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def of(self, booth: str) -> int:
        """How many of a booth wait."""
        return len(self._lines.get(booth, ()))

    def put(self, booth: str, item: T) -> None:
        """Add to a booth's line; a booth that had none is the last to have its turn."""
        self._lines.setdefault(booth, deque()).append(item)

    def take(self) -> T:
        """The next; its booth's next turn comes after everybody else's.

        Raises:
            IndexError: nobody waits.
        """
        if not self._lines:
            raise IndexError("nobody waits")
        booth, line = next(iter(self._lines.items()))
        del self._lines[booth]
        item = line.popleft()
        if line:
            self._lines[booth] = line
        return item

    def remove(self, item: T) -> bool:
        """Take out of the line; whether it was in it."""
        for booth, line in self._lines.items():
            if item in line:
                line.remove(item)
                if not line:
                    del self._lines[booth]
                return True
        return False

    def place(self, item: T) -> int | None:
        """1 for whoever is next, as the line is now; None for one that is not in it."""
        lines = list(self._lines.values())
        for k, line in enumerate(lines):
            if item in line:
                rounds = line.index(item)
                before = sum(min(len(other), rounds + 1) for other in lines[:k])
                after = sum(min(len(other), rounds) for other in lines[k + 1 :])
                return before + rounds + after + 1
        return None
