"""A simulated participant as two sources: EEG and gaze of one person, on one clock.

Sample k of a stream is a function of the person, the seed and k; its stamp is `origin + k / rate`.
In a process, simulations with the same person, seed and schedule share one origin, the instant at
which the first of them was made: whoever opens a source later joins a participant who is already
there, as with a real device. A source that is not paced starts at sample 0, whenever it is opened.
"""

import math
import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.simulated_faults import Faults, check_targets, parse_faults
from hadua.adapters.sources.simulated_participant import Simulation, simulated_spec
from hadua.adapters.sources.simulated_source import Clock, SimulatorSource
from hadua.adapters.sources.simulated_states import Schedule, parse_schedule
from hadua.models.errors import UsageError
from hadua.models.features import Modality

__all__ = ["OPTIONS", "Simulation", "SimulatorSource", "make_pair", "make_source", "origin_of"]

OPTIONS: Mapping[str, str] = {
    "person": "number of the person (1)",
    "seed": "number of the session (1)",
    "schedule": "demo, demo*REST_S, or STATE*SECONDS joined by | (demo)",
    "speed": "times real time, or none: as fast as it is read (1)",
    "duration": "seconds from the first sample on (endless)",
    "origin": "LSL time of sample 0 (when it is first made in this process)",
    "mains": "amplitude of mains hum in microvolts (1)",
    "faults": "KIND[:TARGET]@START[+LENGTH][*SIZE] joined by ; (none)",
}

T = TypeVar("T", int, float)
D = TypeVar("D", int, float, None)

_origins: dict[tuple[int, int, Schedule, Clock], float] = {}
_origins_lock = threading.Lock()


def make_source(
    options: Mapping[str, str], *, modality: Modality, clock: Clock = lsl_now_s
) -> SimulatorSource:
    """A source from the options of `sim:person=3,seed=1,...`; see `OPTIONS`.

    Raises:
        UsageError: an option that is not known, or a value that cannot be.
    """
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise UsageError(
            f"simulator option {unknown[0]!r}",
            got="not known",
            expected=f"one of {', '.join(OPTIONS)}",
        )
    seed = _number(options, "seed", int, 1)
    simulation = Simulation(
        person=_number(options, "person", int, 1),
        seed=seed,
        schedule=parse_schedule(options.get("schedule", "demo"), seed=seed),
        mains_uv=_number(options, "mains", float, 1.0),
    )
    faults = parse_faults(options.get("faults", ""))
    check_targets(faults, stream=modality, labels=simulated_spec(simulation, modality).labels)
    given_s = _number(options, "origin", float, None)
    text = ",".join(f"{name}={value}" for name, value in options.items())
    return SimulatorSource(
        simulation,
        modality=modality,
        origin_s=origin_of(simulation, clock=clock) if given_s is None else given_s,
        speed=None if options.get("speed") == "none" else _number(options, "speed", float, 1.0),
        duration_s=_number(options, "duration", float, None),
        faults=Faults(faults),
        clock=clock,
        description=f"sim:{text}",
    )


def make_pair(
    simulation: Simulation,
    *,
    origin_s: float | None = None,
    speed: float | None = 1.0,
    duration_s: float | None = None,
    faults: Faults | None = None,
    clock: Clock = lsl_now_s,
) -> tuple[SimulatorSource, SimulatorSource]:
    """EEG and gaze of one participant, with one origin (by default: now) and one set of faults."""
    origin_s = clock() if origin_s is None else origin_s
    faults = Faults() if faults is None else faults
    eeg, eye = (
        SimulatorSource(
            simulation,
            modality=modality,
            origin_s=origin_s,
            speed=speed,
            duration_s=duration_s,
            faults=faults,
            clock=clock,
            description=f"sim:person={simulation.person},seed={simulation.seed}",
        )
        for modality in (Modality.EEG, Modality.EYE)
    )
    return eeg, eye


def origin_of(simulation: Simulation, *, clock: Clock = lsl_now_s) -> float:
    """The origin that this process has given to this person, seed and schedule."""
    key = (simulation.person, simulation.seed, simulation.schedule, clock)
    with _origins_lock:
        return _origins.setdefault(key, clock())


def _number(
    options: Mapping[str, str], name: str, kind: Callable[[str], T], default: T | D
) -> T | D:
    if name not in options:
        return default
    try:
        value = kind(options[name])
        if math.isfinite(value):
            return value
    except (ValueError, OverflowError):
        pass
    raise UsageError(f"simulator option {name!r}", got=repr(options[name]), expected=OPTIONS[name])
