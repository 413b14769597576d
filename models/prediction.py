"""One answer of the model for one window, and the rule that turns logits into it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray
from hadua.models.manifest import Description


class ModalityState(StrEnum):
    """What became of a modality in one prediction."""

    USED = "used"
    MISSING = "missing"  # no usable samples in this window: gap, loss, stream gone
    MASKED = "masked"  # samples came, but too little of them was good enough to be used
    UNMAPPED = "unmapped"  # the stream covers too little of what the model was trained on
    NOT_CONNECTED = "not connected"  # the session was started without such a stream
    NOT_IN_MODEL = "not in model"  # the bundle has no such input


class Abstention(StrEnum):
    """Why there is no label."""

    UNMAPPED = "unmapped"  # a connected stream does not map to the model
    NO_SIGNAL = "no-signal"  # nothing was measured in the window
    POOR_SIGNAL = "poor-signal"  # what was measured was not good enough to be used
    LOW_CONFIDENCE = "low-confidence"  # the likeliest class is not likely enough


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
        abstention: Why there is no label, as a word of its own; None if there is one.
        interpolated: EEG channels, missing or bad, whose features came from their neighbours.
        left_out: EEG channels that were bad and could not be interpolated.
        computed: Where the network ran: `here`, or who else it was.
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
    abstention: Abstention | None = None
    interpolated: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    computed: str = "here"


def softmax(logits: FloatArray, *, temperature: float = 1.0) -> FloatArray:
    """Probabilities `(..., n_classes)` of logits `(..., n_classes)`, in float64."""
    z = np.asarray(logits, np.float64) / temperature
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def decide(
    logits: FloatArray | None,
    *,
    manifest: Description,
    start_s: float,
    end_s: float,
    modalities: Mapping[str, ModalityState],
    quality: Mapping[str, float],
    reason: str,
    bundle_id: str,
    profile_version: int = 0,
    interpolated: tuple[str, ...] = (),
    left_out: tuple[str, ...] = (),
    computed: str = "here",
) -> Prediction:
    """Turn what is known of one window into an answer, or into a reason for giving none.

    There are no probabilities without logits, nor when no modality was used: they would be made
    up. There is no label when a connected stream does not map to the model (`UNMAPPED`), or when
    the confidence is below the bundle's threshold.

    Args:
        logits: `(n_classes,)`, or None when nothing was asked of the model.
        manifest: The bundle's: its classes, temperature and threshold.
        start_s: LSL time at which the window starts.
        end_s: LSL time at which it ends.
        modalities: State of each modality by name.
        quality: Share of usable signal of each modality by name.
        reason: What is wrong with the window, in words; empty if nothing is.
        bundle_id: `name@hash` of the bundle.
        profile_version: Version of the participant's profile.
        interpolated: EEG channels whose features came from their neighbours.
        left_out: EEG channels that were bad and could not be interpolated.
        computed: Where the logits were.

    Raises:
        InvalidInputError: Logits of another number, or not finite.
    """
    probabilities = None
    if logits is not None and ModalityState.USED in modalities.values():
        _require_logits(logits, manifest)
        probabilities = softmax(logits, temperature=manifest.temperature)
    abstention, refusal = _refusal(probabilities, modalities, abstain_below=manifest.abstain_below)
    best = None if probabilities is None else int(probabilities.argmax())
    # A refusal that only repeats what the caller has said in better words is left out.
    generic = probabilities is None or ModalityState.UNMAPPED in modalities.values()
    said = reason if reason and generic else "; ".join(filter(None, (reason, refusal)))
    return Prediction(
        start_s=start_s,
        end_s=end_s,
        classes=manifest.classes,
        probabilities=None if probabilities is None else tuple(probabilities.tolist()),
        label=manifest.classes[best] if best is not None and abstention is None else None,
        confidence=None if probabilities is None else float(probabilities.max()),
        abstained=abstention is not None,
        reason=said,
        modalities=modalities,
        quality=quality,
        profile_version=profile_version,
        bundle=bundle_id,
        abstention=abstention,
        interpolated=interpolated,
        left_out=left_out,
        computed=computed,
    )


def _refusal(
    probabilities: FloatArray | None,
    modalities: Mapping[str, ModalityState],
    *,
    abstain_below: float,
) -> tuple[Abstention | None, str]:
    """Why no label may be given, in a word and in words; None and nothing if one may."""
    unmapped = [name for name, s in modalities.items() if s is ModalityState.UNMAPPED]
    if unmapped:
        which = " and ".join(unmapped)
        return Abstention.UNMAPPED, f"{which}: too little of what the model was trained on"
    if probabilities is None and ModalityState.MASKED in modalities.values():
        return Abstention.POOR_SIGNAL, "what was measured in this window is not good enough"
    if probabilities is None:
        return Abstention.NO_SIGNAL, "nothing was measured in this window"
    confidence = float(probabilities.max())
    if confidence < abstain_below:
        return (
            Abstention.LOW_CONFIDENCE,
            f"confidence {confidence:.2f} is below {abstain_below:.2f}",
        )
    return None, ""


def _require_logits(logits: FloatArray, manifest: Description) -> None:
    n = len(manifest.classes)
    if logits.shape != (n,) or not np.isfinite(logits).all():
        raise InvalidInputError(
            "logits to decide on", got=f"{logits.tolist()}", expected=f"{n} finite values"
        )
