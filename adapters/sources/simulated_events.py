"""What simulated eyes do and when: fixations, saccades and blinks that follow one another.

Time is cut into stretches of 10 s that know nothing of each other: each begins at a point of gaze
drawn from its number and ends with a saccade to the next one's. So the truth about any instant is
found without walking through all that came before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hadua.adapters.sources.simulated_person import EyeTraits, Person
from hadua.adapters.sources.simulated_states import Schedule

STRETCH_S = 10.0

_TAG = 0xE7E5
_LIMIT_DEG = np.array([15.0, 8.5])
_SHORTEST_FIXATION_S = 0.10
_QUIET_END_S = 0.6
_ROOM_S = 0.4
_KEPT = 4

EventKind = Literal["fixation", "saccade", "blink"]


@dataclass(frozen=True, slots=True)
class EyeEvent:
    """One event; positions are degrees from the middle of the screen, to the right and down.

    Args:
        kind: What it is.
        start_s: When it starts, from the stream's start.
        end_s: When it ends, exclusive.
        from_deg: Where gaze was at its start.
        to_deg: Where gaze is at its end; the same for a fixation.
    """

    kind: EventKind
    start_s: float
    end_s: float
    from_deg: tuple[float, float]
    to_deg: tuple[float, float]

    @property
    def amplitude_deg(self) -> float:
        """How far gaze moved."""
        return float(np.hypot(*np.subtract(self.to_deg, self.from_deg)))


def saccade_duration_s(amplitude_deg: float) -> float:
    """Duration by the main sequence: 2.2 ms per degree and 21 ms (Carpenter 1988)."""
    return 0.0022 * amplitude_deg + 0.021


class EventTrack:
    """The eye events of one person in one session, by stretch; belongs to one thread."""

    def __init__(self, person: Person, *, seed: int, schedule: Schedule) -> None:
        self._person, self._seed, self._schedule = person, seed, schedule
        self._stretches: dict[int, tuple[EyeEvent, ...]] = {}

    def stretch(self, i: int) -> tuple[EyeEvent, ...]:
        """The events that fill stretch i >= 0, in order and without holes."""
        made = self._stretches.get(i)
        if made is None:
            made = self._stretches[i] = self._make(i)
            for old in list(self._stretches)[:-_KEPT]:
                del self._stretches[old]
        return made

    def events(self, start_s: float, end_s: float) -> tuple[EyeEvent, ...]:
        """Events that overlap `[start_s, end_s)`, whole, in order."""
        first = max(int(start_s // STRETCH_S) - 1, 0)
        last = int(end_s // STRETCH_S) + 1
        joined: list[EyeEvent] = []
        for event in (e for i in range(first, last + 1) for e in self.stretch(i)):
            before = joined[-1] if joined else None
            if before is not None and before.kind == event.kind == "fixation":
                joined[-1] = _fixation(before.start_s, event.end_s, event.to_deg)
            else:
                joined.append(event)
        return tuple(e for e in joined if e.start_s < end_s and e.end_s > start_s)

    def blinks(self, start_s: float, end_s: float) -> tuple[EyeEvent, ...]:
        """Blinks that overlap `[start_s, end_s)`."""
        first, last = int(max(start_s, 0.0) // STRETCH_S), int(max(end_s, 0.0) // STRETCH_S)
        return tuple(
            e
            for i in range(first, last + 1)
            for e in self.stretch(i)
            if e.kind == "blink" and e.start_s < end_s and e.end_s > start_s
        )

    def _make(self, i: int) -> tuple[EyeEvent, ...]:
        rng = np.random.default_rng([_TAG, self._person.number, self._seed, i])
        start_s, end_s = i * STRETCH_S, (i + 1) * STRETCH_S
        home, next_home = self._home(i), self._home(i + 1)
        return tuple(_fill(rng, start_s, end_s, home, next_home, self._traits))

    def _home(self, i: int) -> tuple[float, float]:
        rng = np.random.default_rng([_TAG, self._person.number, self._seed, i, 1])
        x, y = rng.normal(0.0, (3.0, 2.0))
        return float(np.clip(x, -8, 8)), float(np.clip(y, -5, 5))

    def _traits(self, t_s: float) -> EyeTraits:
        return self._person.eyes[self._schedule.block_at(t_s).state]


TraitsAt = Callable[[float], EyeTraits]
Point = tuple[float, float]


def _fill(
    rng: np.random.Generator, start_s: float, end_s: float, here: Point, home: Point, at: TraitsAt
) -> list[EyeEvent]:
    events: list[EyeEvent] = []
    t_s = start_s
    blinks = _blinks(rng, start_s, end_s - _QUIET_END_S, at)
    for blink_s, blink_end_s in blinks:
        t_s, here = _wander(rng, events, t_s, blink_s - _SHORTEST_FIXATION_S, here, at)
        events.append(_fixation(t_s, blink_s, here))
        there = _step(rng, here, 0.4)
        events.append(EyeEvent("blink", blink_s, blink_end_s, here, there))
        t_s, here = blink_end_s, there
    t_s, here = _wander(rng, events, t_s, end_s - _ROOM_S, here, at)
    leave = EyeEvent("saccade", t_s, t_s, here, home)
    lasts_s = saccade_duration_s(leave.amplitude_deg)
    leave_s = t_s + 0.5 * (end_s - t_s - lasts_s)
    events.append(_fixation(t_s, leave_s, here))
    events.append(EyeEvent("saccade", leave_s, leave_s + lasts_s, here, home))
    events.append(_fixation(leave_s + lasts_s, end_s, home))
    return events


def _wander(
    rng: np.random.Generator,
    events: list[EyeEvent],
    t_s: float,
    until_s: float,
    here: Point,
    at: TraitsAt,
) -> tuple[float, Point]:
    """Fixate and look elsewhere while both still end by `until_s`; when and where it ended."""
    while True:
        traits = at(t_s)
        fixation_s = max(_SHORTEST_FIXATION_S, traits.fixation_s * rng.lognormal(-0.06, 0.35))
        there = _step(rng, here, traits.saccade_deg)
        saccade = EyeEvent("saccade", t_s + fixation_s, 0.0, here, there)
        end_s = saccade.start_s + saccade_duration_s(saccade.amplitude_deg)
        if end_s > until_s:
            return t_s, here
        events.append(_fixation(t_s, saccade.start_s, here))
        events.append(EyeEvent("saccade", saccade.start_s, end_s, here, there))
        t_s, here = end_s, there


def _blinks(
    rng: np.random.Generator, start_s: float, end_s: float, at: TraitsAt
) -> list[tuple[float, float]]:
    blinks: list[tuple[float, float]] = []
    t_s = start_s
    while True:
        pause_s = max(60.0 / at(t_s).blinks_per_min - 0.7, 0.5)
        t_s += 0.5 + rng.exponential(pause_s)
        lasts_s = float(np.clip(rng.lognormal(np.log(0.16), 0.25), 0.1, 0.3))
        if t_s + lasts_s > end_s:
            return blinks
        blinks.append((t_s, t_s + lasts_s))
        t_s += lasts_s


def _step(rng: np.random.Generator, here: Point, size_deg: float) -> Point:
    """The next point of gaze: mostly sideways, turned back at the edges of the screen."""
    length_deg = max(1.0, rng.gamma(3.0, size_deg / 3.0)) if size_deg >= 1.0 else size_deg
    angle = rng.uniform(0, 2 * np.pi)
    step = length_deg * np.array([np.cos(angle), 0.6 * np.sin(angle)])
    there = np.asarray(here) + step
    turned = np.where(np.abs(there) > _LIMIT_DEG, np.asarray(here) - step, there)
    x, y = np.clip(turned, -_LIMIT_DEG, _LIMIT_DEG)
    return float(x), float(y)


def _fixation(start_s: float, end_s: float, at: Point) -> EyeEvent:
    return EyeEvent("fixation", start_s, end_s, at, at)
