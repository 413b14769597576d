"""AdaBN: BatchNorm with the person's statistics instead of the source's; no gradient.

Li, Wang, Shi, Liu, Hou: *Revisiting Batch Normalization for Practical Domain Adaptation*, arXiv
1603.04779, algorithm 1: each neuron's mean and variance are taken over all target samples, the
weights stay. There a sample is an image; here it is a window, for the encoders see windows one by
one. A person who has been seen briefly keeps a share of the source's statistics (see
`adopt_statistics`).
"""

from hadua.calibration.baselines.batch_statistics import adopt_statistics
from hadua.calibration.follower import Follower
from hadua.calibration.learner import Learner, Method, Start
from hadua.calibration.windows import Windows

PRIOR_WINDOWS = 32.0


class AdaBNLearner(Follower):
    """Answers with the statistics of every window seen so far.

    Args:
        start: Where to begin.
        seed: Unused but for the interface: nothing is drawn.
        prior_windows: Windows of the source that count beside the person's; 0 as published.
    """

    def __init__(self, start: Start, seed: int, *, prior_windows: float = PRIOR_WINDOWS) -> None:
        super().__init__(start, seed)
        self._source, self._bn_prior = start.network, prior_windows

    def adapt(self, own: Windows, *, steps: int) -> None:
        """Take the statistics of all windows; `steps` says nothing here."""
        adopt_statistics(self.network, self._source, own, prior_windows=self._bn_prior)


def _begin(start: Start, seed: int) -> Learner:
    return AdaBNLearner(start, seed)


ADABN = Method(
    "adabn", "AdaBN (Li et al. 2016)", _begin, settings={"bn_prior_windows": PRIOR_WINDOWS}
)
