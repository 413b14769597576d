"""Simulated streams for tests: read to the end, or at the pace of a clock that a test moves."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from hadua.adapters.sources.simulated_faults import Faults, parse_faults
from hadua.adapters.sources.simulator import Simulation, SimulatorSource
from hadua.adapters.sources.source import EndOfStreamError, SampleChunk
from hadua.models.features import FloatArray, Modality

ORIGIN_S = 1000.0


@dataclass(eq=False)
class StepClock:
    """A clock that only moves when someone waits for it."""

    now_s: float = ORIGIN_S
    waits: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now_s += seconds


def unpaced(
    modality: Modality,
    *,
    duration_s: float,
    faults: str = "",
    simulation: Simulation | None = None,
    chunk_s: float | None = None,
) -> SimulatorSource:
    return SimulatorSource(
        Simulation() if simulation is None else simulation,
        modality=modality,
        origin_s=ORIGIN_S,
        speed=None,
        duration_s=duration_s,
        faults=Faults(parse_faults(faults)),
        chunk_s=chunk_s,
    )


def paced(modality: Modality, clock: StepClock, *, faults: Faults | None = None) -> SimulatorSource:
    return SimulatorSource(
        Simulation(),
        modality=modality,
        origin_s=ORIGIN_S,
        faults=faults,
        clock=clock,
        wait=clock.wait,
    )


def drain(source: SimulatorSource) -> list[SampleChunk]:
    """Every chunk up to the end of the stream."""
    chunks: list[SampleChunk] = []
    source.open(1.0)
    try:
        while True:
            chunk = source.read(1.0)
            if chunk is not None:
                chunks.append(chunk)
    except EndOfStreamError:
        return chunks
    finally:
        source.close()


def joined(chunks: list[SampleChunk]) -> tuple[FloatArray, FloatArray]:
    """Stamps from the origin on, and samples."""
    t_s = np.concatenate([c.t_s for c in chunks]) - ORIGIN_S
    return t_s, np.concatenate([c.x for c in chunks])


def gap_stamps(chunks: list[SampleChunk]) -> list[tuple[float, float]]:
    """Last stamp before and first after each marked gap, from the origin on."""
    return [
        (float(a.t_s[-1]) - ORIGIN_S, float(b.t_s[0]) - ORIGIN_S)
        for a, b in pairwise(chunks)
        if b.gap_before
    ]
