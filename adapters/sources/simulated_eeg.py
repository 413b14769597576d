"""What a simulated participant's scalp shows: background, rhythms, blinks, mains, sensor noise.

Spectra are shaped block by block (2 s long, 1 s apart), turned to signals by an inverse FFT and
cross-faded with a window whose squares add up to 1, so that power stays level. Not simulated: eye
movements other than blinks, muscle, heart, movement.
"""

from collections.abc import Generator

import numpy as np

from hadua.adapters.devices.montage import SEED_62
from hadua.adapters.sources.simulated_blocks import BlockSignal, BlockWork, fade, smooth_noise
from hadua.adapters.sources.simulated_events import EventTrack
from hadua.adapters.sources.simulated_person import RHYTHMS, Person
from hadua.adapters.sources.simulated_scalp import SCALP_MAPS, mixing
from hadua.adapters.sources.simulated_states import STATES, Schedule
from hadua.models.features import FloatArray

EEG_RATE_HZ = 1000.0

_HOP = 1000
_LENGTH = 2 * _HOP
_TOP_HZ = 120.0
_SENSOR_UV = 0.7
_ROWS_PER_SLICE = 16
# So few that OpenBLAS does not wake its threads, which then spin for longer than the product takes.
_COLUMNS_PER_PRODUCT = 60
_SPECTRUM, _SENSOR, _VIGOUR, _DRIFT = 0xE1, 0xE2, 0xE3, 0xE4
_CENTRES_HZ = (2.2, 5.8, 10.5, 21.0, 55.0)
_SPREADS = (0.40, 0.26, 0.24, 0.36, 0.55)


