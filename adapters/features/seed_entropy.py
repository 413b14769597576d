"""EEG features as published with the SEED data sets: the definition `seed-de`, version 1.

Per channel and band, for a window x of n samples at 200 Hz, in microvolts:

    log2(100 * mean over the band's bins k of |X_k|^2),   X = 256-point FFT of w * x

The facts, and where they come from. The feature script of SEED-VII, which writes the `de_{k}` of
its `EEG_features` files, is followed in every point; the MATLAB function that circulates for the
older sets (`STFT.m` in github.com/ziyujia/Signal-feature-extraction_DE-and-PSD) differs in two.

- Signal: 200 Hz, band-passed 0.1-70 Hz, 50 Hz notched; windows of 4 s. No mean is removed.
- w: symmetric Hann over all n samples, its ends 0. STFT.m: MATLAB's `hanning`, without zeros at
  its ends. On real EEG that adds 0.013 to every feature; features vary by 0.7 to 2.
- FFT length: 256. A longer window is cut to its first 256 samples, 1.28 s, *after* the Hann window
  of full length was applied; a shorter one is padded with zeros. STFT.m leaves it open.
- Bands: 1-4, 4-8, 8-14, 14-31, 31-49 Hz. STFT.m leaves them open; gamma of SEED, SEED-IV and
  SEED-V is said to end at 50, which on real EEG changes gamma by 0.03 +- 0.07.
- Bins of a band from f to g: floor(1.28 f) - 1 to floor(1.28 g) - 1, both inclusive, counted from
  0: neighbouring bands share a bin, and delta has the mean. STFT.m and its Python twin do the same.
- Scaling: none, base 2; ten times the signal is 2 log2(10) more.

Other rates: the window is brought to 200 Hz by interpolation with a windowed sinc, which is linear
and so a part of the one matrix that also does the transform. A signal below 60 Hz gives, at 128 to
2048 Hz and to 0.002, what it gives at 200 Hz, where that matrix is the published formula.

Live there is no zero-phase filter: `EegExtractor` takes the mean off each window, without which the
offset of an amplifier leaks from the cut-off Hann window into every band: on four real recordings
delta is 5.9 to 8.1 too high and alpha 1.3 to 2.2. With the mean off, of windows of 4 s, delta
differs from the zero-phase filter's by at most 0.05 +- 0.8 (features vary by 2 to 2.6), theta to
beta by at most 0.02 +- 0.21; a causal high-pass of 0.1 Hz came no closer (0.06 +- 1.1), and carried
every fault into the seconds after. Mains hum is left to the amplifier's own filter, or to the
bundle's cleaning. Smoothed features (`de_LDS_{k}`) look into the future; they are another
definition, and have no live form.
"""

import numpy as np
import numpy.typing as npt

from hadua.adapters.features.eeg_entropy import Band
from hadua.models.cleaning import Cleaning
from hadua.models.errors import InvalidInputError
from hadua.models.features import BoolArray, FeatureSpec, FloatArray, Modality, Smoothing

IntArray = npt.NDArray[np.int64]

DEFINITION = "seed-de"
VERSION = 1

BANDS: tuple[Band, ...] = (
    Band("delta", 1.0, 4.0),
    Band("theta", 4.0, 8.0),
    Band("alpha", 8.0, 14.0),
    Band("beta", 14.0, 31.0),
    Band("gamma", 31.0, 49.0),
)

PUBLISHED_RATE_HZ = 200.0
FFT_LENGTH = 256

# The interpolation: a Kaiser window over this many zeros of the sinc on either side, -60 dB.
_ZEROS = 16
_KAISER = 6.0
# A band whose mean power is below this share of the strongest band's is rounding, not signal.
_ROUNDING = 1e-24


class SeedEntropy:
    """Published-like differential entropy of windows of one length and rate; holds no signal.

    Args:
        rate_hz: Sampling rate.
        n_samples: Samples in a window.

    Raises:
        InvalidInputError: a rate too low for gamma, or a window too short for delta.
    """

    __slots__ = ("_counts", "_n", "_transform", "_used")

    def __init__(self, rate_hz: float, n_samples: int) -> None:
        _require_resolvable(rate_hz, n_samples)
        self._n = n_samples
        self._counts = np.array([len(_bins(band)) for band in BANDS])
        n = round(n_samples * PUBLISHED_RATE_HZ / rate_hz)
        j = np.arange(min(n, FFT_LENGTH))
        windowed_dft = _hann(n)[j, None] * _dft(j, np.concatenate([_bins(band) for band in BANDS]))
        resampling = _resampling(j, rate_hz=rate_hz, n_samples=n_samples)
        self._used = resampling.shape[1]
        self._transform = resampling.T @ windowed_dft

    def __call__(self, x_uv: FloatArray) -> FloatArray:
        """Compute `(n_channels, 5)` from `(n_samples, n_channels)` microvolts.

        NaN for a channel with a sample that is not finite, and for a band without any power. Only
        the first 1.28 s have a say in the value, but every sample has to be finite.
        """
        if x_uv.ndim != 2 or x_uv.shape[0] != self._n:
            raise InvalidInputError(
                "EEG window for SEED's differential entropy",
                got=f"shape {x_uv.shape}",
                expected=f"({self._n}, n_channels) (samples, channels)",
                hint="Is the block transposed?",
            )
        whole: BoolArray = np.asarray(np.isfinite(x_uv).all(axis=0))
        with np.errstate(all="ignore"):  # what is not finite is found in the result
            head = np.ascontiguousarray(x_uv[: self._used].T)  # one layout, so one rounding
            power = self._mean_power(head @ self._transform)
            measured = whole[:, None] & np.isfinite(power)
            measured &= power > _ROUNDING * power.max(axis=1, keepdims=True)
            return np.where(measured, np.log2(100.0 * power), np.nan)

    def _mean_power(self, parts: FloatArray) -> FloatArray:
        """Mean of |X_k|^2 over each band `(n_channels, 5)`, from all cosines, then all sines."""
        half = parts.shape[1] // 2
        power = parts[:, :half] ** 2 + parts[:, half:] ** 2
        starts = np.concatenate(([0], np.cumsum(self._counts)[:-1]))
        return np.asarray(np.add.reduceat(power, starts, axis=1) / self._counts)


