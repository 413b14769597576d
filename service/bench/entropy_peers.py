"""What somebody would take for differential entropy who had not got ours; all are optional."""

import math
import warnings
from collections.abc import Callable

import numpy as np

from hadua.adapters.features.eeg_entropy import BANDS
from hadua.models.features import FloatArray
from hadua.service.bench.comparison import Other
from hadua.service.bench.row import version_of

_ORDER = 4


def filter_bank(x_uv: FloatArray, *, rate_hz: float) -> Callable[[], FloatArray]:
    """A causal band-pass per band that goes on where it stopped; a second of signal is new."""
    from scipy.signal import butter, sosfilt

    edges = [(band.low_hz, band.high_hz) for band in BANDS]
    banks = [butter(_ORDER, edge, "bandpass", fs=rate_hz, output="sos") for edge in edges]
    states = [np.zeros((len(sos), x_uv.shape[1], 2)) for sos in banks]
    x = np.ascontiguousarray(x_uv.T)

    def measure() -> FloatArray:
        variances = []
        for k, sos in enumerate(banks):
            y, states[k] = sosfilt(sos, x, axis=1, zi=states[k])
            variances.append(y.var(axis=1))
        return np.asarray(0.5 * np.log(2.0 * math.pi * math.e * np.stack(variances, axis=1)))

    return measure


def torcheeg(x_uv: FloatArray, *, rate_hz: float, target: float) -> list[Other]:
    """Its transform, which designs its filters anew for each window."""
    name = f"torcheeg {version_of('torcheeg')} BandDifferentialEntropy"
    try:
        from torcheeg.transforms import BandDifferentialEntropy
    except ImportError as error:
        return [Other(name, why=f"torcheeg is not here ({error})")]
    bands = {band.name: [band.low_hz, band.high_hz] for band in BANDS}
    transform = BandDifferentialEntropy(sampling_rate=int(rate_hz), band_dict=bands)
    x = np.ascontiguousarray(x_uv.T)
    return [Other(name, lambda: transform(eeg=x)["eeg"], target)]


def mne_features(x_uv: FloatArray, *, rate_hz: float, target: float) -> list[Other]:
    """Power per band by Welch's method and energy per band by filters; it has no entropy itself."""
    name = f"mne-features {version_of('mne-features')}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numba, which neither function uses, is not here
            from mne_features import univariate
    except ImportError as error:
        return [Other(name, why=f"mne-features is not here ({error})")]
    bands = {band.name: [band.low_hz, band.high_hz] for band in BANDS}
    x, n = np.ascontiguousarray(x_uv.T), x_uv.shape[0]

    def power() -> object:
        welch = {"welch_n_fft": n, "welch_n_per_seg": n}
        return univariate.compute_pow_freq_bands(
            rate_hz, x, freq_bands=bands, normalize=False, log=True, psd_params=welch
        )

    def energy() -> object:
        return np.log(univariate.compute_energy_freq_bands(rate_hz, x, freq_bands=bands))

    return [
        Other(f"{name} compute_pow_freq_bands, log", power, target),
        Other(f"{name} compute_energy_freq_bands, log", energy, target),
    ]