class EegSignal(BlockSignal):
    """EEG `(n, 62)` in microvolts at 1000 Hz, in SEED's order of channels.

    Args:
        person: Whose EEG.
        seed: Draws everything that is not a trait.
        schedule: When which state holds.
        events: The blinks.
        mains_uv: Amplitude of the mains hum, on average over the channels.
        mains_hz: Its frequency.
    """

    def __init__(
        self,
        person: Person,
        *,
        seed: int,
        schedule: Schedule,
        events: EventTrack,
        mains_uv: float = 1.0,
        mains_hz: float = 50.0,
    ) -> None:
        super().__init__(self._make, block_len=_HOP)
        self._person, self._seed, self._schedule, self._events = person, seed, schedule, events
        self._hz = np.arange(1, int(_TOP_HZ * _LENGTH / EEG_RATE_HZ) + 1) * EEG_RATE_HZ / _LENGTH
        self._log_power = _log_power(person, self._hz)
        self._bands = _bands(self._hz)
        self._mixing = mixing()
        self._fade = fade(_LENGTH)
        self._spectra: dict[int, FloatArray] = {}
        gain = np.random.default_rng([_SENSOR, person.number]).uniform(0.5, 1.5, len(SEED_62))
        self._hum_uv, self._hum_hz = mains_uv * gain, mains_hz
        self._blink_uv = person.blink_uv * SCALP_MAPS["blink"]

    def _make(self, j: int) -> BlockWork:
        for i in (j, j + 1):
            if i not in self._spectra:
                self._spectra[i] = yield from self._stretch(i)
        old, new = self._spectra.pop(j), self._spectra[j + 1]
        self._spectra = {j + 1: new}
        yield
        x = (old[:, _HOP:] + new[:, :_HOP]).T.copy()
        yield
        rng = np.random.default_rng([_SENSOR, self._person.number, self._seed, j])
        x += rng.standard_normal(x.shape, np.float32) * np.float32(_SENSOR_UV)
        yield
        self._add_blinks(x, j)
        yield
        self._add_hum(x, j)
        return x

    def _stretch(self, i: int) -> Generator[None, None, FloatArray]:
        """Stretch number i, `(62, 2 s)`, faded in and out, in slices."""
        n, n_hz = len(SEED_62), self._hz.size
        rng = np.random.default_rng([_SPECTRUM, self._person.number, self._seed, i])
        noise = rng.standard_normal((n, 2 * n_hz))
        yield
        for column in range(0, 2 * n_hz, _COLUMNS_PER_PRODUCT):
            part = np.s_[:, column : column + _COLUMNS_PER_PRODUCT]
            noise[part] = self._mixing @ noise[part]
            yield
        scale = 0.5 * _LENGTH * np.sqrt(EEG_RATE_HZ / _LENGTH)
        amplitude = scale * np.exp(0.5 * (self._log_power + self._change(i)))
        yield
        spectrum = np.zeros((n, _LENGTH // 2 + 1), np.complex128)
        spectrum[:, 1 : n_hz + 1] = (noise[:, :n_hz] + 1j * noise[:, n_hz:]) * amplitude
        yield
        x = np.empty((n, _LENGTH))
        for row in range(0, n, _ROWS_PER_SLICE):
            rows = slice(row, row + _ROWS_PER_SLICE)
            x[rows] = np.fft.irfft(spectrum[rows], _LENGTH, axis=1) * self._fade
            yield
        return x

    def _change(self, i: int) -> FloatArray:
        """`(62, n_hz)` change of log power in stretch i: the state's, and a slow drift."""
        t_s = i * _HOP / EEG_RATE_HZ
        state = STATES.index(self._schedule.block_at(t_s).state)
        keys = [self._person.number, self._seed]
        vigour = smooth_noise([_VIGOUR, *keys], t_s, every_s=6.0, size=1)
        drift = smooth_noise([_DRIFT, *keys], t_s, every_s=12.0, size=len(RHYTHMS))
        by_rhythm = self._person.effects[state].T * np.exp(0.25 * vigour) + 0.12 * drift
        return np.asarray(by_rhythm @ self._bands)

    def _add_blinks(self, x: FloatArray, j: int) -> None:
        start_s = j * _HOP / EEG_RATE_HZ
        t_s = start_s + np.arange(_HOP) / EEG_RATE_HZ
        lid = np.zeros(_HOP)
        for blink in self._events.blinks(start_s - 1.0, start_s + 2.0):
            lid += lid_movement(t_s, blink.start_s, blink.end_s)
        active = np.flatnonzero(lid)
        x[active] += lid[active, None] * self._blink_uv

    def _add_hum(self, x: FloatArray, j: int) -> None:
        cycles = (np.arange(j * _HOP, (j + 1) * _HOP) * self._hum_hz / EEG_RATE_HZ) % 1.0
        x += np.sin(2 * np.pi * cycles)[:, None] * self._hum_uv


def lid_movement(t_s: FloatArray, start_s: float, end_s: float) -> FloatArray:
    """`(n,)` course of a blink's deflection, 0 to 1, for eyes lost from `start_s` to `end_s`.

    It starts 50 ms before the eye is lost, peaks at 40 % of the loss and ends 100 ms after it.
    """
    peak_s = start_s + 0.4 * (end_s - start_s)
    rise = np.clip((t_s - (start_s - 0.05)) / (peak_s - start_s + 0.05), 0.0, 1.0)
    fall = np.clip((end_s + 0.1 - t_s) / (end_s + 0.1 - peak_s), 0.0, 1.0)
    return np.asarray((0.5 - 0.5 * np.cos(np.pi * rise)) * (0.5 - 0.5 * np.cos(np.pi * fall)))


def _log_power(person: Person, hz: FloatArray) -> FloatArray:
    """`(62, n_hz)` log of the power in rest, microvolt^2/Hz: 1/f with peaks on it."""
    peaks = ((6.0, 0.9), (person.alpha_hz, 1.1), (19.0, 3.0))
    shapes = np.stack([np.exp(-((hz - at) ** 2) / (2 * wide**2)) for at, wide in peaks])
    background = person.level[:, None] - person.slope * np.log(np.maximum(hz, 1.0))
    return np.asarray(background + np.log1p(person.peaks.T @ shapes))


def _bands(hz: FloatArray) -> FloatArray:
    """`(5, n_hz)` share of each rhythm in a change at a frequency; smooth, 1 at its centre."""
    octaves = np.log(hz[None] / np.array(_CENTRES_HZ)[:, None]) / np.array(_SPREADS)[:, None]
    return np.asarray(np.exp(-0.5 * octaves**4))
