"""What a session has said, kept so that a client that was away can catch up."""

from collections import deque
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["prediction", "status", "quality", "calibration", "marker"]


@dataclass(frozen=True, slots=True)
class Published:
    """A frame that has its `seq`, its text, encoded once for everybody, and its LSL time."""

    session_id: str
    epoch: int
    seq: int
    kind: Kind
    text: str
    published_s: float = 0.0


class Journal(Protocol):
    """Keeps the frames of one session and epoch in the order of their `seq`."""

    @property
    def first_seq(self) -> int:
        """The oldest `seq` still held; `last_seq` + 1 if none is."""
        ...

    @property
    def last_seq(self) -> int:
        """The newest `seq`; 0 before the first."""
        ...

    def append(self, item: Published) -> None:
        """Keep a frame whose `seq` is `last_seq` + 1."""
        ...

    def after(self, seq: int) -> list[Published]:
        """What is held with a larger `seq`, oldest first."""
        ...


class MemoryJournal:
    """The latest frames in memory: bounded, and it says from where it holds.

    Args:
        capacity: Frames kept; an older one is let go.
    """

    def __init__(self, *, capacity: int) -> None:
        self._items: deque[Published] = deque(maxlen=capacity)
        self._last_seq = 0

    @property
    def first_seq(self) -> int:
        """The oldest `seq` still held; `last_seq` + 1 if none is."""
        return self._last_seq - len(self._items) + 1

    @property
    def last_seq(self) -> int:
        """The newest `seq`; 0 before the first."""
        return self._last_seq

    def append(self, item: Published) -> None:
        """Keep a frame whose `seq` is `last_seq` + 1."""
        if item.seq != self._last_seq + 1:
            raise ValueError(f"journal: got seq {item.seq}, expected {self._last_seq + 1}")
        self._items.append(item)
        self._last_seq = item.seq

    def after(self, seq: int) -> list[Published]:
        """What is held with a larger `seq`, oldest first."""
        skip = max(0, seq - self.first_seq + 1)
        return [item for i, item in enumerate(self._items) if i >= skip]
