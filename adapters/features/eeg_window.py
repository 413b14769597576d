"""Judges, completes, cleans and measures one EEG window. Nothing of it outlives the window.

It does so in two parts: what the window's first samples tell, all but those of its last 0.06 s, can
be worked out before it is over. Where it is split depends on its length and rate alone.
"""

from dataclasses import dataclass

import numpy as np

from hadua.adapters.devices.mapping import EegMapping
from hadua.adapters.features.cleaning import WindowCleaner
from hadua.adapters.features.eeg_definitions import SpectrumMeasure, eeg_definition
from hadua.adapters.features.eeg_faults import FaultWords
from hadua.adapters.features.eeg_filling import Filling, filling
from hadua.adapters.quality.eeg_judge import EegJudge, JudgedHead, Verdict
from hadua.adapters.quality.spectral import MAINS_HZ
from hadua.adapters.windows.hann import ComplexArray
from hadua.adapters.windows.signal_window import SignalWindow
from hadua.adapters.windows.split_spectrum import SplitSpectrum
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


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredHead:
    """What the head of a window gives to the whole.

    Args:
        spectrum: To the bins of its spectrum, as `SplitSpectrum`.
        judged: To the judgement.
    """

    spectrum: FloatArray
    judged: JudgedHead


class EegWindowMeasure:
    """Measures windows of one stream for one spec.

    Args:
        mapping: Of the stream.
        rate_hz: Nominal rate of the stream.
        spec: The features wanted.

    Attributes:
        reach_s: Seconds of signal it needs before and after a window.
        n_tail: Samples of a window that are not in its head.
    """

    def __init__(self, mapping: EegMapping, *, rate_hz: float, spec: FeatureSpec) -> None:
        definition = eeg_definition(spec)
        self._mapping = mapping
        self._unspoilt = filling(mapping, np.ones(len(mapping.positions), np.bool_))
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
        notch_hz = None if spec.cleaning is None else spec.cleaning.notch_hz
        near = (f for f in MAINS_HZ if abs(f - definition.highest_hz) < _LEAKS_WITHIN_HZ)
        n_samples = round((spec.window_s + 2.0 * self.reach_s) * rate_hz)
        self._judge = EegJudge(
            tuple(c.name for c in mapping.report.found),
            rate_hz=rate_hz,
            n_samples=n_samples,
            leaking_hz=next((f for f in near if f != notch_hz), None),
        )
        self._words = FaultWords(mapping.report, definition.bands)
        n_bins = self._judge.n_bins
        # A window that is measured as it came needs the spectrum that is judged, and no other.
        self._of_spectrum: SpectrumMeasure | None = None
        if isinstance(self._entropy, SpectrumMeasure):
            n_bins = max(n_bins, self._entropy.n_bins)
            if spec.cleaning is None and not definition.centred:
                self._of_spectrum = self._entropy
        self._n_head = self._judge.n_head
        self._spectrum = SplitSpectrum(n_samples, n_head=self._n_head, n_bins=n_bins)
        self.n_tail = n_samples - self._n_head

    def begin(self, x_uv: FloatArray) -> MeasuredHead:
        """Work out what the head of a window gives.

        Args:
            x_uv: `(n_samples - n_tail, n_channels)`, each channel contiguous in memory.
        """
        with np.errstate(all="ignore"):  # what is not finite stays so, in its own channel
            of_head = self._spectrum.of_head(x_uv)
            return MeasuredHead(of_head, self._judge.begin(x_uv))

    def __call__(self, window: SignalWindow, head: MeasuredHead | None = None) -> MeasuredWindow:
        """Measure one window.

        Args:
            window: The window.
            head: What `begin` gave for its head, if that was asked. It serves for no other window.
        """
        if head is None:
            head = self.begin(window.x[: self._n_head])
        with np.errstate(all="ignore"):
            spectrum = self._spectrum.whole(head.spectrum, window.x[self._n_head :])
            squares = self._judge.squares(spectrum)
            verdict = self._judge(window.x, spectrum, head.judged, squares=squares)
            filled = filling(self._mapping, ~verdict.bad) if verdict.bad.any() else self._unspoilt
            entropy = self._measure(window, filled, spectrum, squares)
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
            self._words(window.x, verdict, measured),
        )

    def _measure(
        self, window: SignalWindow, filled: Filling, spectrum: ComplexArray, squares: FloatArray
    ) -> FloatArray:
        """`(k, n_bands)` of all channels of the filled window."""
        if self._of_spectrum is not None:
            if not len(filled.interpolated):
                return self._of_spectrum.of_spectrum(spectrum, squares)
            pairs = filled.fill(spectrum.view(np.float64))
            return self._of_spectrum.of_spectrum(pairs.view(np.complex128))
        x_uv = self._cleaner(window.t_s, filled.fill(window.x.T).T, filled.good)
        if self._centred:
            x_uv = (x_uv.T - x_uv.T.mean(axis=1, keepdims=True)).T
        return self._entropy(x_uv)

    def _signal(self, verdict: Verdict, filled: Filling) -> EegQuality:
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