def band_power_uv2(entropy: FloatArray, window_s: float) -> FloatArray:
    """Variance of each band, microvolts squared, from `(..., 5)` values of windows of a length.

    Exact for a spectrum that is level within the band: the mean power of its bins, spread over its
    width. The bins that bands share, and delta's lowest, are taken as they are.
    """
    n = round(window_s * PUBLISHED_RATE_HZ)
    weight = np.sum(_hann(n)[:FFT_LENGTH] ** 2)
    widths_hz = np.array([band.high_hz - band.low_hz for band in BANDS])
    return np.asarray(np.exp2(entropy) / 100.0 / weight * 2.0 * widths_hz / PUBLISHED_RATE_HZ)


def seed_feature_spec(
    channels: tuple[str, ...],
    *,
    window_s: float,
    hop_s: float,
    smoothing: Smoothing | None = None,
    cleaning: Cleaning | None = None,
) -> FeatureSpec:
    """Describe `seed-de/1` features of these channels: `FP1:delta`, `FP1:theta`, ..."""
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


def _bins(band: Band) -> FloatArray:
    """Bins of a band, as floats."""
    edges_hz = (band.low_hz, band.high_hz)
    first, stop = (int(np.floor(f * FFT_LENGTH / PUBLISHED_RATE_HZ)) for f in edges_hz)
    return np.arange(first - 1, stop, dtype=np.float64)


def _hann(n: int) -> FloatArray:
    """`(n,)` symmetric Hann window."""
    return np.asarray(np.sin(np.pi * np.arange(n) / (n - 1)) ** 2)


def _dft(j: IntArray, bins: FloatArray) -> FloatArray:
    """`(n, 2 n_bins)`: what takes n samples to the real, then the imaginary parts of bins."""
    angle = 2.0 * np.pi * (np.outer(j, bins) % FFT_LENGTH) / FFT_LENGTH
    return np.hstack((np.cos(angle), np.sin(angle)))


def _resampling(j: IntArray, *, rate_hz: float, n_samples: int) -> FloatArray:
    """`(n_out, n_used)`: what takes the first samples of a window to samples j at 200 Hz.

    The window's ends have no neighbours to interpolate from, but the Hann window is near 0 there.
    """
    passed_hz = min(rate_hz, PUBLISHED_RATE_HZ)  # twice the cutoff
    reach_s = _ZEROS / passed_hz
    used = min(n_samples, int((j[-1] / PUBLISHED_RATE_HZ + reach_s) * rate_hz) + 1)
    apart_s = j[:, None] / PUBLISHED_RATE_HZ - np.arange(used) / rate_hz
    inside = 1.0 - (apart_s / reach_s) ** 2
    near = np.abs(apart_s) < reach_s
    weights = np.zeros_like(apart_s)
    weights[near] = np.sinc(passed_hz * apart_s[near]) * np.i0(_KAISER * np.sqrt(inside[near]))
    weights *= passed_hz / rate_hz / np.i0(_KAISER)
    weights[np.abs(weights) < 1e-12] = 0.0  # at 200 Hz the sinc's zeros: nothing but rounding
    return weights


def _require_resolvable(rate_hz: float, n_samples: int) -> None:
    lowest_hz, highest_hz = BANDS[0].low_hz, BANDS[-1].high_hz
    if not (np.isfinite(rate_hz) and rate_hz >= 2.0 * highest_hz):
        raise InvalidInputError(
            "sampling rate for SEED's differential entropy",
            got=f"{rate_hz} Hz",
            expected=f"at least {2.0 * highest_hz:g} Hz, twice the end of the gamma band",
            hint="Set the amplifier to a higher rate.",
        )
    if n_samples + 0.5 < rate_hz / lowest_hz:
        raise InvalidInputError(
            "EEG window for SEED's differential entropy is too short",
            got=f"{n_samples} samples at {rate_hz:g} Hz",
            expected=f"at least {int(np.ceil(rate_hz / lowest_hz))}, one period of the delta band",
            hint="Use a window of at least one second; the published ones have 1 or 4 s.",
        )
