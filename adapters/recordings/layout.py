"""How a recorded session lies in an XDF file.

Beside the devices' streams, under their own headers and with the stamps that the pipeline got, a
file holds:

    HADUA-session      strings (JSON): what was recorded with what: versions, bundle, settings,
                       mapping, state; one at the start, one for the pipeline, one for each profile
                       that answers (before the step from which it does), one at the end
    HADUA-steps        what the pipeline took, in its order: the samples by number, not by value;
                       and from where on another profile answers
    HADUA-frames       strings (JSON): every frame as the clients got it
    HADUA-predictions  the predictions as numbers, stamped with the end of their window
    HADUA-markers      strings: markers that came over REST or from the simulator; those of LSL
                       streams are recorded under the names of these

Samples and steps are apart because a recording must not lose what the pipeline dropped, and must
know that it did. A device's stream that comes back changed goes on as a stream of its own: the
header of each (`desc/hadua/spec`) says what the pipeline was told of it.
"""

from dataclasses import dataclass
from enum import IntEnum

from hadua.models.features import Modality

LAYOUT_VERSION = 2
PROFILES_KEPT = 8
"""A profile that answers again is written again, unless it is one of the last so many written."""

SESSION, STEPS, FRAMES = "HADUA-session", "HADUA-steps", "HADUA-frames"
PREDICTIONS, MARKERS = "HADUA-predictions", "HADUA-markers"
MARKER_TYPE = "Markers"
STREAM_TYPES = {
    SESSION: "HaduaSession",
    STEPS: "HaduaSteps",
    FRAMES: "HaduaFrames",
    PREDICTIONS: "Predictions",
}

MODALITIES = (Modality.EEG, Modality.EYE)
"""In a step, a modality is its place here."""

STEP_COLUMNS = ("modality", "event", "first_sample", "n_samples", "gap_before")


class StepEvent(IntEnum):
    """What a step was."""

    SAMPLES = 0
    ENDED = 1  # the stream gives no more
    PROFILE = 2  # another profile answers from here on; `first_sample` is its version


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a pipeline was told.

    Args:
        modality: Of which stream.
        event: What.
        t_s: LSL time of the last of its samples, or of the event.
        first_sample: Number of the first of its samples; in a file, from the beginning of the
            recording. The version of a profile.
        n_samples: How many.
        gap_before: Whether samples are missing before them.
    """

    modality: Modality
    event: StepEvent
    t_s: float
    first_sample: int = 0
    n_samples: int = 0
    gap_before: bool = False
