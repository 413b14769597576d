"""From EEG as a device sends it to windows of features, of whichever definition a spec names."""

import numpy as np

from hadua.adapters.devices.mapping import map_eeg
from hadua.adapters.devices.mapping_report import MappingReport
from hadua.adapters.features.eeg_definitions import eeg_channels, eeg_definition
from hadua.adapters.features.high_pass import HighPass
from hadua.adapters.features.smoothing import CausalKalman
from hadua.adapters.sources.source import SampleChunk, StreamSpec
from hadua.adapters.windows.windower import GapWindow, SignalWindow, Windower
from hadua.models.errors import StreamInvalidError
from hadua.models.features import BoolArray, FeatureSpec, FeatureWindow, FloatArray


class EegExtractor:
    """Maps, windows, measures and smooths; an `Extractor`.

    A value is present in a window if it was measured in that window, or interpolated from what was:
    channels that the stream has not, or that were flat or not finite. Smoothing lives through gaps
    up to `LONG_GAP_S` with growing variance, and starts anew after a longer one. Where a definition
    asks for it, a causal high-pass comes before the windows.

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
        self._bands = definition.bands
        self._mapping = map_eeg(stream, eeg_channels(spec))
        n_found = len(self._mapping.columns)
        self._windower = Windower(
            stream.rate_hz,
            n_found,
            window_s=spec.window_s,
            hop_s=spec.hop_s,
        )
        self._entropy = definition.measure(stream.rate_hz, round(spec.window_s * stream.rate_hz))
        cutoff_hz = definition.high_pass_hz
        self._high_pass = (
            None if cutoff_hz is None else HighPass(stream.rate_hz, n_found, cutoff_hz=cutoff_hz)
        )
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
        """End of the newest sample, LSL seconds; None before the first one."""
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
        if self._high_pass is not None:
            self._high_pass.reset()
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
            end_s = float(chunk.t_s[-1]) + 1.0 / self._stream.rate_hz
            seen_s = self._watermark_s
            self._watermark_s = end_s if seen_s is None else max(end_s, seen_s)
        x_uv = self._mapping.pick(chunk.x)
        if self._high_pass is not None:
            x_uv = self._high_pass.push(chunk.t_s, x_uv)
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
        entropy = self._entropy(window.x)
        measured = np.isfinite(entropy)
        whole = np.asarray(measured.all(axis=1))
        values = np.full((self._n_channels, len(self._bands)), np.nan)
        values[self._mapping.positions] = entropy
        filled_share = self._fill(values, window.x, whole)
        flat = values.reshape(-1)
        present = np.isfinite(flat)
        if self._kalman is not None:
            flat = np.where(present, self._kalman.update(flat, present), np.nan)
        return FeatureWindow(
            spec=self._spec,
            values=flat,
            start_s=window.start_s,
            end_s=window.end_s,
            quality=(float(np.count_nonzero(whole)) + filled_share) / self._n_channels,
            present=present,
            reason=self._missing if whole.all() else self._reason(window.x, measured),
        )

    def _fill(self, values: FloatArray, x_uv: FloatArray, whole: BoolArray) -> float:
        """Interpolate, from the channels that are whole, the others; the sum of their shares."""
        good = np.zeros(self._n_channels, np.bool_)
        good[self._mapping.positions[whole]] = True
        completion = self._mapping.completer.complete(good)
        if not len(completion.filled):
            return 0.0
        x_used = x_uv[:, np.searchsorted(self._mapping.positions, completion.used)]
        values[completion.filled] = self._entropy(x_used @ completion.matrix.T)
        return float(completion.share.sum())

    def _reason(self, x_uv: FloatArray, measured: BoolArray) -> str:
        faults = [
            _fault(self._labels[i], x_uv[:, i], measured[i], self._bands)
            for i in np.flatnonzero(~measured.all(axis=1)).tolist()
        ]
        more = f"; and {len(faults) - 3} more channels" if len(faults) > 3 else ""
        found = "eeg: " + "; ".join(faults[:3]) + more
        return f"{found}; {self._missing.removeprefix('eeg: ')}" if self._missing else found


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


def _describe(stream: StreamSpec) -> str:
    return f"{len(stream.channels)} channels at {stream.rate_hz:g} Hz"
