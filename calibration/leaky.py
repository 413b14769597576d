"""A figure that must never guide anything: the best step, chosen on the labels that are scored.

Published figures are often of this kind. It is here, apart from all training and adaptation, only
to be set beside them under its own name.
"""

import numpy as np

from hadua.calibration.labelled import UNLABELLED, IntArray
from hadua.calibration.learner import Learner
from hadua.calibration.protocols import Answers, Budget
from hadua.calibration.windows import Windows
from hadua.models.errors import InvalidInputError

LEAKY_EVERY = 10


def leaky_best_step_on_test_labels(
    learner: Learner,
    target: Windows,
    budget: Budget,
    *,
    test_labels: IntArray,
    every: int = LEAKY_EVERY,
) -> Answers:
    """Adapt transductively and keep the answers that were best on the test's own labels.

    The learner still sees no label; which of its states counts is what leaks.

    Args:
        learner: A fresh one.
        target: Windows to adapt to and to answer.
        budget: Its `steps` are the most that are taken.
        test_labels: `(n,)` true classes of `target`, or `UNLABELLED`.
        every: Steps between two looks at the labels.

    Raises:
        InvalidInputError: no window has a label.
    """
    rows = np.flatnonzero(test_labels != UNLABELLED)
    if not len(rows):
        raise InvalidInputError("leaky best step", got="no label", expected="at least one")
    best, most = learner.logits(target), -1.0
    for step in range(0, budget.steps + 1, every):
        if step:
            learner.learn(target, steps=every)
        logits = learner.logits(target)
        right = float((logits[rows].argmax(axis=1) == test_labels[rows]).mean())
        if right > most:
            best, most = logits, right
    return Answers(np.arange(len(target)), best)
