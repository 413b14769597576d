import numpy as np
import pytest
from support.evaluation import indices, stream

from hadua.calibration.labelled import UNLABELLED
from hadua.calibration.leaky import leaky_best_step_on_test_labels
from hadua.calibration.protocols import Budget
from hadua.calibration.windows import Windows
from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray


class Overshooting:
    """Right about all windows after ten steps, and only then."""

    def __init__(self) -> None:
        self.steps, self.seen = 0, list[Windows]()

    def learn(self, target: Windows, *, steps: int) -> None:
        self.seen.append(target)
        self.steps += steps

    def logits(self, windows: Windows) -> FloatArray:
        right = 1.0 if self.steps == 10 else -1.0
        truth = np.array(indices(windows)) % 2
        logits: FloatArray = right * (2.0 * np.eye(2)[truth] - 1.0)
        return logits

    def fused(self, windows: Windows) -> FloatArray:
        return np.zeros((len(windows), 384))


def test_the_best_step_is_found_by_looking_at_the_labels() -> None:
    target = stream([4, 4])
    y = np.array([0, 1, 0, 1, 0, 1, 0, UNLABELLED])

    found = leaky_best_step_on_test_labels(
        learner := Overshooting(), target, Budget(steps=40), test_labels=y
    )
    missed = leaky_best_step_on_test_labels(
        Overshooting(), target, Budget(steps=40), test_labels=y, every=20
    )

    assert (found.logits.argmax(axis=1) == np.arange(8) % 2).all()
    assert (missed.logits.argmax(axis=1) != np.arange(8) % 2).all()
    assert learner.steps == 40
    assert all(seen is target for seen in learner.seen), "the learner sees windows alone"


def test_without_labels_there_is_nothing_to_choose_by() -> None:
    with pytest.raises(InvalidInputError, match="got no label"):
        leaky_best_step_on_test_labels(
            Overshooting(), stream([3]), Budget(), test_labels=np.full(3, UNLABELLED)
        )
