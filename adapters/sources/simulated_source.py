"""One stream of a simulated participant as a `Source`, at the pace of a real device or faster."""

import math
import threading
from collections import deque
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.delivery import not_open
from hadua.adapters.sources.simulated_blocks import BlockSignal
from hadua.adapters.sources.simulated_damage import Damage
from hadua.adapters.sources.simulated_faults import Fault, FaultKind, Faults, check_targets
from hadua.adapters.sources.simulated_gaze import GAZE_RATE_HZ
from hadua.adapters.sources.simulated_markers import StateMarkers
from hadua.adapters.sources.simulated_participant import Simulation, simulated_spec
from hadua.adapters.sources.simulated_states import State
from hadua.adapters.sources.source import (
    EndOfStreamError,
    Marker,
    SampleChunk,
    SourceHealth,
    StreamSpec,
)
from hadua.models.errors import StreamLostError, StreamNotFoundError, UsageError
from hadua.models.features import BoolArray, FloatArray, Modality

Clock = Callable[[], float]

_RESOLUTION_S = 1e-9  # shorter waits are lost in the rounding of a clock
_NOTE = "simulated participant: scores mean nothing"


class SimulatorSource:
    """One stream of a simulated participant; meets `Source` and `MarkedSource`.

    Args:
        simulation: Whose stream.
        modality: EEG (62 channels, 1000 Hz) or eye (gaze, 120 Hz).
        origin_s: LSL time of sample 0.
        speed: Times real time; None is as fast as it is read.
        duration_s: Length from the first sample delivered; None is endless.
        faults: What goes wrong; may be shared with other sources.
        chunk_s: Length of a chunk; by default 20 ms of EEG, one sample of gaze.
        clock: Time now, LSL seconds.
        wait: Sleeps that many seconds, or until closed, for tests with a clock of their own.
        description: The SOURCE text it was made from.
    """

    def __init__(
        self,
        simulation: Simulation,
        *,
        modality: Modality,
        origin_s: float,
        speed: float | None = 1.0,
        duration_s: float | None = None,
        faults: Faults | None = None,
        chunk_s: float | None = None,
        clock: Clock = lsl_now_s,
        wait: Callable[[float], object] | None = None,
        description: str = "sim:",
    ) -> None:
        _require_positive(speed=speed, duration=duration_s, chunk=chunk_s)
        self.simulation, self.modality, self.origin_s = simulation, modality, origin_s
        self.faults = Faults() if faults is None else faults
        self._spec = simulated_spec(simulation, modality)
        self._description = description
        self._speed, self._duration_s, self._clock = speed, duration_s, clock
        self._closed = threading.Event()
        self._wait = self._closed.wait if wait is None else wait
        default_s = 0.02 if modality is Modality.EEG else 1.0 / GAZE_RATE_HZ
        self._chunk_len = max(1, round((chunk_s or default_s) * self._spec.rate_hz))
        self._markers = StateMarkers(simulation.schedule, origin_s=origin_s)
        self._damage = Damage(modality, labels=self._spec.labels, rate_hz=self._spec.rate_hz)
        self._ready: deque[SampleChunk] = deque()
        self._signal: BlockSignal | None = None
        self._next, self._stop = 0, -1
        self._gap = False
        self._samples = self._gaps = self._lost = 0

    @property
    def description(self) -> str:
        """The SOURCE text it was made from."""
        return self._description

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed.is_set()

    def state_at(self, t_s: float) -> State:
        """The true state, `t_s` seconds after `origin_s`."""
        return self.simulation.state_at(t_s)

    def open(self, timeout_s: float) -> StreamSpec:
        """Make the first blocks ready; joins a paced stream where it is now.

        Raises:
            StreamNotFoundError: opened again, during the fault `lost`.
        """
        if self._signal is not None and not self._closed.is_set():
            self._come_back(timeout_s)
        if self._signal is None:
            check_targets(
                self.faults.at(self.modality, now_s=0.0),
                stream=self.modality,
                labels=self._spec.labels,
            )
            self._signal = self.simulation.signal(self.modality)
            elapsed = 0.0 if self._speed is None else self._elapsed_s() * self._spec.rate_hz
            self._next = max(0, math.ceil(elapsed))
            while self._signal.work(self._next):
                pass
            if self._duration_s is not None:
                self._stop = self._next + round(self._duration_s * self._spec.rate_hz)
        return self._spec

    def read(self, timeout_s: float) -> SampleChunk | None:
        """The next chunk, or None if `timeout_s` passes, or `close` is called, before it is due.

        Raises:
            EndOfStreamError: `duration_s` is over.
            StreamLostError: it is not open; the fault `lost`; or `dropout` in a stream that is not
                paced.
        """
        signal = self._signal
        if signal is None or self._closed.is_set():
            raise not_open(self._description)
        until_s = self._clock() + timeout_s
        while not self._ready:
            if self._closed.is_set():
                return None
            self._require_more()
            signal.work(self._next)
            if not self._wait_until_due(until_s):
                return None
            self._produce(signal)
        chunk = self._ready.popleft()
        self._samples += len(chunk)
        return chunk

    def markers(self, until_s: float) -> list[Marker]:
        """Beginnings of the true states up to `until_s`, in LSL seconds; first the current one."""
        return self._markers.until(until_s)

    def health(self) -> SourceHealth:
        """Samples delivered, and what the faults took."""
        return SourceHealth(
            samples=self._samples, gaps=self._gaps, lost_samples=self._lost, notes=(_NOTE,)
        )

    def close(self) -> None:
        """Wake a waiting `read` and let go of the signal."""
        self._closed.set()

    def _elapsed_s(self) -> float:
        return (self._clock() - self.origin_s) * (self._speed or 1.0)

    def _chunk_end(self) -> int:
        """Number of the sample after this chunk; chunks end at multiples of their length."""
        end = (self._next // self._chunk_len + 1) * self._chunk_len
        return end if self._stop < 0 else min(end, self._stop)

    def _require_more(self) -> None:
        now_s = self._next / self._spec.rate_hz
        where = f"simulated stream {self._spec.name!r}"
        if 0 <= self._stop <= self._next:
            raise EndOfStreamError(f"{where}: its {self._duration_s:g} s are over")
        if (fault := self._lost_in(now_s)) is not None:
            raise StreamLostError(f"{where}: is gone", got=f"fault {fault.kind.value!r}")

    def _lost_in(self, now_s: float) -> Fault | None:
        """The fault that takes the stream away at this moment."""
        for fault in self.faults.at(self.modality, now_s=now_s):
            silent = fault.kind is FaultKind.DROPOUT and self._speed is None and self._stop < 0
            if (fault.kind is FaultKind.LOST or silent) and fault.start_s <= now_s < fault.end_s:
                return fault
        return None

    def _come_back(self, timeout_s: float) -> None:
        """Go on behind the fault that took the stream away; one that is not paced does so at once.

        Raises:
            StreamNotFoundError: the fault is not over within the time.
        """
        rate_hz = self._spec.rate_hz
        fault = self._lost_in(self._next / rate_hz)
        if fault is None:
            return
        now_s = fault.end_s
        if self._speed is not None:
            left_s = (fault.end_s - self._elapsed_s()) / self._speed
            self._wait(max(0.0, min(left_s, timeout_s)))
            now_s = self._elapsed_s()
        if now_s + _RESOLUTION_S < fault.end_s or math.isinf(now_s):
            raise StreamNotFoundError(
                f"simulated stream {self._spec.name!r}: is gone", got=f"fault {fault.kind.value!r}"
            )
        self._samples = self._gaps = self._lost = 0
        missed = max(0, math.ceil(now_s * rate_hz - _RESOLUTION_S) - self._next)
        self._next += missed
        self._lost, self._gaps, self._gap = missed, int(missed > 0), missed > 0

    def _wait_until_due(self, until_s: float) -> bool:
        if self._speed is None:
            return True
        last_s = (self._chunk_end() - 1) / self._spec.rate_hz
        while not self._closed.is_set():
            elapsed_s = self._elapsed_s()
            due_s = self._released_s(max(last_s, elapsed_s))
            if due_s <= elapsed_s + _RESOLUTION_S:
                return True
            left_s = until_s - self._clock()
            if left_s <= _RESOLUTION_S:
                return False
            self._wait(min((due_s - elapsed_s) / self._speed, left_s))
        return False

    def _released_s(self, t_s: float) -> float:
        """When what is due at `t_s` arrives: at once, or when a freeze is over."""
        now_s = self._next / self._spec.rate_hz
        for fault in self.faults.at(self.modality, now_s=now_s):
            if fault.kind is FaultKind.FREEZE and fault.start_s <= t_s < fault.end_s:
                t_s = fault.end_s
        return t_s

    def _produce(self, signal: BlockSignal) -> None:
        """Make the next chunk ready, in pieces where samples are missing, twice if duplicated."""
        first, end = self._next, self._chunk_end()
        self._next = end
        x = signal.read(first, end)
        span = first / self._spec.rate_hz, end / self._spec.rate_hz
        faults = [f for f in self.faults.at(self.modality, now_s=span[0]) if f.during(*span)]
        if not faults:
            self._append(np.arange(first, end) / self._spec.rate_hz, x)
            return
        t_s, x, arrives = self._damage.apply(first, x, faults)
        self._append_pieces(t_s, x, arrives)
        if any(f.kind is FaultKind.DUPLICATE for f in faults):
            self._ready.extend([SampleChunk(c.spec, c.t_s, c.x) for c in self._ready])

    def _append_pieces(self, t_s: FloatArray, x: FloatArray, arrives: BoolArray) -> None:
        cuts = [0, *(np.flatnonzero(np.diff(arrives)) + 1).tolist(), arrives.size]
        for a, b in pairwise(cuts):
            if a < b and arrives[a]:
                self._append(t_s[a:b], x[a:b])
            elif a < b:
                self._lost += b - a
                self._gaps += not self._gap
                self._gap = True

    def _append(self, t_s: FloatArray, x: FloatArray) -> None:
        self._ready.append(SampleChunk(self._spec, self.origin_s + t_s, x, self._gap))
        self._gap = False


def _require_positive(**values: float | None) -> None:
    for name, value in values.items():
        if value is not None and not 0.0 < value < math.inf:
            raise UsageError(f"simulator option {name!r}", got=f"{value}", expected="above 0")
