"""The emotional states of a simulated participant, and when each of them holds.

Every schedule is a function of time alone: it can be asked about any instant, in any order.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol, get_args

import numpy as np

from hadua.models.errors import UsageError

State = Literal["negative", "neutral", "positive"]
STATES: tuple[State, ...] = get_args(State)

_CYCLE_S = 90.0
_SPREAD_S = 5.0
_TAG = 0x5C4ED


@dataclass(frozen=True, slots=True)
class StateBlock:
    """A stretch of one state, in seconds since the stream's start; `end_s` is exclusive."""

    state: State
    start_s: float
    end_s: float


class Schedule(Protocol):
    """Which state holds when; t = 0 is the stream's first sample."""

    def block_at(self, t_s: float) -> StateBlock:
        """The block that holds `t_s` (before 0: the first one)."""
        ...


@dataclass(frozen=True, slots=True)
class DemoSchedule:
    """Rest first, then blocks of 20 to 40 s without end, never the same state twice in a row.

    Each 90 s after the rest hold every state once, in an order and with lengths drawn from the
    seed, so that any instant is found without walking through those before it.

    Args:
        seed: Draws the order and the lengths.
        rest_s: Neutral stretch at the start.
    """

    seed: int = 0
    rest_s: float = 60.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.rest_s < float("inf"):
            raise UsageError(
                "schedule of emotional states",
                got=f"rest of {self.rest_s} s",
                expected="0 s or more",
            )

    def block_at(self, t_s: float) -> StateBlock:
        """The block that holds `t_s`."""
        if t_s < self.rest_s:
            return StateBlock("neutral", 0.0, self.rest_s)
        cycle = int((t_s - self.rest_s) // _CYCLE_S)
        start_s = self.rest_s + cycle * _CYCLE_S
        order, lengths_s = _cycle(self.seed, cycle)
        for state, length_s in zip(order[:-1], lengths_s[:-1], strict=True):
            if t_s < start_s + length_s:
                return StateBlock(state, start_s, start_s + length_s)
            start_s += length_s
        return StateBlock(order[-1], start_s, self.rest_s + (cycle + 1) * _CYCLE_S)


@dataclass(frozen=True, slots=True)
class BlockSchedule:
    """Given blocks, one after the other, over and over.

    Args:
        blocks: State and length in seconds of each.
    """

    blocks: tuple[tuple[State, float], ...]

    def __post_init__(self) -> None:
        if not self.blocks or any(length_s <= 0 for _, length_s in self.blocks):
            raise UsageError(
                "schedule of emotional states",
                got=repr(self.blocks),
                expected="at least one block, each longer than 0 s",
            )

    def block_at(self, t_s: float) -> StateBlock:
        """The block that holds `t_s`."""
        total_s = sum(length_s for _, length_s in self.blocks)
        start_s = max(t_s, 0.0) // total_s * total_s
        for state, length_s in self.blocks[:-1]:
            if t_s < start_s + length_s:
                return StateBlock(state, start_s, start_s + length_s)
            start_s += length_s
        state, length_s = self.blocks[-1]
        return StateBlock(state, start_s, start_s + length_s)


def parse_schedule(text: str, *, seed: int) -> Schedule:
    """Read `demo`, `demo*30` (rest of 30 s) or `neutral*60|positive*30|negative*30`.

    Raises:
        UsageError: anything else.
    """
    parts = [part.partition("*") for part in text.split("|")]
    try:
        pairs = [(name.strip(), float(length) if star else None) for name, star, length in parts]
    except ValueError:
        raise _unreadable(text) from None
    if len(pairs) == 1 and pairs[0][0] == "demo":
        rest_s = pairs[0][1]
        return DemoSchedule(seed) if rest_s is None else DemoSchedule(seed, rest_s)
    blocks: list[tuple[State, float]] = []
    for name, length_s in pairs:
        if name not in STATES or length_s is None or not 0 < length_s < float("inf"):
            raise _unreadable(text)
        blocks.append((STATES[STATES.index(name)], length_s))
    return BlockSchedule(tuple(blocks))


def _unreadable(text: str) -> UsageError:
    return UsageError(
        "schedule of emotional states",
        got=repr(text),
        expected=f"'demo', 'demo*REST_S' or STATE*SECONDS joined by '|', STATE of {STATES}",
        hint="For example neutral*60|positive*30|negative*30.",
    )


@lru_cache(maxsize=64)
def _cycle(seed: int, cycle: int) -> tuple[tuple[State, ...], tuple[float, ...]]:
    """Order and lengths in one cycle; its first state differs from the last of the one before."""
    rng = np.random.default_rng([_TAG, seed, cycle])
    last = _last(seed, cycle)
    first = STATES[
        int(rng.choice([s for s in range(3) if s not in (last, _last(seed, cycle - 1))]))
    ]
    middle = next(s for s in STATES if s not in (first, STATES[last]))
    a, b = rng.uniform(-_SPREAD_S, _SPREAD_S, 2).tolist()
    third_s = _CYCLE_S / 3
    return (first, middle, STATES[last]), (third_s + a, third_s + b, third_s - a - b)


def _last(seed: int, cycle: int) -> int:
    """Index of a cycle's last state; the rest before the first cycle counts as neutral."""
    if cycle < 0:
        return STATES.index("neutral")
    return int(np.random.default_rng([_TAG, seed, cycle, 1]).integers(3))
