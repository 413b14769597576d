"""A request to fit, carried out: in the calibration's folder, or of a parcel and in memory."""

from collections.abc import Callable

import numpy as np

from hadua.calibration.adaptation import HaduaLearner, Objective
from hadua.calibration.fit import STAGES, FitSettings, Stage, Target, fit
from hadua.calibration.fit_data import FitData, read_fit_data
from hadua.calibration.fit_parcel import FitParcel
from hadua.calibration.fit_request import FitRequest
from hadua.calibration.fitted import keep_fitted
from hadua.calibration.labelled import LabelledWindows
from hadua.calibration.learner import Start
from hadua.calibration.profile import Profile
from hadua.calibration.profile_files import to_files
from hadua.calibration.source_windows import load_source
from hadua.calibration.windows import Windows
from hadua.models.bundle import Bundle, load_bundle
from hadua.models.errors import CalibrationError
from hadua.models.network import HaduaNetwork

OnStage = Callable[[str, int, int], None]
"""Told a stage, its number, and how many there are."""
_WARM_WINDOWS, _WARM_WIDTHS, _WARM_STEPS = 160, (8, 4), 2


def fit_and_keep(request: FitRequest, *, on_stage: OnStage = lambda *_: None) -> None:
    """Fit, and put the profile into the calibration's folder.

    Args:
        request: What is asked for.
        on_stage: Told what is done next.

    Raises:
        HaduaError: anything that a request names and that cannot be used.
    """
    bundle = load_bundle(request.bundle)
    data = read_fit_data(request.session, bundle)
    source = None if request.source is None else load_source(request.source, bundle)
    keep_fitted(request.session, _fitted(bundle, data, request, source, on_stage))


def fit_parcel(
    bundle: Bundle, parcel: FitParcel, *, on_stage: OnStage = lambda *_: None
) -> dict[str, bytes]:
    """Fit, and keep nothing; the profile's files by name.

    Args:
        bundle: Where it begins.
        parcel: What is asked for.
        on_stage: Told what is done next.

    Raises:
        HaduaError: a parcel that cannot be used.
    """
    if parcel.bundle_digest != bundle.digest:
        raise CalibrationError(
            "a fit that was sent", got="windows for another bundle", expected=f"{bundle.id!r}"
        )
    return to_files(_fitted(bundle, parcel.data(bundle), parcel, None, on_stage))


def _fitted(
    bundle: Bundle,
    data: FitData,
    asked: FitRequest | FitParcel,
    source: LabelledWindows | None,
    on_stage: OnStage,
) -> Profile:
    def told(stage: Stage) -> None:
        on_stage(stage, STAGES.index(stage) + 1, len(STAGES))

    target = Target(
        data.participant,
        asked.version,
        asked.parent,
        data.collected,
        data.prior,
        data.refused,
        told=data.told,
    )
    settings = FitSettings(steps=asked.steps)
    return fit(bundle, target, source=source, seed=asked.seed, settings=settings, on_stage=told)


def warm() -> None:
    """Learn from noise, so that the first fit finds everything loaded."""
    rng, n = np.random.default_rng(0), _WARM_WINDOWS
    x = [rng.standard_normal((n, width)).astype(np.float32) for width in _WARM_WIDTHS]
    zeros = np.zeros(n, np.int64)
    windows = Windows(x[0], x[1], np.ones((n, 2), np.bool_), zeros, zeros, np.arange(n) // 20)
    network = HaduaNetwork(*_WARM_WIDTHS, 2, context=3).eval()
    start = Start(network, LabelledWindows(windows, np.arange(n) % 2))
    HaduaLearner(start, 0, objective=Objective()).learn(windows, steps=_WARM_STEPS)
