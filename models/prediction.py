"""One answer of the model for one window, and the rule that turns logits into it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from hadua.models.features import FloatArray


class ModalityState(StrEnum):
    """What became of a modality in one prediction."""

    USED = "used"
    MISSING = "missing"  # no usable samples in this window: gap, loss, stream gone
    UNMAPPED = "unmapped"  # the stream covers too little of what the model was trained on
    NOT_CONNECTED = "not connected"  # the session was started without such a stream
    NOT_IN_MODEL = "not in model"  # the bundle has no such input


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says about one window, and what it was based on.

    Args:
        start_s: LSL time at which the window starts.
        end_s: LSL time at which it ends.
        classes: Class names in the bundle's order.
        probabilities: One per class, summing to 1; None when there was nothing to predict from.
        label: The likeliest class; None when abstained.
        confidence: Its probability; None when there are no probabilities.
        abstained: True if no label is given, and `reason` says why.
        reason: Why it abstained, or what was degraded; empty if all is well.
        modalities: State of each modality by name.
        quality: Share of usable signal of each modality by name, 0 to 1.
        profile_version: Version of the participant's profile; 0 is the bundle as shipped.
        bundle: `name@hash` of the bundle.
    """

    start_s: float
    end_s: float
    classes: tuple[str, ...]
    probabilities: tuple[float, ...] | None
    label: str | None
    confidence: float | None
    abstained: bool
    reason: str
    modalities: Mapping[str, ModalityState]
    quality: Mapping[str, float]
    profile_version: int
    bundle: str


def softmax(logits: FloatArray, *, temperature: float = 1.0) -> FloatArray:
    """Probabilities `(..., n_classes)` of logits `(..., n_classes)`, in float64."""
    z = np.asarray(logits, np.float64) / temperature
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))
