"""What is known without labels: of itself, of others, of one sense alone."""

import numpy as np
import pytest
from support.toy_people import EEG_ONLY, moved, people, start

from hadua.calibration.assessment import Answers


def test_a_network_agrees_with_itself() -> None:
    answers = Answers.of(start().network, people(1).windows)
    assert answers.changed_from(answers) == 0.0
    assert answers.divergence_from(answers) == 0.0
    assert answers.agreement is not None
    assert answers.agreement > 0.9  # of these people both senses say the same
    assert sum(answers.balance(("low", "high")).values()) == pytest.approx(1.0)


def test_other_windows_are_told_from_these() -> None:
    windows = people(1).windows
    before = Answers.of(start().network, windows)
    after = Answers.of(start().network, moved(windows, offset=1.5))
    assert after.divergence_from(before) > 0.1
    assert after.changed_from(before) > 0.1


def test_one_witness_cannot_be_compared() -> None:
    eeg_only = Answers.of(start(senses=EEG_ONLY).network, people(1, senses=EEG_ONLY).windows)
    assert eeg_only.agreement is None
    few = people(1).windows.pick(np.arange(12))
    assert Answers.of(start().network, few).agreement is None


def test_windows_of_which_nothing_was_measured_have_no_say() -> None:
    windows = people(1).windows
    answers = Answers.of(start().network, moved(windows, missing=0.5))
    measured = moved(windows, missing=0.5).present
    assert len(answers.probabilities) == measured.any(axis=1).sum()
    assert len(answers.by_eeg) == measured.all(axis=1).sum()
