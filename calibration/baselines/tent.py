"""Tent: least entropy by BatchNorm's scales and shifts alone.

Wang, Shelhamer, Liu, Olshausen, Darrell: *Tent: Fully Test-Time Adaptation by Entropy
Minimization*, ICLR 2021, arXiv 2006.10726. Statistics are the batch's; the scale and shift of every
BatchNorm are trained by Adam (rate 1e-3, no weight decay) on the mean entropy of the batch's
predictions; everything else is frozen.

What differs here. Images come in test batches that are answered and learnt from at once; windows
are answered one by one, from what was learnt before, so answers use the statistics of all windows
seen (see `adopt_statistics`) and batches are drawn from those. BatchNorm is in the encoders. Tent's
networks have no dropout; ours stays off, for the entropy to lower is that of the answers.
"""

import torch
from torch import nn

from hadua.calibration.baselines.batch_statistics import adopt_statistics
from hadua.calibration.draws import TargetSource, answers, crop_length
from hadua.calibration.follower import Follower
from hadua.calibration.information import mean_entropy
from hadua.calibration.learner import Learner, Method, Start
from hadua.calibration.windows import Windows

RATE = 1e-3
BATCH = 200
BN_PRIOR_WINDOWS = 32.0


class TentLearner(Follower):
    """Lowers the entropy of a person's predictions.

    Args:
        start: Where to begin.
        seed: Start of every random number.
        rate: Learning rate of Adam.
    """

    def __init__(self, start: Start, seed: int, *, rate: float = RATE) -> None:
        super().__init__(start, seed)
        self._source = start.network
        self.network.requires_grad_(False)
        self._affine = [
            p
            for m in self.network.modules()
            if isinstance(m, nn.BatchNorm1d)
            for p in m.requires_grad_(True).parameters()
        ]
        self._optimiser = torch.optim.Adam(self._affine, lr=rate, fused=True)

    def adapt(self, own: Windows, *, steps: int) -> None:
        """Take steps on batches of all windows seen, then their statistics."""
        target = TargetSource(own, length=crop_length(self.network.context))
        # Only the encoders: they alone have BatchNorm, and the dropout elsewhere stays off.
        self.network.eeg.train()
        self.network.eye.train()
        for _ in range(steps if len(target) > 1 else 0):
            _, logits = answers(self.network, target.draw(BATCH, self.chance.rng))
            self._optimiser.zero_grad()
            mean_entropy(logits).backward()  # type: ignore[no-untyped-call]
            self._optimiser.step()
        adopt_statistics(self.network, self._source, own, prior_windows=BN_PRIOR_WINDOWS)


def _begin(start: Start, seed: int) -> Learner:
    return TentLearner(start, seed)


TENT = Method(
    "tent",
    "Tent (Wang et al. 2021)",
    _begin,
    settings={"rate": RATE, "batch": BATCH, "bn_prior_windows": BN_PRIOR_WINDOWS},
)
