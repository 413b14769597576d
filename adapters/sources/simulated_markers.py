"""Markers of a simulated participant: the true state, whenever another one begins."""

import math

from hadua.adapters.sources.simulated_states import Schedule, State, StateBlock
from hadua.adapters.sources.source import Marker

_PAST_A_ROUNDING_S = 1e-6


class StateMarkers:
    """Gives `state=NAME` for each stretch of a state, once, stamped with its beginning.

    Every source of one participant gives the same markers: the stamps depend on the schedule and
    the origin alone, not on when somebody asks.

    Args:
        schedule: When which state holds.
        origin_s: LSL time of the schedule's t = 0.
    """

    def __init__(self, schedule: Schedule, *, origin_s: float) -> None:
        self._schedule = schedule
        self._origin_s = origin_s
        self._state: State | None = None
        self._next_s = -math.inf  # LSL time at which there may be something to say

    def until(self, until_s: float) -> list[Marker]:
        """Changes up to `until_s`; the first call with a state gives that one alone."""
        if until_s < max(self._next_s, self._origin_s):
            return []
        first = self._state is None
        markers = [self._begin(self._schedule.block_at(until_s - self._origin_s))] if first else []
        while self._next_s <= until_s:
            before = self._state
            marker = self._begin(self._following(self._next_s - self._origin_s))
            if self._state != before:
                markers.append(marker)
        return markers[-1:] if first else markers

    def _begin(self, block: StateBlock) -> Marker:
        self._state = block.state
        self._next_s = self._origin_s + block.end_s
        return Marker(self._origin_s + block.start_s, f"state={block.state}")

    def _following(self, end_s: float) -> StateBlock:
        """The block after the one that ends at `end_s`, which rounding may still give itself."""
        block = self._schedule.block_at(end_s)
        if block.end_s > end_s + _PAST_A_ROUNDING_S:
            return block
        return self._schedule.block_at(end_s + 2 * _PAST_A_ROUNDING_S)
