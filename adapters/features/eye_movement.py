"""The 33 eye-movement features of `hadua-eye`, version 1.

The groups and their order follow the SEED family of data sets (rows 1-12 pupil, 13-16 dispersion,
17-18 fixation, 19-20 blink, 21-24 saccade, 25-33 event statistics); the definitions are ours, and
causal. Events are counted in the window in which they settle, which is the window in which they
end but for some tens of milliseconds, so that each is counted once by windows that tile time.
`sd` of events is the sample standard deviation, absent for fewer than two.

| no. | name | what | absent when |
|---|---|---|---|
| 1, 7 | pupil_{left,right}_mean_mm | mean of 0.1 s means | half of the window not measured |
| 2, 8 | pupil_{left,right}_sd_mm | their standard deviation | as above |
| 3-6, 9-12 | pupil_{left,right}_de_{band}_hz | 0.5 ln(2 pi e s2), nats; s2 (mm2) the variance in \
the band over the last 30 to 60 s | less than 30 s of pupil |
| 13, 15 | dispersion_{x,y}_mean_deg | mean over fixations of the sd of gaze | no fixation |
| 14, 16 | dispersion_{x,y}_sd_deg | its sd over fixations | fewer than 2 |
| 17, 18 | fixation_duration_{mean,sd}_ms | end minus start | no fixation; fewer than 2 |
| 19, 20 | blink_duration_{mean,sd}_ms | time both eyes were lost | no blink; fewer than 2 |
| 21, 22 | saccade_duration_{mean,sd}_ms | time above the threshold speed | none; fewer than 2 |
| 23, 24 | saccade_amplitude_{mean,sd}_deg | from first to last point | none; fewer than 2 |
| 25, 26, 30 | {blink,fixation,saccade}_frequency_hz | count per second observed | never in a \
measured window: 0 means none was made |
| 27 | fixation_duration_max_ms | longest | no fixation |
| 28, 29 | fixation_dispersion_{total,max}_deg | sum, maximum over fixations of sd x + sd y | none |
| 31, 32 | saccade_{duration_average_ms,amplitude_average_deg} | as 21 and 23: the data sets list \
both | no saccade |
| 33 | saccade_latency_average_ms | from the end of the saccade before, signal unbroken | none |

All eye positions are means over the eyes that were measured. A window is measured if at least one
eye was for half of it; otherwise everything is absent.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import ClassVar

import numpy as np

from hadua.adapters.devices.gaze import EYES
from hadua.adapters.devices.gaze_samples import GazeSamples
from hadua.adapters.features.eye_coverage import Coverage
from hadua.adapters.features.eye_event import EyeEvent, EyeEventKind
from hadua.adapters.features.eye_events import EyeStepMachine
from hadua.adapters.features.eye_grid import MAX_INTERVAL_S, STEP_S, EyeGrid
from hadua.adapters.features.eye_pupil import MAX_CELLS_S, PupilHistory
from hadua.adapters.features.eye_statistics import event_features
from hadua.adapters.quality.gaze_watch import GazeWatch
from hadua.adapters.state import Fields
from hadua.models.errors import InvalidInputError
from hadua.models.features import BoolArray, FeatureSpec, FloatArray, Modality
from hadua.models.quality import GazeQuality

_PUPIL = ("mean_mm", "sd_mm", "de_0_0.2_hz", "de_0.2_0.4_hz", "de_0.4_0.6_hz", "de_0.6_1_hz")
EYE_33: tuple[str, ...] = (
    *(f"pupil_left_{name}" for name in _PUPIL),
    *(f"pupil_right_{name}" for name in _PUPIL),
    "dispersion_x_mean_deg",
    "dispersion_x_sd_deg",
    "dispersion_y_mean_deg",
    "dispersion_y_sd_deg",
    "fixation_duration_mean_ms",
    "fixation_duration_sd_ms",
    "blink_duration_mean_ms",
    "blink_duration_sd_ms",
    "saccade_duration_mean_ms",
    "saccade_duration_sd_ms",
    "saccade_amplitude_mean_deg",
    "saccade_amplitude_sd_deg",
    "blink_frequency_hz",
    "fixation_frequency_hz",
    "fixation_duration_max_ms",
    "fixation_dispersion_total_deg",
    "fixation_dispersion_max_deg",
    "saccade_frequency_hz",
    "saccade_duration_average_ms",
    "saccade_amplitude_average_deg",
    "saccade_latency_average_ms",
)
MIN_QUALITY = 0.5
# A step is known a sample or two after it: at worst two of the longest sample intervals.
_TAIL_STEPS = round(2.0 * MAX_INTERVAL_S / STEP_S)


def eye_feature_spec(*, window_s: float, hop_s: float) -> FeatureSpec:
    """The spec of `hadua-eye/1` for windows of `window_s` every `hop_s`."""
    return FeatureSpec(Modality.EYE, "hadua-eye", 1, EYE_33, window_s, hop_s)


@dataclass(frozen=True, slots=True, eq=False)
class EyeFeatures:
    """The features of one window.

    Args:
        values: `(33,)` in the order of `EYE_33`; NaN where absent.
        present: `(33,)` whether it was measured.
        quality: Share of the window in which at least one eye was measured.
        reason: What signal was missing, in words. Empty if none was, although features may be
            absent all the same: a window without a blink has no blink duration.
        signal: How well each eye was seen.
    """

    values: FloatArray
    present: BoolArray
    quality: float
    reason: str
    signal: GazeQuality


class EyeMovementFeatures:
    """Takes gaze samples as they come and sums up windows of them.

    Push every sample before a window's end, and none after it, then ask for the window: then the
    answer depends neither on how the samples were cut into chunks nor on what came later.

    Args:
        window_s: Length of a window.
        rate_hz: Nominal rate of the stream, or None if it has none; see `EyeEventDetector`.
        edges_deg: Where the screen ends to the sides and above, by eye; without them, nowhere.

    Raises:
        InvalidInputError: a window longer than the pupil's history.
    """

    STATE: ClassVar[Fields] = {
        "_grid": EyeGrid,
        "_machine": EyeStepMachine,
        "_coverage": Coverage,
        "_watch": GazeWatch,
        "_pupil": PupilHistory,
        "_events": deque[EyeEvent],
    }

    def __init__(
        self,
        window_s: float,
        *,
        rate_hz: float | None,
        edges_deg: Sequence[tuple[float, float]] = ((90.0, 90.0), (90.0, 90.0)),
    ) -> None:
        if not 0.0 < window_s <= MAX_CELLS_S:
            raise InvalidInputError(
                "window of eye movement",
                got=f"{window_s} s",
                expected=f"up to {MAX_CELLS_S:g} s, as long as the pupil is remembered",
            )
        self._window_s = window_s
        self._sends_lost_samples = bool(rate_hz)
        self._edges_deg = edges_deg
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._grid = EyeGrid()
        self._machine = EyeStepMachine(sends_lost_samples=self._sends_lost_samples)
        self._coverage = Coverage()
        self._watch = GazeWatch(self._edges_deg)
        self._pupil = PupilHistory()
        self._events: deque[EyeEvent] = deque()

    def push(self, samples: GazeSamples) -> list[EyeEvent]:
        """Take samples; return the events that they settle."""
        steps = self._grid.push(samples)
        if not len(steps):
            return []
        seen = steps.seen
        self._coverage.push(steps.k, seen[:, :1] | seen[:, 1:])
        self._watch.push(steps)
        self._pupil.push(steps)
        settled = self._machine.push(steps)
        self._events += settled
        return settled

    def window(self, end_s: float) -> EyeFeatures:
        """Sum up the window that ends at `end_s`, exclusive. Windows must be asked for in order."""
        start_s = end_s - self._window_s
        while self._events and self._events[0].settled_s < start_s:
            self._events.popleft()
        first, last = round(start_s / STEP_S), round(end_s / STEP_S)
        quality = float(self._coverage.share(first, last, tail_steps=_TAIL_STEPS)[0])
        events = tuple(self._events)
        signal = self._watch.quality(
            first, last, events, tail_steps=_TAIL_STEPS, window_s=self._window_s
        )
        if quality < MIN_QUALITY:
            values = np.full(len(EYE_33), np.nan)
            reason = f"gaze was measured for {quality:.0%} of the window, {MIN_QUALITY:.0%} needed"
        else:
            values = self._measure(end_s, events, quality)
            reason = _reason(values)
        return EyeFeatures(values, np.isfinite(values), quality, reason, signal)

    def _measure(self, end_s: float, events: Sequence[EyeEvent], quality: float) -> FloatArray:
        blinks_s = sum(e.duration_s for e in events if e.kind is EyeEventKind.BLINK)
        observed_s = min(self._window_s, quality * self._window_s + blinks_s)
        pupils = np.empty((len(EYES), len(_PUPIL)))
        pupils[:, 0], pupils[:, 1] = self._pupil.mean_sd_mm(end_s - self._window_s, end_s)
        pupils[:, 2:] = self._pupil.band_entropy()
        return np.concatenate((pupils.ravel(), event_features(events, observed_s=observed_s)))


_PUPILS = tuple((EYE_33.index(f"pupil_{eye}_mean_mm"), eye) for eye in EYES)


def _reason(values: FloatArray) -> str:
    """Signal that a tracker should have given and has not; that nobody blinked is no fault."""
    lost = [eye for i, eye in _PUPILS if isnan(values[i])]
    return f"no {' and no '.join(lost)} pupil diameter" if lost else ""
