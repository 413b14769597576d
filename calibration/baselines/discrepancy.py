"""MMD alone: source cross-entropy plus the multi-kernel discrepancy of the fused features.

Long, Cao, Wang, Jordan: *Learning Transferable Features with Deep Adaptation Networks*, arXiv
1502.02791, in the form that HADUA uses (`objective.mmd`), with its gamma (arXiv 2601.21488). DAN
acts on several layers; here it is the one layer that HADUA names.
"""

from torch import Tensor

from hadua.calibration.baselines.joint import JointLearner, JointSettings, Sides
from hadua.calibration.learner import Learner, Method, Start
from hadua.calibration.objective import mmd

GAMMA = 0.5
SETTINGS = JointSettings(rate=1e-4)


def mmd_term(sides: Sides) -> Tensor:
    """The weighted discrepancy of the fused features."""
    return GAMMA * mmd(sides.source, sides.target)


def _begin(start: Start, seed: int) -> Learner:
    return JointLearner(start, seed, term=mmd_term, settings=SETTINGS)


MMD_ONLY = Method(
    "mmd",
    "MMD only (Long et al. 2015)",
    _begin,
    online_steps=3,
    settings={"gamma": GAMMA, **SETTINGS.record()},
)
