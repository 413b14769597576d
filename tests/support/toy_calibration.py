"""A toy person's calibration on disk, collected and ready to be fitted."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from support.toy_bundle import as_measured, toy_bundle
from support.toy_people import moved, people

from hadua.calibration.calibrating import Calibration
from hadua.calibration.fit_request import FitRequest
from hadua.calibration.plan import Plan
from hadua.calibration.policy import OPERATOR, Policy
from hadua.calibration.session import CalibrationSession
from hadua.calibration.store import ProfileStore
from hadua.models.features import FeatureWindow, Modality

PERSON = "P01"
LABELLED = people(3, n_stretches=24, turn_deg=75.0, noise=0.5)
COLLECTED = as_measured(moved(LABELLED.windows, offset=0.7, gain=1.4), toy_bundle())
PLAN = Plan(baseline_s=0.0, windows=140, fewest=120, least={Modality.EEG: 100, Modality.EYE: 100})


def toy_windows(k: int) -> tuple[float, Mapping[Modality, FeatureWindow]]:
    """The k-th windows of the person and their end."""
    bundle, end_s = toy_bundle(), float(COLLECTED.end_s[k])
    tables = {Modality.EEG: COLLECTED.eeg, Modality.EYE: COLLECTED.eye}
    windows = {
        m: FeatureWindow(
            spec,
            tables[m][k].astype(np.float64),
            end_s - spec.window_s,
            end_s,
            1.0,
            np.isfinite(tables[m][k]),
        )
        for m, spec in bundle.specs.items()
    }
    return end_s, windows


def collected(root: Path, *, policy: Policy = OPERATOR, plan: Plan = PLAN) -> Calibration:
    """A calibration that has collected all it needs; the store is in `root`."""
    session = CalibrationSession.of(toy_bundle(), id="c1", participant=PERSON, plan=plan)
    store = ProfileStore(root / "participants")
    calibration = Calibration.begin(store, toy_bundle(), session, policy=policy)
    for k in range(plan.windows):
        calibration.take(*toy_windows(k))
    return calibration


def again(calibration: Calibration, *, policy: Policy | None = None) -> Calibration:
    """The same after a restart of the service."""
    return Calibration.resume(
        calibration.store,
        calibration.bundle,
        participant=PERSON,
        at_unix=2e9,
        policy=calibration.policy if policy is None else policy,
    )


def quick(calibration: Calibration, *, steps: int = 3) -> FitRequest:
    """A request that is not worth its result, but soon done."""
    return calibration.request().model_copy(update={"steps": steps})
