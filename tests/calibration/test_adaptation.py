"""Our own method: each term of its objective does something, and a stream cannot fool it early."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from support.toy_people import N_CLASSES, STRETCH, accuracy, moved, people, start

from hadua.calibration.adaptation import HaduaLearner, Objective, trials
from hadua.calibration.consensus import Consensus
from hadua.calibration.embeddings import SourceEmbeddings
from hadua.calibration.learner import Method
from hadua.calibration.ours import ABLATION, OURS
from hadua.calibration.source_terms import embeddings_of
from hadua.calibration.windows import Windows
from hadua.models.features import FloatArray

TARGET = moved(people(1, n_stretches=8, turn_deg=40.0).windows, offset=0.5, gain=1.3)


def learnt(objective: Objective, target: Windows = TARGET, *, steps: int = 8) -> FloatArray:
    learner = HaduaLearner(start(), 0, objective=objective)
    learner.learn(target, steps=steps)
    return learner.logits(target)


def test_it_follows_classes_that_turned_where_their_own_z_score_does_not() -> None:
    data = people(3, n_stretches=20, turn_deg=80.0, noise=0.5)
    before = learnt(Objective(), data.windows, steps=0)

    after = learnt(replace(Objective(), rate=1e-3), data.windows, steps=120)

    assert accuracy(before, data.y) < 0.9
    assert accuracy(after, data.y) > accuracy(before, data.y) + 0.05


TURNED = people(3, n_stretches=12, turn_deg=75.0, noise=1.5)


@cache
def after_sixty_steps(name: str, *, context: int) -> FloatArray:
    """Logits of people who turned, by a method."""
    (method,) = (m for m in (OURS, *ABLATION) if m.name == name)
    learner = method.begin(start(context=context), 0)
    learner.learn(TURNED.windows, steps=60)
    return learner.logits(TURNED.windows)


@pytest.mark.parametrize("method", ABLATION, ids=lambda m: m.name)
def test_every_part_that_an_ablation_leaves_out_was_at_work(method: Method) -> None:
    context = method.context or 3

    full, without = (after_sixty_steps(m.name, context=context) for m in (OURS, method))

    if method.context is None:
        assert np.abs(full - without).max() > 1e-6
    else:
        np.testing.assert_array_equal(full, without)  # another network, the same objective


def test_the_first_trials_alone_move_no_weight() -> None:
    learner, few = HaduaLearner(start(), 0, objective=Objective()), TARGET.pick(np.arange(18))
    weights = [p.clone() for p in learner.network.parameters()]

    learner.learn(few, steps=50)

    assert trials(few, windows_each=20) < 2 * N_CLASSES
    for before, after in zip(weights, learner.network.parameters(), strict=True):
        assert torch.equal(before, after)


def test_steps_put_by_are_taken_when_enough_was_seen() -> None:
    at_once = learnt(Objective(), steps=12)
    learner = HaduaLearner(start(), 0, objective=Objective())
    for n in (1, 2, 8):
        learner.learn(TARGET.pick(np.arange(n * STRETCH)), steps=4)

    np.testing.assert_array_equal(learner.logits(TARGET), at_once)


def test_it_learns_again_only_when_much_more_was_seen() -> None:
    learner = HaduaLearner(start(), 0, objective=replace(Objective(), prior_windows=1e9))
    seen = []
    for n in range(1, 9):
        learner.learn(TARGET.pick(np.arange(n * STRETCH)), steps=2)
        seen.append(learner.network)

    anew = [n for n, (a, b) in enumerate(pairwise(seen), 2) if a is not b]

    assert anew == [4, 6]


@pytest.mark.parametrize(("lengths", "expected"), [([1], 1), ([20, 21], 3), ([5] * 4, 4), ([], 0)])
def test_long_stretches_count_as_several_trials(lengths: list[int], expected: int) -> None:
    stretch = np.repeat(np.arange(len(lengths)), lengths)
    windows = replace(TARGET.pick(np.zeros(len(stretch), np.int64)), stretch=stretch)

    assert trials(windows, windows_each=20) == expected


def test_embeddings_carry_the_consensus_that_windows_give() -> None:
    embeddings = embeddings_of(start(), seed=0)

    back = SourceEmbeddings.of(embeddings.to_statistics())

    agreed = Consensus.of(start().source, n_classes=N_CLASSES)
    assert agreed is not None
    assert back.consensus is not None
    np.testing.assert_allclose(back.consensus.eeg, agreed.eeg, rtol=1e-5, atol=1e-7)


def test_without_people_to_compare_pseudo_labels_are_the_teachers_alone() -> None:
    """Fewer than three source people agree on nothing that could be checked."""
    both = start()
    few = replace(both, source=both.source.pick(np.flatnonzero(both.source.windows.subject < 12)))

    def by(objective: Objective) -> FloatArray:
        learner = HaduaLearner(few, 0, objective=objective)
        learner.learn(TARGET, steps=8)
        return learner.logits(TARGET)

    np.testing.assert_array_equal(by(Objective()), by(Objective(reading=False)))
