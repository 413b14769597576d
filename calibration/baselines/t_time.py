"""T-TIME: information maximisation at test time, with an adaptive marginal.

Li, Wang, Luo, Ding, Wu: *T-TIME: Test-Time Information Maximization Ensemble for Plug-and-Play
BCIs*, IEEE TBME 2023, arXiv 2412.07228, and its code (sylyoung/DeepTransferEEG). After each trial
one Adam step (rate 1e-3, all parameters, network in training mode) on a sliding batch of the last 8
trials, on the conditional entropy at temperature 2 plus the adaptive marginal distribution
regularisation with c = 4; z counts predictions above 0.7, each trial once, as it arrives.

What differs here. A trial there is one motor imagery of a random class; here 8 windows are a few
seconds of one film clip, of a single class, whose marginal nobody may want uniform. So a batch is
drawn from all windows seen, and z counts stretches, by their mean prediction. The trials' Euclidean
alignment becomes the person's own z-score, what it is for features. One network, not the ensemble
of five: the other methods have one as well. On development populations the published rate made the
classes collapse within a hundred steps, and a small c let the source's mistakes decide the
marginal, so the rate is 1e-4 and c 1000: nearly plain information maximisation, which is also what
the published code does with more than two classes.
"""

import numpy as np
import torch

from hadua.calibration.draws import TargetSource, answers, crop_length
from hadua.calibration.follower import Follower
from hadua.calibration.information import marginal_regularisation, mean_entropy
from hadua.calibration.learner import Learner, Method, Start
from hadua.calibration.stretches import logits_of_windows
from hadua.calibration.windows import Windows

RATE = 1e-4
BATCH = 128
TEMPERATURE = 2.0
PSEUDO_COUNT = 1000.0
CONFIDENT = 0.7


class TTimeLearner(Follower):
    """Makes predictions sure one by one, and varied as a whole.

    Args:
        start: Where to begin.
        seed: Start of every random number.
        rate: Learning rate of Adam.
    """

    def __init__(self, start: Start, seed: int, *, rate: float = RATE) -> None:
        super().__init__(start, seed)
        self._confident = torch.zeros(self.network.n_classes)
        self._counted: set[int] = set()
        self._optimiser = torch.optim.Adam(self.network.parameters(), lr=rate, fused=True)

    def adapt(self, own: Windows, *, steps: int) -> None:
        """Count what arrived, then take steps on batches of all windows seen."""
        self._count(own)
        target = TargetSource(own, length=crop_length(self.network.context))
        self.network.train()
        for _ in range(steps if len(target) > 1 else 0):
            _, logits = answers(self.network, target.draw(BATCH, self.chance.rng))
            loss = mean_entropy(logits, temperature=TEMPERATURE) + marginal_regularisation(
                logits, self._confident, temperature=TEMPERATURE, pseudo_count=PSEUDO_COUNT
            )
            self._optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimiser.step()
        self.network.eval()

    def _count(self, own: Windows) -> None:
        """Count the classes of the confident stretches that no call before has had."""
        logits = torch.from_numpy(logits_of_windows(self.network, own))
        p = torch.softmax(logits / TEMPERATURE, dim=1)
        for stretch in np.setdiff1d(own.stretch[own.present.any(axis=1)], list(self._counted)):
            rows = torch.from_numpy((own.stretch == stretch) & own.present.any(axis=1))
            sure, label = p[rows].mean(dim=0).max(dim=0)
            self._confident[label] += float(sure > CONFIDENT)
            self._counted.add(int(stretch))


def _begin(start: Start, seed: int) -> Learner:
    return TTimeLearner(start, seed)


T_TIME = Method(
    "t-time",
    "T-TIME, one network (Li et al. 2023)",
    _begin,
    online_steps=3,
    settings={
        "rate": RATE,
        "batch": BATCH,
        "temperature": TEMPERATURE,
        "pseudo_count": PSEUDO_COUNT,
        "confident": CONFIDENT,
    },
)
