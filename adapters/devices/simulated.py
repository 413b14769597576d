"""Devices that are imitated: what their outlets say and send, sample by sample.

The tables of `simulated_eeg` and `simulated_gaze` were written from the sources of the devices' own
programs, not from the presets: so they test these.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from hadua.models.features import BoolArray, FloatArray

Format = Literal["float32", "double64", "int32", "string"]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Where two eyes look, column 0 left, column 1 right.

    Args:
        x: `(n, 2)` 0 to 1 across the picture.
        y: `(n, 2)` 0 to 1 down the picture.
        pupil_mm: `(n, 2)` pupil diameter.
        lost: `(n, 2)` where the tracker does not see the eye; the others are true all the same.
    """

    x: FloatArray
    y: FloatArray
    pupil_mm: FloatArray
    lost: BoolArray


class Signal(Protocol):
    """What is measured, as a function of the samples' numbers."""

    def eeg_uv(self, n: Numbers, electrode: int, *, rate_hz: float) -> FloatArray:
        """`(n,)` microvolts at the electrode of that number."""
        ...

    def look(self, n: Numbers, *, rate_hz: float) -> Look:
        """Where the eyes look."""
        ...


class Counting:
    """Every sample tells its own number, so that a lost, doubled or changed one shows."""

    def eeg_uv(self, n: Numbers, electrode: int, *, rate_hz: float) -> FloatArray:
        """0.05 microvolts for each sample and electrode, from 0 again after 2000 samples."""
        del rate_hz
        return np.asarray(0.05 * ((n % 2000) + electrode), np.float64)

    def look(self, n: Numbers, *, rate_hz: float) -> Look:
        """Across and up the screen in 1000 samples; each eye is lost in 5 of 50, not the same."""
        del rate_hz
        k = (n % 1000).astype(np.float64)[:, None] * np.ones(2)
        side = np.array([0.0, 0.01])
        phase = (n % 50)[:, None] - np.array([0, 2])
        return Look(
            x=0.1 + 0.0008 * k + side,
            y=0.9 - 0.0008 * k + side,
            pupil_mm=3.0 + 0.001 * k + side,
            lost=np.asarray((phase >= 0) & (phase < 5)),
        )


class Natural:
    """Of the kind that people give: rhythms and coloured noise, fixations and blinks."""

    _PERIOD = 4096

    @cached_property
    def _noise(self) -> FloatArray:
        """`(4096,)` whose power falls with frequency; it repeats without a seam."""
        rng = np.random.default_rng(1)
        bins = np.arange(self._PERIOD // 2 + 1)
        weight = np.where(bins > 2, 1.0 / np.sqrt(np.maximum(bins, 1)), 0.0)
        phase = np.exp(2j * np.pi * rng.random(len(bins)))
        noise = np.fft.irfft(weight * phase, self._PERIOD)
        return np.asarray(noise / noise.std())

    def eeg_uv(self, n: Numbers, electrode: int, *, rate_hz: float) -> FloatArray:
        """12 microvolts of noise and 8 of a rhythm of 10 Hz."""
        noise = self._noise[(n + 97 * electrode) % self._PERIOD]
        rhythm = np.sin(2.0 * np.pi * 10.0 * n / rate_hz + 0.3 * electrode)
        return np.asarray(12.0 * noise + 8.0 * np.sqrt(2.0) * rhythm)

    def look(self, n: Numbers, *, rate_hz: float) -> Look:
        """Fixations of 400 ms, a blink of 150 ms every 3.5 s, pupils that breathe."""
        t_s = n / rate_hz
        place = np.floor(t_s / 0.4)
        both = np.ones(2)
        x = (0.15 + 0.7 * np.mod(0.618 * place, 1.0))[:, None] * both
        y = (0.2 + 0.6 * np.mod(0.414 * place, 1.0))[:, None] * both
        pupil = (3.5 + 0.3 * np.sin(2.0 * np.pi * 0.2 * t_s))[:, None] * both
        lost = np.asarray((np.mod(t_s, 3.5) < 0.15)[:, None] & np.ones(2, np.bool_))
        return Look(x, y, pupil, lost)


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Samples to be sent: their numbers, their rate, and what is measured."""

    n: Numbers
    rate_hz: float
    signal: Signal

    def eeg_uv(self, electrode: int) -> FloatArray:
        """`(n,)` microvolts at an electrode."""
        return self.signal.eeg_uv(self.n, electrode, rate_hz=self.rate_hz)

    def look(self) -> Look:
        """Where the eyes look."""
        return self.signal.look(self.n, rate_hz=self.rate_hz)


Value = Callable[[Samples], FloatArray]


@dataclass(frozen=True, slots=True)
class SimulatedChannel:
    """What an outlet says about a channel, and what it sends there.

    Args:
        says: `label`, `unit`, ... as the outlet writes them; None: it does not describe it.
        value: What it sends.
    """

    says: Mapping[str, str] | None
    value: Value


@dataclass(frozen=True, slots=True)
class SimulatedOutlet:
    """An outlet of an imitated device.

    Args:
        name: Stream name.
        type: Stream type.
        channels: Its channels.
        declared_hz: Rate that it declares; 0: none.
        rate_hz: Rate at which it sends.
        source_id: As the device's program makes it.
        format: Type of its values; `string` sends its markers as text, one a second.
        chunk: Samples that it sends at once.
        says: Texts of its header by their path, as in `acquisition/manufacturer`.
    """

    name: str
    type: str
    channels: tuple[SimulatedChannel, ...]
    declared_hz: float
    rate_hz: float
    source_id: str
    format: Format = "float32"
    chunk: int = 1
    says: tuple[tuple[str, str], ...] = ()

    def block(self, samples: Samples) -> FloatArray:
        """What it sends for these samples, `(n, n_channels)`."""
        return np.stack([channel.value(samples) for channel in self.channels], axis=1)


@dataclass(frozen=True, slots=True)
class SimulatedDevice:
    """An imitated device.

    Args:
        preset: Name of its preset.
        outlet: The stream that is of use.
        source: SOURCE text that picks it among the device's own streams; its last options are what
            the operator has to say so that it is understood.
        electrodes: For EEG: the electrode of each channel that has one, by its column.
        beside: Other streams that it sends at the same time.
    """

    preset: str
    outlet: SimulatedOutlet
    source: str
    electrodes: Mapping[int, str]
    beside: tuple[SimulatedOutlet, ...] = ()


def constant(value: float) -> Value:
    """The same value always."""
    return lambda samples: np.full(len(samples.n), value)


def number() -> Value:
    """The sample's own number."""
    return lambda samples: samples.n.astype(np.float64)


def text_outlet(name: str, type: str, source_id: str) -> SimulatedOutlet:
    """An outlet of strings beside the device's samples."""
    channel = SimulatedChannel({"label": "Event", "format": "string"}, constant(0.0))
    return SimulatedOutlet(name, type, (channel,), 0.0, 1.0, source_id, format="string")
