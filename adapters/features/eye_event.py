"""What the eyes did: one fixation, saccade or blink."""

from dataclasses import dataclass
from enum import StrEnum


class EyeEventKind(StrEnum):
    """What the eyes did."""

    FIXATION = "fixation"
    SACCADE = "saccade"
    BLINK = "blink"


@dataclass(frozen=True, slots=True)
class EyeEvent:
    """One fixation, saccade or blink. A value that its kind does not have is None.

    Args:
        kind: What it is.
        start_s: LSL time at which it began.
        end_s: LSL time at which it ended.
        settled_s: Time of the sample that settled it, a little after its end.
        amplitude_deg: Saccade: from its first to its last point, degrees.
        peak_deg_s: Saccade: highest speed.
        latency_s: Saccade: time since the end of the last saccade; None if the signal was lost
            in between or there was none.
        dispersion_x_deg: Fixation: standard deviation of gaze across, mean of the eyes.
        dispersion_y_deg: Fixation: standard deviation of gaze up and down.
    """

    kind: EyeEventKind
    start_s: float
    end_s: float
    settled_s: float
    amplitude_deg: float | None = None
    peak_deg_s: float | None = None
    latency_s: float | None = None
    dispersion_x_deg: float | None = None
    dispersion_y_deg: float | None = None

    @property
    def duration_s(self) -> float:
        """How long it lasted."""
        return self.end_s - self.start_s
