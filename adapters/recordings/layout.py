"""How a recorded session lies in an XDF file.

Beside the devices' streams, under their own headers and with the stamps that the pipeline got, a
file holds:

    HADUA-session      strings (JSON): what was recorded with what: versions, bundle, settings,
                       mapping; one at the start, one for each pipeline, one at the end
    HADUA-steps        what the pipeline took, in its order: the samples by number, not by value
    HADUA-frames       strings (JSON): every frame as the clients got it
    HADUA-predictions  the predictions as numbers, stamped with the end of their window
    HADUA-markers      strings: markers that came over REST or from the simulator; those of LSL
                       streams are recorded under the names of these

Samples and steps are apart because a recording must not lose what the pipeline dropped, and must
know that it did.
"""

from dataclasses import dataclass
from enum import IntEnum

from hadua.models.features import Modality

LAYOUT_VERSION = 1

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


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a pipeline was told.

    Args:
        modality: Of which stream.
        event: What.
        t_s: LSL time of the last of its samples, or of the event.
        first_sample: Number of the first of its samples; in a file, from the beginning of the
            recording.
        n_samples: How many.
        gap_before: Whether samples are missing before them.
    """

    modality: Modality
    event: StepEvent
    t_s: float
    first_sample: int = 0
    n_samples: int = 0
    gap_before: bool = False
