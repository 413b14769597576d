"""Streams of a made-up person, by the chunk, with every fault that a stream can have.

An `InjectedSource` meets the Source protocol and gives what it is told to, in no time; a `Wire`
makes its signal and knows what of it was invalid.
"""

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from support.bundles import CHANNELS

from hadua.adapters.sources.simulated_gaze import GAZE_CHANNELS, GAZE_RATE_HZ
from hadua.adapters.sources.source import Channel, SampleChunk, SourceHealth, StreamSpec
from hadua.models.errors import StreamNotFoundError
from hadua.models.features import FloatArray, Modality

CHUNK_S = 0.1
EEG_HZ = 128.0
RAILED_UV = 187_500.0
SURELY_A_GAP_S = 0.03
FIXATION_S = 0.4
Script = SampleChunk | Exception | StreamSpec
"""What a source is told: samples to give, an error to raise, or what it is found as next."""

EEG = StreamSpec(
    "injected EEG",
    tuple(Channel(label, "EEG", "microvolts") for label in CHANNELS[:4]),
    EEG_HZ,
    type="EEG",
)
GAZE = StreamSpec("injected gaze", GAZE_CHANNELS, GAZE_RATE_HZ, type="Gaze")
SPECS = {Modality.EEG: EEG, Modality.EYE: GAZE}


class InjectedSource:
    """Gives what it is offered, in that order, as fast as it is read."""

    def __init__(self, description: str, spec: StreamSpec) -> None:
        self.description = description
        self._spec = spec
        self._script: deque[Script] = deque()
        self._lock = threading.Condition()
        self._away = False
        self._idle = True
        self.closed = False

    def offer(self, items: Sequence[Script]) -> None:
        """Give these next."""
        with self._lock:
            self._script.extend(items)
            self._idle = False
            self._lock.notify_all()

    def go_away(self) -> None:
        """Not be found until `come_back`."""
        with self._lock:
            self._away = True

    def come_back(self) -> None:
        """Be found again."""
        with self._lock:
            self._away = False
            self._lock.notify_all()

    @property
    def idle(self) -> bool:
        """Whether all that was offered was taken, and delivered."""
        with self._lock:
            return self._idle or self.closed

    def open(self, timeout_s: float) -> StreamSpec:
        """Found, unless it is away."""
        with self._lock:
            if not self._lock.wait_for(lambda: not self._away, min(timeout_s, 0.05)):
                self._idle = True  # nobody reads what waits
                raise StreamNotFoundError(f"no stream for {self.description!r}", got="none")
            while self._script and isinstance(self._script[0], StreamSpec):
                found = self._script.popleft()
                assert isinstance(found, StreamSpec)
                self._spec = found
            return self._spec

    def read(self, timeout_s: float) -> SampleChunk | None:
        """The next chunk, or error."""
        with self._lock:
            self._idle = not self._script
            if not self._lock.wait_for(lambda: bool(self._script), min(timeout_s, 0.05)):
                return None
            item = self._script.popleft()
        if isinstance(item, Exception):
            raise item
        return item if isinstance(item, SampleChunk) else None

    def health(self) -> SourceHealth:
        """Nothing but the clock."""
        return SourceHealth(clock_uncertainty_s=0.001)

    def close(self) -> None:
        """It is read no more."""
        with self._lock:
            self.closed = True


