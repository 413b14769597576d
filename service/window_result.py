"""What a pipeline gives for one window."""

from collections.abc import Mapping
from dataclasses import dataclass

from hadua.models.features import FeatureWindow, Modality
from hadua.models.prediction import Prediction
from hadua.models.quality import SignalQuality


@dataclass(frozen=True, slots=True)
class WindowResult:
    """A prediction and what it cost.

    Args:
        prediction: The answer for one window.
        stage_ms: Milliseconds spent per stage: `features` (shared by the windows that one chunk
            completed) and `model`.
        quality: How good the signal behind it was, of each modality that had any.
        windows: What was measured, of each modality that is of use to the bundle.
    """

    prediction: Prediction
    stage_ms: Mapping[str, float]
    quality: Mapping[Modality, SignalQuality]
    windows: Mapping[Modality, FeatureWindow]
