"""A session's windows on their way to whatever learns from them."""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from hadua.models.features import FeatureWindow, Modality
from hadua.service.engine import StepResult

MOST_WAITING = 256


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """What was measured of one window, once it has been answered.

    Args:
        end_s: LSL time of its end.
        windows: Each modality's, without what stands in for something bad: that is good for an
            answer, but nothing is learnt from it.
        label: The class that the model in force took it for, if it was sure enough.
    """

    end_s: float
    windows: Mapping[Modality, FeatureWindow]
    label: str | None

    @classmethod
    def of(cls, result: StepResult) -> Self:
        """From what a pipeline gave."""
        measured = {m: _measured(window) for m, window in result.windows.items()}
        return cls(result.prediction.end_s, measured, result.prediction.label)


class Waiting:
    """Windows that wait for a thread or a process; bounded, and what does not fit is counted.

    Args:
        most: Windows that may wait; a further one is dropped, for those before it are needed in
            their order.
    """

    def __init__(self, *, most: int = MOST_WAITING) -> None:
        self.dropped = 0
        self._most = most
        self._queue: deque[Window] = deque()
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._queue)

    def put(self, window: Window) -> bool:
        """Add a window; False if it was dropped."""
        if len(self._queue) >= self._most:
            self.dropped += 1
            return False
        self._queue.append(window)
        self._wake.set()
        return True

    def wake(self) -> None:
        """Let go whoever waits, even if there is nothing."""
        self._wake.set()

    async def take(self) -> list[Window]:
        """All that wait, oldest first; none after `wake`."""
        await self._wake.wait()
        self._wake.clear()
        taken = list(self._queue)
        self._queue.clear()
        return taken


def _measured(window: FeatureWindow) -> FeatureWindow:
    if window.stands_in is None:
        return window
    return replace(window, present=window.measured, stands_in=None)
