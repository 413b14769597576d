"""Feature windows of a person who sits still, for calibration sessions."""

from collections.abc import Mapping

import numpy as np

from hadua.calibration.plan import Plan
from hadua.calibration.session import CalibrationSession
from hadua.models.bundle import Bundle
from hadua.models.features import FeatureWindow, Modality

PLAN = Plan(baseline_s=2.0, windows=130, fewest=120, least={Modality.EEG: 100, Modality.EYE: 60})


def a_session(bundle: Bundle, plan: Plan = PLAN) -> CalibrationSession:
    return CalibrationSession.of(bundle, id="c1", participant="P01", plan=plan)


def windows_at(
    k: int,
    bundle: Bundle,
    *,
    quality: float = 1.0,
    without: Modality | None = None,
    missing: float = 0.0,
) -> tuple[float, Mapping[Modality, FeatureWindow]]:
    """The k-th end, and a window of each modality whose first value is k."""
    end_s = 1000.0 + k * bundle.hop_s
    rng = np.random.default_rng(abs(k))
    windows = {}
    for modality, spec in bundle.specs.items():
        n = len(spec.names)
        values = rng.standard_normal(n)
        values[0] = k
        present = np.arange(n) >= round(missing * n)
        start_s = end_s - spec.window_s
        windows[modality] = (
            FeatureWindow.absent(spec, start_s=start_s, end_s=end_s, reason="gap")
            if modality is without
            else FeatureWindow(spec, values, start_s, end_s, quality, present)
        )
    return end_s, windows
