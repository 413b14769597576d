"""Judges, completes, cleans and measures one EEG window. Nothing of it outlives the window."""

from dataclasses import dataclass

import numpy as np

from hadua.adapters.devices.mapping import EegMapping
from hadua.adapters.features.cleaning import WindowCleaner
from hadua.adapters.features.eeg_definitions import SpectrumMeasure, eeg_definition
from hadua.adapters.features.eeg_faults import FaultWords
from hadua.adapters.features.eeg_filling import FilledWindow, fill
from hadua.adapters.quality.eeg_judge import EegJudge, Verdict
from hadua.adapters.quality.spectral import MAINS_HZ
from hadua.adapters.windows.hann import ComplexArray
from hadua.adapters.windows.windower import SignalWindow
from hadua.models.features import BoolArray, FeatureSpec, FloatArray
from hadua.models.quality import EegQuality

# A Hann window of a second spreads hum over two bins to either side.
_LEAKS_WITHIN_HZ = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredWindow:
    """What one window gives, before any smoothing.

    Args:
        values: `(n_features,)`, NaN where there is none.
        stands_in: `(n_features,)` where a value stands in for that of a bad channel.
        coverage: Share of the model's channels that is good or can be expected back.
        signal: How good each channel is.
        reason: What is wrong, in words.
    """

    values: FloatArray
    stands_in: BoolArray
    coverage: float
    signal: EegQuality
    reason: str


class EegWindowMeasure:
    """Measures windows of one stream for one spec.

    Args:
        mapping: Of the stream.
        rate_hz: Nominal rate of the stream.
        spec: The features wanted.
    """

    def __init__(self, mapping: EegMapping, *, rate_hz: float, spec: FeatureSpec) -> None:
        definition = eeg_definition(spec)
        self._mapping = mapping
        self._names = mapping.report.needed
        self._centred = definition.centred
        self._n_bands = len(definition.bands)
        self._cleaner = WindowCleaner(
            spec.cleaning,
            rate_hz=rate_hz,
            window_s=spec.window_s,
            highest_hz=definition.highest_hz,
        )
        self.reach_s = self._cleaner.reach_s
        self._entropy = definition.measure(self._cleaner.rate_hz, self._cleaner.n_samples)
        self._as_it_is = spec.cleaning is None and not definition.centred
        notch_hz = None if spec.cleaning is None else spec.cleaning.notch_hz
        near = (f for f in MAINS_HZ if abs(f - definition.highest_hz) < _LEAKS_WITHIN_HZ)
        self._judge = EegJudge(
            tuple(c.name for c in mapping.report.found),
            rate_hz=rate_hz,
            n_samples=round((spec.window_s + 2.0 * self.reach_s) * rate_hz),
            leaking_hz=next((f for f in near if f != notch_hz), None),
        )
        self._words = FaultWords(mapping.report, definition.bands)

    def __call__(self, window: SignalWindow) -> MeasuredWindow:
        """Measure one window."""
        with np.errstate(all="ignore"):  # what is not finite stays so, in its own channel
            spectrum = np.fft.rfft(window.x.T, axis=1)
            verdict = self._judge(window.x, spectrum)
            filled = fill(self._mapping, window.x, ~verdict.bad)
            entropy = self._measure(window, filled, spectrum)
        entropy[~filled.good] = np.nan
        values = np.full((len(self._names), self._n_bands), np.nan)
        values[filled.positions] = entropy
        n_found = window.x.shape[1]
        measured = np.isfinite(entropy[:n_found])
        whole = np.count_nonzero(measured.all(axis=1))
        signal = self._signal(verdict, filled)
        return MeasuredWindow(
            values.reshape(-1),
            np.repeat(signal.stands_in, self._n_bands),
            (float(whole) + filled.share) / len(self._names),
            signal,
            self._words(window.x, verdict, measured | verdict.bad[:, None]),
        )

    def _measure(
        self, window: SignalWindow, filled: FilledWindow, spectrum: ComplexArray
    ) -> FloatArray:
        """`(k, n_bands)` of all channels of the filled window."""
        n_found = window.x.shape[1]
        if self._as_it_is and isinstance(self._entropy, SpectrumMeasure):
            entropy = self._entropy.of_spectrum(spectrum)
            more = filled.x_uv[:, n_found:]
            return np.concatenate((entropy, self._entropy(more))) if more.shape[1] else entropy
        x_uv = self._cleaner(window.t_s, filled.x_uv, filled.good)
        if self._centred:
            x_uv = (x_uv.T - x_uv.T.mean(axis=1, keepdims=True)).T
        return self._entropy(x_uv)

    def _signal(self, verdict: Verdict, filled: FilledWindow) -> EegQuality:
        interpolated = np.zeros(len(self._names), np.bool_)
        interpolated[filled.interpolated] = True
        return EegQuality(
            self._names,
            self._mapping.positions,
            verdict.flags,
            verdict.noisy,
            verdict.bad,
            interpolated,
            verdict.numbers,
        )
