"""What a screen-based eye tracker would report of simulated eyes, 120 times a second."""

import numpy as np

from hadua.adapters.devices.screen import Screen
from hadua.adapters.sources.simulated_blocks import BlockSignal, BlockWork, fade
from hadua.adapters.sources.simulated_events import STRETCH_S, EventTrack, EyeEvent
from hadua.adapters.sources.simulated_person import Person
from hadua.adapters.sources.simulated_states import Schedule
from hadua.adapters.sources.source import Channel
from hadua.models.features import BoolArray, FloatArray

GAZE_RATE_HZ = 120.0
SCREEN = Screen()

_SYSTEM = "screen, origin top left, 0..1"
GAZE_CHANNELS: tuple[Channel, ...] = tuple(
    Channel(f"{eye}_{what}", kind, unit, eye, system)
    for eye in ("left", "right")
    for what, kind, unit, system in (
        ("x", "ScreenX", "normalized", _SYSTEM),
        ("y", "ScreenY", "normalized", _SYSTEM),
        ("pupil", "Diameter", "mm", ""),
        ("valid", "Validity", "", ""),
    )
)

_HOP = int(STRETCH_S * GAZE_RATE_HZ)
_LENGTH = 2 * _HOP
_SLOW, _FAST = 0x6A2E, 0x6A2F
_PUPIL_NOISE_MM = 0.01
_ADAPT_S = 3.0
# Standard deviation, exponent of 1/f^a and lowest frequency of: drift x, drift y, vergence,
# slow pupil, difference of the pupils.
_SLOW_SD = np.array([0.06, 0.06, 0.04, 0.10, 0.015])
_SLOW_EXPONENT = np.array([1.6, 1.6, 1.2, 1.2, 1.0])
_SLOW_FROM_HZ = np.array([0.4, 0.4, 0.1, 0.05, 0.05])
_HIPPUS_HZ, _HIPPUS_WIDTH_HZ, _HIPPUS_SHARE = 0.9, 0.3, 1.5


class GazeSignal(BlockSignal):
    """Gaze `(n, 8)` at 120 Hz, channels as `GAZE_CHANNELS`; lost eyes are NaN with validity 0.

    Args:
        person: Whose eyes.
        seed: Draws everything that is not a trait.
        schedule: When which state holds.
        events: What the eyes do.
    """

    def __init__(
        self, person: Person, *, seed: int, schedule: Schedule, events: EventTrack
    ) -> None:
        super().__init__(self._make, block_len=_HOP)
        self._person, self._seed, self._schedule, self._events = person, seed, schedule, events
        self._fade = fade(_LENGTH)
        self._shape = _slow_shape()

    def _make(self, j: int) -> BlockWork:
        events = self._events.stretch(j)
        yield
        k = np.arange(j * _HOP, (j + 1) * _HOP)
        t_s = k / GAZE_RATE_HZ
        gaze_deg, closed = _course(events, t_s)
        yield
        slow = self._stretch(j)[_HOP:]
        yield
        slow = slow + self._stretch(j + 1)[:_HOP]
        yield
        pupil_mm = self._pupil(t_s)
        yield
        rng = np.random.default_rng([_FAST, self._person.number, self._seed, j])
        eyes = []
        for side in (1.0, -1.0):
            x_deg = gaze_deg + slow[:, :2]
            x_deg[:, 0] += side * slow[:, 2] / 2
            x_deg += rng.normal(0.0, self._person.gaze_noise_deg, x_deg.shape)
            pupil = pupil_mm + slow[:, 3] + side * (self._person.anisocoria_mm + slow[:, 4]) / 2
            pupil += rng.normal(0.0, _PUPIL_NOISE_MM, pupil.shape)
            eyes.append(np.column_stack((to_screen(x_deg), pupil, np.ones(_HOP))))
            yield
        x = np.hstack(eyes)
        x[closed] = np.array([np.nan, np.nan, np.nan, 0.0] * 2)
        return x

    def _stretch(self, i: int) -> FloatArray:
        """`(20 s, 5)` slow noises of stretch i, faded in and out."""
        rng = np.random.default_rng([_SLOW, self._person.number, self._seed, i])
        re, im = rng.standard_normal((2, *self._shape.shape))
        return np.asarray(
            np.fft.irfft((re + 1j * im) * self._shape, _LENGTH, axis=0) * self._fade[:, None]
        )

    def _pupil(self, t_s: FloatArray) -> FloatArray:
        """`(n,)` pupil the state asks for, which it takes 3 s to reach."""
        knots_s = np.arange(t_s[0] - _ADAPT_S, t_s[-1] + 0.2, 0.1)
        eyes = self._person.eyes
        wanted = [eyes[self._schedule.block_at(t).state].pupil_mm for t in knots_s.tolist()]
        total = np.concatenate(([0.0], np.cumsum(wanted)))
        width = round(_ADAPT_S / 0.1)
        mean = (total[width:] - total[:-width]) / width
        return np.asarray(np.interp(t_s, knots_s[width - 1 :], mean))


def to_screen(gaze_deg: FloatArray) -> FloatArray:
    """`(n, 2)` degrees to the right and down, as shares of the screen from its top left."""
    return np.asarray(0.5 + 0.5 * np.tan(np.radians(gaze_deg)) / np.array(SCREEN.half_tangent))


def _course(events: tuple[EyeEvent, ...], t_s: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Gaze `(n, 2)` in degrees and `(n,)` whether the eyes are closed.

    A saccade's course is that of least jerk (Flash and Hogan 1985): smooth, its peak velocity
    1.875 times its mean.
    """
    start = np.array([e.start_s for e in events])
    end = np.array([e.end_s for e in events])
    i = np.clip(np.searchsorted(start, t_s, side="right") - 1, 0, None)
    from_deg, to_deg = (np.array([p(e) for e in events]) for p in (_from, _to))
    share = np.clip((t_s - start[i]) / (end[i] - start[i]), 0.0, 1.0)
    done = share**3 * (10.0 - 15.0 * share + 6.0 * share**2)
    closed = np.array([e.kind == "blink" for e in events])[i]
    return from_deg[i] + (to_deg - from_deg)[i] * done[:, None], closed


def _from(event: EyeEvent) -> tuple[float, float]:
    return event.from_deg


def _to(event: EyeEvent) -> tuple[float, float]:
    return event.to_deg


def _slow_shape() -> FloatArray:
    """`(n_hz, 5)` amplitudes of the slow noises, each of the standard deviation it should have."""
    hz = np.arange(_LENGTH // 2 + 1)[:, None] * GAZE_RATE_HZ / _LENGTH
    power = np.where(hz > 0, np.maximum(hz, _SLOW_FROM_HZ) ** -_SLOW_EXPONENT, 0.0)
    power *= (hz > 0) & (hz < 15.0)
    hippus = np.exp(-((hz[:, 0] - _HIPPUS_HZ) ** 2) / (2 * _HIPPUS_WIDTH_HZ**2))
    power[:, 3] += _HIPPUS_SHARE * hippus
    return np.asarray(0.5 * _LENGTH * _SLOW_SD * np.sqrt(power / power.sum(axis=0)))
