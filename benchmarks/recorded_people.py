"""Sources that play signals made beforehand, in real time: making them costs what is measured.

Four simulated people stand for any number: their samples are shared, and each person's stream
begins at another moment within a chunk, as devices that nobody synchronises do.
"""

import threading
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.simulator import Simulation, SimulatorSource
from hadua.adapters.sources.source import SampleChunk, SourceHealth, StreamSpec
from hadua.models.features import Modality

SIGNAL_S = 20.0
MODELS = 4
EEG_CHUNK = 20  # samples: 20 ms
GAZE_CHUNK = 1


@dataclass(frozen=True, slots=True)
class Signal:
    """A stretch of one stream that is played again and again."""

    spec: StreamSpec
    x: npt.NDArray[np.float32]


@cache
def signal(model: int, modality: Modality) -> Signal:
    """`SIGNAL_S` of one of the people, as an amplifier or a tracker would send them."""
    source = SimulatorSource(
        Simulation(person=model + 1, seed=1),
        modality=modality,
        origin_s=0.0,
        speed=None,
        duration_s=SIGNAL_S,
    )
    spec = source.open(1.0)
    n = round(SIGNAL_S * spec.rate_hz)
    blocks: list[npt.NDArray[np.float64]] = []
    while sum(map(len, blocks)) < n:
        chunk = source.read(1.0)
        if chunk is not None:
            blocks.append(chunk.x)
    source.close()
    return Signal(spec, np.concatenate(blocks).astype(np.float32))


class Recorded:
    """A `Source` that gives a signal as liblsl does: what was sent, chunk by chunk, waits for it.

    Args:
        played: What to play.
        chunk: Samples in a chunk.
        origin_s: LSL time of its first sample.
    """

    def __init__(self, played: Signal, *, chunk: int, origin_s: float) -> None:
        self._played, self._chunk, self._origin_s = played, chunk, origin_s
        self._next = 0
        self._stop = threading.Event()

    @property
    def description(self) -> str:
        return f"recorded:{self._played.spec.name}"

    def open(self, timeout_s: float) -> StreamSpec:
        rate_hz = self._played.spec.rate_hz
        elapsed = max(0.0, lsl_now_s() - self._origin_s) * rate_hz
        self._next = (int(elapsed) // self._chunk + 1) * self._chunk
        return self._played.spec

    @property
    def rests(self) -> bool:
        return True

    def read(self, timeout_s: float) -> SampleChunk | None:
        """All that has been sent by now, at least one chunk, as liblsl gives it."""
        spec, first = self._played.spec, self._next
        wait_s = self._origin_s + (first + self._chunk - 1) / spec.rate_hz - lsl_now_s()
        if wait_s > 0.0 and (self._stop.wait(min(wait_s, timeout_s)) or wait_s > timeout_s):
            return None
        sent = int((lsl_now_s() - self._origin_s) * spec.rate_hz) + 1 - first
        self._next = first + max(1, sent // self._chunk) * self._chunk
        k = np.arange(first, self._next)
        x = self._played.x[k % len(self._played.x)].astype(np.float64)
        return SampleChunk(spec, self._origin_s + k / spec.rate_hz, x)

    def health(self) -> SourceHealth:
        return SourceHealth(samples=self._next)

    def close(self) -> None:
        self._stop.set()


def person(k: int, *, origin_s: float, spread_s: float = 0.0) -> dict[Modality, Recorded]:
    """Both streams of the k-th person, which begin somewhere within `spread_s` after the origin."""
    rng = np.random.default_rng(k)
    sizes = {Modality.EEG: EEG_CHUNK, Modality.EYE: GAZE_CHUNK}
    return {
        m: Recorded(
            signal(k % MODELS, m), chunk=n, origin_s=origin_s + float(rng.uniform(0.0, spread_s))
        )
        for m, n in sizes.items()
    }
