"""How much of a stretch of time had gaze."""

from collections import deque


class Coverage:
    """Remembers which steps of the grid were measured, as runs of steps."""

    def __init__(self) -> None:
        self._runs: deque[list[int]] = deque()
        self._next_k: int | None = None

    def push(self, k: int, *, measured: bool) -> None:
        """Take step `k`, the next one; steps that were left out count as not measured."""
        self._next_k = k + 1
        if not measured:
            return
        if self._runs and self._runs[-1][1] == k:
            self._runs[-1][1] = k + 1
        else:
            self._runs.append([k, k + 1])

    def share(self, start_k: int, end_k: int, *, tail_steps: int) -> float:
        """Share of the steps from `start_k` to `end_k` that were measured; forgets older ones.

        Args:
            start_k: First step.
            end_k: Step after the last.
            tail_steps: So many of the newest steps may not have been pushed yet; they do not count.
        """
        while self._runs and self._runs[0][1] <= start_k:
            self._runs.popleft()
        if self._next_k is not None and end_k - tail_steps <= self._next_k < end_k:
            end_k = self._next_k
        measured = sum(max(0, min(b, end_k) - max(a, start_k)) for a, b in self._runs)
        return measured / (end_k - start_k) if end_k > start_k else 0.0
