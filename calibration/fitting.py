"""A request to fit, carried out: from folders to a profile in the calibration's folder."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hadua.calibration.adaptation import HaduaLearner, Objective
from hadua.calibration.collected import Header, WindowFile
from hadua.calibration.fit import STAGES, FitSettings, Stage, Target, fit
from hadua.calibration.fit_request import FitRequest
from hadua.calibration.fitted import keep_fitted
from hadua.calibration.labelled import LabelledWindows
from hadua.calibration.learner import Start
from hadua.calibration.plan import MOST
from hadua.calibration.source_windows import load_source
from hadua.calibration.stored_labels import read_labels, told_of
from hadua.calibration.stored_session import WINDOWS, read_prior, read_session
from hadua.calibration.windows import Windows
from hadua.models.bundle import Bundle, load_bundle
from hadua.models.network import HaduaNetwork

_WARM_WINDOWS, _WARM_WIDTHS, _WARM_STEPS = 160, (8, 4), 2


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """What a request names, read."""

    bundle: Bundle
    target: Target
    source: LabelledWindows | None
    settings: FitSettings

    @classmethod
    def of(cls, request: FitRequest) -> "_Job":
        """Read it; raises what reading each part raises."""
        bundle = load_bundle(request.bundle)
        session = read_session(request.session)
        header = Header.of(bundle, participant=session.participant)
        collected = WindowFile(request.session / WINDOWS, header, most=MOST).read()
        labels = read_labels(request.session, n_classes=len(bundle.classes))
        return cls(
            bundle,
            Target(
                session.participant,
                request.version,
                request.parent,
                collected,
                read_prior(request.session, bundle),
                {str(reason): n for reason, n in session.refused.items()},
                told=told_of(labels, collected.end_s),
            ),
            None if request.source is None else load_source(request.source, bundle),
            FitSettings(steps=request.steps),
        )


def fit_and_keep(
    request: FitRequest,
    *,
    on_stage: Callable[[str, int, int], None] = lambda stage, number, stages: None,
) -> None:
    """Fit, and put the profile into the calibration's folder.

    Args:
        request: What is asked for.
        on_stage: Told what is done next, its number and how many there are.

    Raises:
        HaduaError: anything that a request names and that cannot be used.
    """

    def told(stage: Stage) -> None:
        on_stage(stage, STAGES.index(stage) + 1, len(STAGES))

    job = _Job.of(request)
    profile = fit(
        job.bundle,
        job.target,
        source=job.source,
        seed=request.seed,
        settings=job.settings,
        on_stage=told,
    )
    keep_fitted(request.session, profile)


def warm() -> None:
    """Learn from noise, so that the first fit finds everything loaded."""
    rng, n = np.random.default_rng(0), _WARM_WINDOWS
    x = [rng.standard_normal((n, width)).astype(np.float32) for width in _WARM_WIDTHS]
    zeros = np.zeros(n, np.int64)
    windows = Windows(x[0], x[1], np.ones((n, 2), np.bool_), zeros, zeros, np.arange(n) // 20)
    network = HaduaNetwork(*_WARM_WIDTHS, 2, context=3).eval()
    start = Start(network, LabelledWindows(windows, np.arange(n) % 2))
    HaduaLearner(start, 0, objective=Objective()).learn(windows, steps=_WARM_STEPS)
