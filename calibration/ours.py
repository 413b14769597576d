"""Our method, and the same without each of its parts: the rows of an ablation."""

from dataclasses import dataclass, replace

from hadua.calibration.adaptation import HaduaLearner, Objective
from hadua.calibration.learner import Learner, Method, Start


@dataclass(frozen=True, slots=True)
class _Begin:
    """Makes a learner; a value, so that it can be sent to another process."""

    objective: Objective

    def __call__(self, start: Start, seed: int) -> Learner:
        return HaduaLearner(start, seed, objective=self.objective)


def _method(name: str, title: str, objective: Objective, *, context: int | None = None) -> Method:
    return Method(name, title, _Begin(objective), context=context, settings=objective.record())


_FULL = Objective()

OURS = _method("ours", "HADUA, ours", _FULL)

ABLATION: tuple[Method, ...] = (
    _method("ours-source-free", "ours, source-free", replace(_FULL, source_free=True)),
    _method("ours-one-window", "ours without temporal attention", _FULL, context=1),
    _method("ours-no-weighting", "ours without Gaussian weights", replace(_FULL, weighting=False)),
    _method("ours-no-alignment", "ours without uniform alignment", replace(_FULL, alignment=False)),
    _method("ours-no-cmmd", "ours without CMMD", replace(_FULL, gamma_cmmd=0.0)),
    _method("ours-no-mmd", "ours without MMD", replace(_FULL, gamma_mmd=0.0)),
    _method(
        "ours-no-pseudo-labels",
        "ours without learning from pseudo-labels",
        replace(_FULL, gamma_pseudo=0.0),
    ),
    _method(
        "ours-no-information",
        "ours without information maximisation",
        replace(_FULL, gamma_information=0.0),
    ),
    _method("ours-no-reading", "ours without reading", replace(_FULL, reading=False)),
    _method(
        "ours-no-consensus",
        "ours, reading without the source people's consensus",
        replace(_FULL, consensus=False),
    ),
    _method(
        "ours-no-smoothing", "ours without smoothing in time", replace(_FULL, smooth_windows=0.0)
    ),
)
"""Each without one part."""