@dataclass
class Wire:
    """Makes the signal of one stream, on a time line of its own.

    Args:
        spec: As it was found last.
        modality: Which of a person's streams.
        t_s: The stamp of its next sample.
        invalid: Stretches `(from_s, until_s)` in which no channel had anything valid.
        breaks: `(last_s, next_s)` around every stretch of which there are no samples.
    """

    spec: StreamSpec
    modality: Modality
    t_s: float
    seed: int = 1
    invalid: list[tuple[float, float]] = field(default_factory=list)
    breaks: list[tuple[float, float]] = field(default_factory=list)
    newest_s: float | None = None

    def signal(self, seconds: float, fault: str = "", size: float = 1.0) -> list[SampleChunk]:
        """Chunks of so many seconds, with a fault all the time."""
        rng = np.random.default_rng((self.seed, round(self.t_s * 1000.0)))
        n = max(round(seconds * self.spec.rate_hz), 1)
        k = np.arange(n) / self.spec.rate_hz
        start_s = self.t_s
        t_s = start_s + (k * (0.5 + size) if fault == "drift" else k)
        if fault == "jitter":
            t_s = np.maximum.accumulate(t_s + rng.uniform(0.0, 0.02 * size, n))
        x = self._eeg(k, rng) if self.modality is Modality.EEG else self._gaze(k, rng)
        if fault in _INVALID and n > 1:
            x[:] = _INVALID[fault]
            self.invalid.append((start_s, float(t_s[-1])))
        elif fault == "one-bad":
            x[:, 0] = np.nan
        if fault == "slow":  # of four samples only one comes
            t_s, x = t_s[::4], x[::4]
        self.t_s = max(float(t_s[-1]) + 1.0 / self.spec.rate_hz, start_s)
        chunks = _disordered(list(self._chunks(t_s, x)), fault, rng)
        for chunk in sorted(chunks, key=lambda each: float(each.t_s[0])):  # as the service may
            self._note_breaks(chunk.t_s)
        return chunks

    def step(self, by_s: float) -> None:
        """The clock of the sender is set, or so much of its signal never comes."""
        self.t_s += by_s

    def _note_breaks(self, t_s: FloatArray) -> None:
        """Remember where the time line of what is sent has a hole that is one for sure."""
        newer = t_s if self.newest_s is None else t_s[t_s > self.newest_s]
        if not len(newer):
            return
        line = newer if self.newest_s is None else np.concatenate(([self.newest_s], newer))
        for at in np.flatnonzero(np.diff(line) > SURELY_A_GAP_S):
            self.breaks.append((float(line[at]), float(line[at + 1])))
        self.newest_s = float(newer[-1])

    def _chunks(self, t_s: FloatArray, x: FloatArray) -> Iterator[SampleChunk]:
        n = max(round(CHUNK_S * self.spec.rate_hz), 1)
        for at in range(0, len(t_s), n):
            yield SampleChunk(self.spec, t_s[at : at + n].copy(), x[at : at + n].copy())

    def _eeg(self, k: FloatArray, rng: np.random.Generator) -> FloatArray:
        t_s = self.t_s + k
        rhythms = 20.0 * np.sin(2 * np.pi * 10.0 * t_s) + 15.0 * np.sin(2 * np.pi * 5.0 * t_s)
        noise: FloatArray = rng.normal(0.0, 2.0, (len(k), len(self.spec.channels)))
        return noise + rhythms[:, None]

    def _gaze(self, k: FloatArray, rng: np.random.Generator) -> FloatArray:
        where = 0.5 + 0.3 * np.sin(np.floor((self.t_s + k) / FIXATION_S) * 2.4)
        x = rng.normal(0.0, 0.0003, (len(k), len(self.spec.channels))) + where[:, None]
        for i, channel in enumerate(self.spec.channels):
            if channel.unit == "mm":
                x[:, i] = 3.0 + 0.1 * x[:, i]
            elif channel.kind == "Validity":
                x[:, i] = 1.0
        return x


_INVALID = {"nan": np.nan, "inf": np.inf, "flat": 0.0, "railed": RAILED_UV}


def _disordered(
    chunks: list[SampleChunk], fault: str, rng: np.random.Generator
) -> list[SampleChunk]:
    if fault == "doubled":
        return [chunk for each in chunks for chunk in (each, replace(each))]
    if fault == "reordered":
        return [chunks[i] for i in rng.permutation(len(chunks))]
    if fault == "holes":
        return [chunk for chunk in chunks if rng.random() < 0.7]
    return chunks
