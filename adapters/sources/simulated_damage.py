"""What faults do to samples. Pure: a sample's fate depends on its number and the faults alone."""

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from hadua.adapters.sources.simulated_eeg import lid_movement
from hadua.adapters.sources.simulated_faults import Fault, FaultKind
from hadua.adapters.sources.simulated_scalp import SCALP_MAPS
from hadua.models.features import BoolArray, FloatArray, Modality

Indices = npt.NDArray[np.int64]

_MAINS_HZ = 50.0
_BLINK_UV = 110.0
_BLINK_S = 0.15


class Damage:
    """Applies the faults of one stream to its samples.

    Args:
        stream: Which stream.
        labels: Its channels.
        rate_hz: Its nominal rate.
    """

    def __init__(self, stream: Modality, *, labels: tuple[str, ...], rate_hz: float) -> None:
        self._stream, self._labels, self._rate_hz = stream, labels, rate_hz

    def apply(
        self, first: int, x: FloatArray, faults: Iterable[Fault]
    ) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Damage the samples numbered from `first`.

        Args:
            first: Number of the first sample.
            x: `(n, n_channels)` clean samples; may be written to.
            faults: Faults that act somewhere in this range.

        Returns:
            `(m,)` stamps in seconds from the stream's start, `(m, n_channels)` samples, and `(m,)`
            which of them arrive; m is n unless the rate is wrong.
        """
        k = np.arange(first, first + x.shape[0])
        s = k / self._rate_hz
        for fault in faults:
            if fault.kind is FaultKind.RATE:
                k, s = self._at_other_rate(k, s, fault)
        x, true_s = x[k - first], s
        arrives = np.ones(s.shape[0], np.bool_)
        for fault in faults:
            active = (true_s >= fault.start_s) & (true_s < fault.end_s)
            if fault.kind in (FaultKind.GAP, FaultKind.DROPOUT):
                arrives &= ~active
            elif fault.kind is FaultKind.JITTER:
                s = np.where(active, self._late(true_s, fault), s)
            elif active.any():
                self._damage(x, k, true_s, active, fault)
        return s, x, arrives

    def _damage(
        self, x: FloatArray, k: Indices, s: FloatArray, active: BoolArray, fault: Fault
    ) -> None:
        rows = np.flatnonzero(active)
        cells = np.ix_(rows, self._columns(fault))
        match fault.kind:
            case FaultKind.NAN:
                x[cells] = np.nan
            case FaultKind.INF:
                x[cells] = np.inf
            case FaultKind.FLAT:
                x[cells] = 0.0
            case FaultKind.RAILED:
                x[cells] = fault.size
            case FaultKind.LINE:
                x[cells] += fault.size * np.sin(2 * np.pi * _MAINS_HZ * s[rows])[:, None]
            case FaultKind.NOISY:
                for column in self._columns(fault):
                    x[rows, column] += fault.size * normal_of(k[rows], key=int(column))
            case FaultKind.EYE_LOST:
                self._lose_eyes(x, rows, fault.target)
            case FaultKind.OFF_SCREEN:
                x[rows[:, None], self._named("x")] += fault.size
            case FaultKind.BLINKS:
                self._storm(x, s, rows, fault)

    def _columns(self, fault: Fault) -> Indices:
        wanted = self._labels if fault.target == "all" else (fault.target,)
        return np.array([i for i, label in enumerate(self._labels) if label in wanted], np.int64)

    def _named(self, what: str, *, eye: str = "all") -> Indices:
        """Columns of the gaze channels `left_WHAT` and `right_WHAT`."""
        wanted = [f"{e}_{what}" for e in ("left", "right") if eye in (e, "all")]
        return np.array([self._labels.index(label) for label in wanted], np.int64)

    def _lose_eyes(self, x: FloatArray, rows: Indices, eye: str) -> None:
        for what in ("x", "y", "pupil"):
            x[rows[:, None], self._named(what, eye=eye)] = np.nan
        x[rows[:, None], self._named("valid", eye=eye)] = 0.0

    def _storm(self, x: FloatArray, s: FloatArray, rows: Indices, fault: Fault) -> None:
        """Blinks in the middle of each period that ends before the fault does."""
        period_s = 1.0 / fault.size
        since_s = s[rows] - fault.start_s
        turn = np.floor(since_s / period_s)
        whole = (turn + 1) * period_s <= fault.end_s - fault.start_s
        phase_s = since_s - turn * period_s - 0.5 * (period_s - _BLINK_S)
        if self._stream is Modality.EYE:
            closed = whole & (phase_s >= 0) & (phase_s < _BLINK_S)
            self._lose_eyes(x, rows[closed], "all")
        else:
            lid = np.where(whole, lid_movement(phase_s, 0.0, _BLINK_S), 0.0)
            x[rows] += _BLINK_UV * lid[:, None] * SCALP_MAPS["blink"]

    def _late(self, s: FloatArray, fault: Fault) -> FloatArray:
        """Stamps on arrival: late by up to `size`, in order, never beyond the fault's end.

        A stamp is the latest of all arrivals so far; none earlier than `size` before matters.
        """
        back = math.ceil(fault.size * self._rate_hz) + 1
        k = np.rint(s * self._rate_hz).astype(np.int64)
        window = k[:, None] - np.arange(back + 1)
        arrival = window / self._rate_hz + fault.size * uniform_of(window, key=-1)
        arrival[window / self._rate_hz < fault.start_s] = -np.inf
        return np.asarray(np.minimum(np.maximum(arrival.max(axis=1), s), fault.end_s))

    def _at_other_rate(self, k: Indices, s: FloatArray, fault: Fault) -> tuple[Indices, FloatArray]:
        """Take samples at the fault's rate, each with the value of its instant."""
        active = (s >= fault.start_s) & (s < fault.end_s)
        if not active.any():
            return k, s
        rate_hz = self._rate_hz * fault.size
        first, last = k[active][0], k[active][-1]
        edges = np.array([first, last + 1]) / self._rate_hz - fault.start_s
        m = np.arange(math.floor(edges[0] * rate_hz) - 1, math.ceil(edges[1] * rate_hz) + 2)
        at_s = fault.start_s + m[m >= 0] / rate_hz
        of = np.floor(at_s * self._rate_hz + 1e-6).astype(np.int64)
        own = (of >= first) & (of <= last) & (at_s < fault.end_s)
        before, after = s < fault.start_s, s >= fault.end_s
        return (
            np.concatenate((k[before], of[own], k[after])),
            np.concatenate((s[before], at_s[own], s[after])),
        )


def uniform_of(k: Indices, *, key: int) -> FloatArray:
    """Numbers in (0, 1) that depend on `k` and `key` alone (SplitMix64, Steele et al. 2014)."""
    z = k.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = z + np.uint64((key * 0xD1B54A32D192ED03) % 2**64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.asarray(((z >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53)


def normal_of(k: Indices, *, key: int) -> FloatArray:
    """Standard normal numbers that depend on `k` and `key` alone (Box and Muller)."""
    u, v = uniform_of(k, key=2 * key + 1), uniform_of(k, key=2 * key + 2)
    return np.asarray(np.sqrt(-2.0 * np.log(u)) * np.cos(2 * np.pi * v))
