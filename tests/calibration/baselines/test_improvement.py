"""Every method mends the kind of shift that it is made for, better than doing nothing does."""

import numpy as np
import pytest
import torch
from support.toy_people import N_CLASSES, accuracy, moved, people, start

from hadua.calibration.baselines.coral import coral_term
from hadua.calibration.baselines.discrepancy import mmd_term
from hadua.calibration.baselines.joint import JointLearner, JointSettings, Sides, Term
from hadua.calibration.baselines.published import PublishedTerm
from hadua.calibration.baselines.registry import BASELINES
from hadua.calibration.baselines.softmatch import SoftMatchTerm
from hadua.calibration.baselines.tent import TentLearner
from hadua.calibration.batches import Augmentation
from hadua.calibration.information import mean_entropy
from hadua.calibration.ours import OURS
from hadua.calibration.windows import Windows
from hadua.models.features import FloatArray

METHODS = {method.name: method for method in (*BASELINES, OURS)}


def adapted(name: str, target: Windows, *, steps: int, calls: int = 1) -> FloatArray:
    method = METHODS[name]
    learner = method.begin(start(context=method.context or 3), 0)
    for _ in range(calls):
        learner.learn(target, steps=steps // calls)
    return learner.logits(target)


@pytest.mark.parametrize("name", sorted(set(METHODS) - {"source-only"}))
def test_all_but_source_only_undo_an_offset(name: str) -> None:
    data = people(1)
    target = moved(data.windows, offset=2.0, gain=1.5)

    before = accuracy(adapted("source-only", target, steps=0), data.y)
    after = accuracy(adapted(name, target, steps=5), data.y)

    assert before < 0.8
    assert after > 0.95


@pytest.mark.parametrize("name", ["adabn", "tent", "t-time"])
def test_statistics_inside_undo_what_a_short_acquaintance_leaves(name: str) -> None:
    data = people(1, noise=0.5, n_stretches=4)
    target = moved(data.windows, offset=4.0)

    before = accuracy(adapted("person-z", target, steps=0), data.y)
    after = accuracy(adapted(name, target, steps=10), data.y)

    assert before < 0.9
    assert after > before + 0.08


@pytest.mark.parametrize(
    "term",
    [coral_term, mmd_term, SoftMatchTerm(N_CLASSES), PublishedTerm(N_CLASSES)],
    ids=["coral", "mmd", "softmatch", "published"],
)
def test_joint_training_follows_classes_that_turned(term: Term) -> None:
    data = people(1, turn_deg=84.0)
    # Faster than on real features, for the sake of the test's time.
    settings = JointSettings(rate=1e-3, batch=48, augmentation=Augmentation(0.0, 0.0, 0.0))
    alone = JointLearner(start(), 0, term=nothing, settings=settings)
    learner = JointLearner(start(), 0, term=term, settings=settings)

    before = accuracy(adapted("person-z", data.windows, steps=0), data.y)
    for each in (alone, learner):
        each.learn(data.windows, steps=60)
    after = accuracy(learner.logits(data.windows), data.y)

    assert before < 0.9
    assert after > before + 0.03
    assert after > accuracy(alone.logits(data.windows), data.y)


def nothing(sides: Sides) -> torch.Tensor:
    return torch.zeros(())


def test_tent_lowers_entropy_by_scales_and_shifts_alone() -> None:
    data = people(1, noise=0.5, rare=6)
    learner = TentLearner(start(), 0)

    learner.learn(data.windows, steps=0)
    before = mean_entropy(torch.from_numpy(learner.logits(data.windows)))
    learner.learn(data.windows, steps=60)
    after = mean_entropy(torch.from_numpy(learner.logits(data.windows)))

    assert float(after) < 0.8 * float(before)
    of_source = dict(start().network.named_parameters())
    changed = {
        name
        for name, p in learner.network.named_parameters()
        if not torch.equal(p, of_source[name])
    }
    affine = {
        f"{name}.{kind}"
        for name, module in learner.network.named_modules()
        if isinstance(module, torch.nn.BatchNorm1d)
        for kind in ("weight", "bias")
    }
    assert changed == affine


def test_many_short_calls_go_on_from_each_other() -> None:
    data = people(1, turn_deg=76.0)

    once = accuracy(adapted("hadua-published", data.windows, steps=20), data.y)
    often = accuracy(adapted("hadua-published", data.windows, steps=20, calls=10), data.y)

    np.testing.assert_allclose(often, once, atol=0.02)
