"""From EEG as a device sends it to windows of features, of whichever definition a spec names."""

import math

import numpy as np

from hadua.adapters.devices.mapping import map_eeg
from hadua.adapters.devices.mapping_report import MappingReport
from hadua.adapters.features.cleaning import WindowCleaner
from hadua.adapters.features.eeg_definitions import eeg_channels, eeg_definition
from hadua.adapters.features.eeg_filling import FilledWindow, fill
from hadua.adapters.features.smoothing import CausalKalman
from hadua.adapters.sources.source import SampleChunk, StreamSpec
from hadua.adapters.windows.windower import GapWindow, SignalWindow, Windower
from hadua.models.errors import StreamInvalidError
from hadua.models.features import BoolArray, FeatureSpec, FeatureWindow, FloatArray


class EegExtractor:
    """Maps, windows, cleans, measures and smooths; an `Extractor`.

    A value is present in a window if it was measured in that window, or interpolated from what was:
    channels that the stream has not, or that were flat or not finite. Everything before the
    smoothing is done with the window's own samples alone. Smoothing lives through gaps up to
    `LONG_GAP_S` with growing variance, and starts anew after a longer one. Where the features' spec
    asks for another rate, a window comes later by the reach of the filter.

    Args:
        stream: The stream as found.
        spec: The features that the model wants; its names say which channels.

    Raises:
        StreamInvalidError: a stream of irregular rate.
        FeatureMismatchError, InvalidInputError: features that cannot be had from it.
    """

    def __init__(self, stream: StreamSpec, spec: FeatureSpec) -> None:
        self._stream, self._spec = stream, spec
        definition = eeg_definition(spec)
        self._bands, self._centred = definition.bands, definition.centred
        self._mapping = map_eeg(stream, eeg_channels(spec))
        _require_regular(stream)
        self._cleaner = WindowCleaner(
            spec.cleaning,
            rate_hz=stream.rate_hz,
            window_s=spec.window_s,
            highest_hz=definition.highest_hz,
        )
        self._windower = Windower(
            stream.rate_hz,
            len(self._mapping.columns),
            window_s=spec.window_s,
            hop_s=spec.hop_s,
            margin_s=self._cleaner.reach_s,
        )
        self._entropy = definition.measure(self._cleaner.rate_hz, self._cleaner.n_samples)
        self._kalman = CausalKalman(spec.smoothing, len(spec.names)) if spec.smoothing else None
        self._n_channels = len(self._mapping.report.needed)
        self._labels = tuple(c.label for c in self._mapping.report.found)
        self._missing = _missing(self._mapping.report)
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
        self._watermark_s = None
        if self._kalman is not None:
            self._kalman.reset()

    def push(self, chunk: SampleChunk) -> list[FeatureWindow]:
        """Take in the next chunk and return the windows that it completes, in order."""
        if chunk.spec is not self._stream and chunk.spec != self._stream:
            raise StreamInvalidError(
                f"stream {self._stream.name!r}: its description changed",
                got=f"{chunk.spec.name!r}, {_describe(chunk.spec)}",
                expected=_describe(self._stream),
                hint="Start a new session, so that the channels are mapped again.",
            )
        if len(chunk):
            end_s = float(chunk.t_s[-1]) + 1.0 / self._stream.rate_hz - self._cleaner.reach_s
            seen_s = self._watermark_s
            self._watermark_s = end_s if seen_s is None else max(end_s, seen_s)
        x_uv = self._mapping.pick(chunk.x)
        windows = self._windower.push(chunk.t_s, x_uv, gap_before=chunk.gap_before)
        return [self._gap(w) if isinstance(w, GapWindow) else self._measure(w) for w in windows]

    def _gap(self, gap: GapWindow) -> FeatureWindow:
        if self._kalman is not None:
            if gap.count > 1:
                self._kalman.reset()
            else:
                nothing = np.zeros(len(self._spec.names), np.bool_)
                self._kalman.update(np.full(len(nothing), np.nan), nothing)
        return FeatureWindow.absent(
            self._spec, start_s=gap.start_s, end_s=gap.end_s, reason=f"eeg: {gap.reason}"
        )

    def _measure(self, window: SignalWindow) -> FeatureWindow:
        good = _good(window.x)
        filled = fill(self._mapping, window.x, good)
        entropy = np.where(filled.good[:, None], self._entropy(self._clean(window, filled)), np.nan)
        n_found = len(self._labels)
        measured = np.isfinite(entropy[:n_found])
        values = np.full((self._n_channels, len(self._bands)), np.nan)
        values[filled.positions] = entropy
        flat = values.reshape(-1)
        present = np.isfinite(flat)
        if self._kalman is not None:
            flat = np.where(present, self._kalman.update(flat, present), np.nan)
        whole = measured.all(axis=1)
        return FeatureWindow(
            spec=self._spec,
            values=flat,
            start_s=window.start_s,
            end_s=window.end_s,
            quality=(float(np.count_nonzero(whole)) + filled.share) / self._n_channels,
            present=present,
            reason=self._missing if whole.all() else self._reason(window.x, measured),
        )

    def _clean(self, window: SignalWindow, filled: FilledWindow) -> FloatArray:
        with np.errstate(invalid="ignore"):  # what is not finite stays so, in its own channel
            x_uv = self._cleaner(window.t_s, filled.x_uv, filled.good)
            return (x_uv.T - x_uv.T.mean(axis=1, keepdims=True)).T if self._centred else x_uv

    def _reason(self, x_uv: FloatArray, measured: BoolArray) -> str:
        faults = [
            _fault(self._labels[i], x_uv[:, i], measured[i], self._bands)
            for i in np.flatnonzero(~measured.all(axis=1)).tolist()
        ]
        more = f"; and {len(faults) - 3} more channels" if len(faults) > 3 else ""
        found = "eeg: " + "; ".join(faults[:3]) + more
        return f"{found}; {self._missing.removeprefix('eeg: ')}" if self._missing else found


def _good(x_uv: FloatArray) -> BoolArray:
    """Which channels `(n_channels,)` are finite throughout, and not flat."""
    with np.errstate(invalid="ignore"):
        spread = x_uv.T.max(axis=1) - x_uv.T.min(axis=1)
    return np.asarray(np.isfinite(spread) & (spread > 0.0))


def _fault(label: str, x_uv: FloatArray, measured: BoolArray, bands: tuple[str, ...]) -> str:
    bad = int(np.count_nonzero(~np.isfinite(x_uv)))
    if bad:
        return f"channel {label!r} had {bad} of {len(x_uv)} samples that are not finite"
    if not measured.any():
        return f"channel {label!r} is flat"
    empty = ", ".join(band for band, ok in zip(bands, measured, strict=True) if not ok)
    return f"channel {label!r} has no power in {empty}"


def _missing(report: MappingReport) -> str:
    if report.problem:
        return f"eeg: {report.summary()}"
    facts = (
        (len(report.interpolated), "are interpolated"),
        (len(report.missing), "are not in the stream"),
    )
    parts = [f"{n} of {len(report.needed)} channels {what}" for n, what in facts if n]
    return f"eeg: {', '.join(parts)}" if parts else ""


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
