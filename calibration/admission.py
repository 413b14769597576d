"""Which of a window's modalities count in a calibration, and why the others do not."""

from collections.abc import Mapping

from hadua.calibration.session_state import Refusal
from hadua.models.bundle import Bundle
from hadua.models.features import FeatureWindow, Modality

_TOLD_FIRST = (Refusal.OTHER_FEATURES, Refusal.POOR_QUALITY, Refusal.FEW_FEATURES)
"""What was there and too poor is worth more words than what was not there."""


def admit(
    windows: Mapping[Modality, FeatureWindow],
    bundle: Bundle,
    *,
    end_s: float,
    last_s: float | None,
    min_quality: float,
) -> tuple[Mapping[Modality, FeatureWindow], Refusal | None]:
    """Those windows that count; if there is none, why.

    Args:
        windows: One of each modality, all ending at `end_s`.
        bundle: What they must fit.
        end_s: LSL time of their end.
        last_s: That of the ones before; None for the first.
        min_quality: Share of the signal that must have been usable.
    """
    if last_s is not None and not end_s > last_s:
        return {}, Refusal.OUT_OF_ORDER
    refusals = {m: _refusal(w, bundle, min_quality) for m, w in windows.items()}
    kept = {m: windows[m] for m, refusal in refusals.items() if refusal is None}
    if kept:
        return kept, None
    told = [refusal for refusal in _TOLD_FIRST if refusal in refusals.values()]
    return {}, told[0] if told else Refusal.NOTHING_MEASURED


def _refusal(window: FeatureWindow, bundle: Bundle, min_quality: float) -> Refusal | None:
    modality = window.spec.modality
    if bundle.specs.get(modality) != window.spec:
        return Refusal.OTHER_FEATURES
    if not window.usable:
        return Refusal.NOTHING_MEASURED
    if window.quality < min_quality:
        return Refusal.POOR_QUALITY
    if float(window.present.mean()) < bundle.manifest.min_coverage[modality]:
        return Refusal.FEW_FEATURES
    return None
