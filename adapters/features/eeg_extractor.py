"""From EEG as a device sends it to windows of features, of whichever definition a spec names."""

import math
from typing import ClassVar

import numpy as np

from hadua.adapters.devices.mapping import map_eeg
from hadua.adapters.devices.mapping_report import MappingReport
from hadua.adapters.features.eeg_definitions import eeg_channels
from hadua.adapters.features.eeg_window import EegWindowMeasure, MeasuredHead, MeasuredWindow
from hadua.adapters.features.smoothing import CausalKalman
from hadua.adapters.sources.source import SampleChunk, StreamSpec
from hadua.adapters.state import Fields
from hadua.adapters.windows.signal_window import GapWindow, SignalWindow
from hadua.adapters.windows.windower import Windower
from hadua.models.errors import StreamInvalidError
from hadua.models.features import BoolArray, FeatureSpec, FeatureWindow, FloatArray

FORGOTTEN_S = 60.0
"""Smoothing starts anew after a longer gap."""


class EegExtractor:
    """Maps, windows, measures and smooths; an `Extractor`.

    A value is present in a window if it was measured in that window, or interpolated from what was:
    channels that the stream has not, or that were bad. Everything before the smoothing is done with
    the window's own samples alone, and no bad channel ever reaches the smoothing's memory: to that
    it was not measured. Smoothing lives through gaps up to `FORGOTTEN_S` with growing variance, and
    starts anew after a longer one. Where the features' spec asks for another rate, a window comes
    later by the reach of the filter.

    Args:
        stream: The stream as found.
        spec: The features that the model wants; its names say which channels.
        phase_s: Where windows end within a hop.

    Raises:
        StreamInvalidError: a stream of irregular rate.
        FeatureMismatchError, InvalidInputError: features that cannot be had from it.
    """

    STATE: ClassVar[Fields] = {
        "_windower": Windower,
        "_kalman": CausalKalman | None,
        "_watermark_s": float | None,
    }

    def __init__(self, stream: StreamSpec, spec: FeatureSpec, *, phase_s: float = 0.0) -> None:
        _require_regular(stream)
        self._stream, self._spec = stream, spec
        self._mapping = map_eeg(stream, eeg_channels(spec))
        self._measure = EegWindowMeasure(self._mapping, rate_hz=stream.rate_hz, spec=spec)
        self._windower = Windower(
            stream.rate_hz,
            len(self._mapping.columns),
            window_s=spec.window_s,
            hop_s=spec.hop_s,
            phase_s=phase_s,
            margin_s=self._measure.reach_s,
            n_tail=self._measure.n_tail,
        )
        self._begun: tuple[FloatArray, MeasuredHead] | None = None
        self._kalman = CausalKalman(spec.smoothing, len(spec.names)) if spec.smoothing else None
        self._watermark_s: float | None = None

    @property
    def spec(self) -> FeatureSpec:
        """The features of its windows."""
        return self._spec

    @property
    def watermark_s(self) -> float | None:
        """Up to when windows can have been emitted, LSL seconds; None before the first sample.

        That is the end of the newest sample, less what a resampling filter reaches beyond it.
        """
        return self._watermark_s

    @property
    def due_s(self) -> float:
        """No sample stamped earlier completes a window."""
        return self._windower.due_s

    @property
    def sure_s(self) -> float:
        """A sample stamped so, or later, completes the window; infinity where none surely does."""
        return self._windower.sure_s

    @property
    def next_end_s(self) -> float:
        """End of the window that comes next; minus infinity before the first sample."""
        return self._windower.next_end_s

    @property
    def begin_due_s(self) -> float:
        """From about which stamp on a chunk lets it begin with the next window."""
        return self._windower.begin_due_s

    @property
    def last_s(self) -> float:
        """About the stamp of the last sample of the window that was begun; infinity: none is."""
        return self._windower.last_s

    @property
    def report(self) -> MappingReport:
        """Which device channels became which of the model's."""
        return self._mapping.report

    @property
    def samples_stale(self) -> int:
        """Samples left out as too old: none, a step back starts a new stretch."""
        return 0

    def reset(self) -> None:
        """Forget the signal and the smoothing, but not the mapping."""
        self._windower.reset()
        self._watermark_s = self._begun = None
        if self._kalman is not None:
            self._kalman.reset()

    def push(self, chunk: SampleChunk) -> list[FeatureWindow]:
        """Take in the next chunk and return the windows that it completes, in order.

        A chunk that completes none leaves time to begin with the next one.
        """
        if chunk.spec is not self._stream and chunk.spec != self._stream:
            raise StreamInvalidError(
                f"stream {self._stream.name!r}: its description changed",
                got=f"{chunk.spec.name!r}, {_describe(chunk.spec)}",
                expected=_describe(self._stream),
                hint="Start a new session, so that the channels are mapped again.",
            )
        if len(chunk):
            end_s = float(chunk.t_s[-1]) + 1.0 / self._stream.rate_hz - self._measure.reach_s
            seen_s = self._watermark_s
            self._watermark_s = end_s if seen_s is None else max(end_s, seen_s)
        x_uv = self._mapping.pick(chunk.x)
        windows = self._windower.push(chunk.t_s, x_uv, gap_before=chunk.gap_before)
        if not windows and (head := self._windower.begin()) is not None:
            self._begun = head, self._measure.begin(head)
        return [self._gap(w) if isinstance(w, GapWindow) else self._window(w) for w in windows]

    def rehearse(self) -> None:
        """Measure the window that was begun, with other samples in the place of those to come."""
        if self._begun is None:
            return
        first_uv, head = self._begun
        n = len(first_uv) + self._measure.n_tail
        x_uv = np.take(first_uv.T, np.arange(n), axis=1, mode="wrap").T
        t_s = np.arange(len(x_uv)) / self._stream.rate_hz
        self._measure(SignalWindow(0.0, self._spec.window_s, t_s, x_uv), head)

    def settle(self, *, least: int = 1) -> None:
        """Nothing: none is put aside."""

    def _gap(self, gap: GapWindow) -> FeatureWindow:
        if self._kalman is not None:
            self._kalman.skip(gap.count)
            if gap.count * self._spec.hop_s > FORGOTTEN_S:
                self._kalman.reset()
        return FeatureWindow.absent(
            self._spec, start_s=gap.start_s, end_s=gap.end_s, reason=f"eeg: {gap.reason}"
        )

    def _window(self, window: SignalWindow) -> FeatureWindow:
        begun, self._begun = self._begun, None
        same = begun is not None and begun[0] is window.begun
        found = self._measure(window, begun[1] if begun is not None and same else None)
        present = np.isfinite(found.values)
        return FeatureWindow(
            spec=self._spec,
            values=self._smoothed(found, present),
            start_s=window.start_s,
            end_s=window.end_s,
            quality=found.coverage,
            present=present,
            reason=found.reason,
            stands_in=found.stands_in,
            signal=found.signal,
            alone=found.values if self._kalman is not None else None,
        )

    def _smoothed(self, found: MeasuredWindow, present: BoolArray) -> FloatArray:
        """Smoothed values. What stands in for a bad channel is smoothed, but not remembered."""
        if self._kalman is None:
            return found.values
        levels = self._kalman.update(found.values, present & ~found.stands_in)
        if found.stands_in.any():
            levels = self._kalman.with_stand_ins(levels, found.values, found.stands_in)
        return np.where(present, levels, np.nan)


def _require_regular(stream: StreamSpec) -> None:
    if not (math.isfinite(stream.rate_hz) and stream.rate_hz > 0.0):
        raise StreamInvalidError(
            f"stream {stream.name!r}: windows by time need a sampling rate",
            got=f"{stream.rate_hz} Hz",
            expected="the nominal rate of a regular stream",
            hint="Set the rate in the outlet: 0 means irregular.",
        )


def _describe(stream: StreamSpec) -> str:
    return f"{len(stream.channels)} channels at {stream.rate_hz:g} Hz"
