"""Differential entropy of EEG bands: the definition `hadua-de`, version 1.

A band-limited Gaussian signal of variance v has the differential entropy 0.5 ln(2 pi e v), in nats.
v comes from one window of n samples: the mean is removed, a periodic Hann window w applied, and

    v = sum over the band's bins of 2 |X_k|^2 / (n sum w^2),    X = DFT of the windowed signal,

a one-sided periodogram. White noise of variance s^2 has the expected v = s^2 2 n_bins / n, and a
sinusoid of amplitude A on a bin well inside a band has v = A^2 / 2.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hadua.adapters.windows.hann import SCALE, ComplexArray, HannSquares
from hadua.models.cleaning import Cleaning
from hadua.models.errors import InvalidInputError
from hadua.models.features import FeatureSpec, FloatArray, Modality, Smoothing

DEFINITION = "hadua-de"
VERSION = 1


class Band(NamedTuple):
    """A frequency band, `low_hz` inclusive, `high_hz` exclusive."""

    name: str
    low_hz: float
    high_hz: float


BANDS: tuple[Band, ...] = (
    Band("delta", 1.0, 4.0),
    Band("theta", 4.0, 8.0),
    Band("alpha", 8.0, 14.0),
    Band("beta", 14.0, 31.0),
    Band("gamma", 31.0, 50.0),
)

_TWO_PI_E = 2.0 * np.pi * np.e
# A band whose variance is below this share of the channel's power is rounding, not signal.
_ROUNDING = 1e-24


class DifferentialEntropy:
    """Differential entropy of windows of one length and rate.

    No signal lives on from one window to the next.

    Args:
        rate_hz: Sampling rate.
        n_samples: Samples in a window.

    Raises:
        InvalidInputError: a rate too low for gamma, or a window too short for delta.
    """

    __slots__ = ("_first", "_mean_share", "_n", "_offset", "_squares", "_starts", "_stop")

    def __init__(self, rate_hz: float, n_samples: int) -> None:
        _require_resolvable(rate_hz, n_samples)
        edges_hz = np.array([b.low_hz for b in BANDS] + [BANDS[-1].high_hz])
        edges = np.ceil(edges_hz * n_samples / rate_hz - 1e-9).astype(np.intp)
        self._first, self._stop = int(edges[0]), int(edges[-1])
        scale = SCALE * 2.0 / (n_samples * 0.375 * n_samples)  # a periodic Hann's sum w^2: 3 n / 8
        self._n = n_samples
        self._squares = HannSquares(self._first, self._stop)
        self._starts = 2 * (edges[:-1] - self._first)  # real and imaginary parts are neighbours
        self._mean_share = 1.0 / (scale * n_samples**2)
        self._offset = 0.5 * float(np.log(_TWO_PI_E * scale))

    def __call__(self, x_uv: FloatArray) -> FloatArray:
        """Compute `(n_channels, 5)` nats from `(n_samples, n_channels)` microvolts.

        NaN for a channel with a sample that is not finite, and for a band without any power.
        Fastest where each channel is contiguous in memory.
        """
        if x_uv.ndim != 2 or x_uv.shape[0] != self._n:
            raise InvalidInputError(
                "EEG window for differential entropy",
                got=f"shape {x_uv.shape}",
                expected=f"({self._n}, n_channels) (samples, channels)",
                hint="Is the block transposed?",
            )
        with np.errstate(all="ignore"):  # what is not finite is found in the result
            return self.of_spectrum(np.fft.rfft(x_uv.T, axis=1))

    @property
    def n_bins(self) -> int:
        """So many bins of a window's spectrum are looked at."""
        return min(self._stop, self._n // 2) + 1

    def of_spectrum(self, spectrum: ComplexArray, squares: FloatArray | None = None) -> FloatArray:
        """The same from `(n_channels, >= n_bins)`, the real FFT of the window as it is.

        Args:
            spectrum: That.
            squares: What `HannSquares` gives of it from bin 1 on, if that is known.
        """
        with np.errstate(all="ignore"):
            if squares is None or squares.shape[1] < 2 * (self._stop - 1):
                squares = self._squares(self._beyond_nyquist(spectrum))
            else:
                squares = squares[:, 2 * (self._first - 1) : 2 * (self._stop - 1)]
            # Sums of squares: variances but for a factor, which is a summand after the logarithm.
            sums = np.add.reduceat(squares, self._starts, axis=1)
            power = self._mean_share * spectrum[:, 0].real ** 2 + sums.sum(axis=1)
            measured = sums > _ROUNDING * power[:, None]  # neither NaN nor infinity is
            entropy = np.log(sums, out=sums)
            entropy *= 0.5
            entropy += self._offset
        if not measured.all():
            entropy[~measured] = np.nan
        return entropy

    def _beyond_nyquist(self, spectrum: ComplexArray) -> ComplexArray:
        """With one bin more where the last band ends at the Nyquist frequency and n is odd."""
        if spectrum.shape[1] > self._stop:
            return spectrum
        return np.concatenate((spectrum, spectrum[:, -1:].conj()), axis=1)


def band_power_uv2(entropy: FloatArray) -> FloatArray:
    """Variance of each band, microvolts squared, from its differential entropy: v of the module."""
    return np.asarray(np.exp(2.0 * entropy) / _TWO_PI_E)


def differential_entropy(x_uv: npt.ArrayLike, rate_hz: float) -> FloatArray:
    """Differential entropy of one window in the bands of `BANDS`, definition `hadua-de/1`.

    Args:
        x_uv: `(n_samples, n_channels)` microvolts, at least one second.
        rate_hz: Sampling rate, at least 100 Hz.

    Returns:
        `(n_channels, 5)` nats; NaN where a channel is not finite or a band has no power.

    Raises:
        InvalidInputError: not two-dimensional, too few samples, or too low a rate.
    """
    x = np.asarray(x_uv, np.float64)
    if x.ndim != 2:
        raise InvalidInputError(
            "EEG window for differential entropy",
            got=f"shape {x.shape}",
            expected="(n_samples, n_channels)",
            hint="A single channel is x[:, None].",
        )
    return DifferentialEntropy(rate_hz, x.shape[0])(x)


def eeg_feature_spec(
    channels: tuple[str, ...],
    *,
    window_s: float,
    hop_s: float,
    smoothing: Smoothing | None = None,
    cleaning: Cleaning | None = None,
) -> FeatureSpec:
    """Describe `hadua-de/1` features of these channels: `FP1:delta`, `FP1:theta`, ..."""
    return FeatureSpec(
        modality=Modality.EEG,
        definition=DEFINITION,
        version=VERSION,
        names=tuple(f"{channel}:{band.name}" for channel in channels for band in BANDS),
        window_s=window_s,
        hop_s=hop_s,
        smoothing=smoothing,
        cleaning=cleaning,
    )


def _require_resolvable(rate_hz: float, n_samples: int) -> None:
    lowest_hz, highest_hz = BANDS[0].low_hz, BANDS[-1].high_hz
    if not (np.isfinite(rate_hz) and rate_hz >= 2.0 * highest_hz):
        raise InvalidInputError(
            "sampling rate for differential entropy",
            got=f"{rate_hz} Hz",
            expected=f"at least {2.0 * highest_hz:g} Hz, twice the end of the gamma band",
            hint="Set the amplifier to a higher rate.",
        )
    if n_samples + 0.5 < rate_hz / lowest_hz:
        raise InvalidInputError(
            "EEG window for differential entropy is too short",
            got=f"{n_samples} samples at {rate_hz:g} Hz",
            expected=f"at least {int(np.ceil(rate_hz / lowest_hz))}, one period of the delta band",
            hint="Use a window of at least one second.",
        )
