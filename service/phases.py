"""Where within a hop each session's windows end, so that their work does not fall together.

Windows end on a grid of absolute time, so those of all sessions would end at the same instants, and
the last of sixty people would wait for the work of all others. Each session therefore ends its
windows at a phase of its own. The phase is settled when the session starts, and never changes; it
is recorded with the pipeline, so that a replay cuts the same windows.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache

from hadua.service.engine import EngineFactory

SLOT_S = 0.004
"""Phases are multiples of this: gaze is measured in steps of 4 ms, and whole samples at 250 Hz,
500 Hz and 1000 Hz lie between two of them."""

Staggered = Callable[[float], EngineFactory]
"""Makes the pipelines of sessions whose windows end at a phase."""


def free_phase_s(hop_s: float, taken_s: Iterable[float]) -> float:
    """The phase for a session more: 0 for the first, then as far from the others as may be.

    The order is that of reversed bits (0, 1/2, 1/4, 3/4, 1/8, ... of a hop), in which any number of
    sessions is spread about evenly, and one that ends leaves its place to the next. With more
    sessions than places, the least taken is given again.
    """
    slots = max(1, round(hop_s / SLOT_S))
    taken = Counter(round(phase_s / SLOT_S) % slots for phase_s in taken_s)
    return min(_order(slots), key=lambda slot: taken[slot]) * SLOT_S


@lru_cache(maxsize=8)
def _order(slots: int) -> tuple[int, ...]:
    """All slots of a hop in the order of reversed bits."""
    bits = max(1, (slots - 1).bit_length())
    reverse = (int(f"{k:0{bits}b}"[::-1], 2) for k in range(1 << bits))
    return tuple(dict.fromkeys(r * slots >> bits for r in reverse))
