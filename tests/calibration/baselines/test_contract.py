"""What holds for every method: one suite over baselines and ours, and none missing from it."""

import importlib
import pkgutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from support.toy_people import BOTH, EEG_ONLY, EYE_ONLY, Senses, moved, people, start

from hadua.calibration import baselines
from hadua.calibration.baselines.registry import BASELINES
from hadua.calibration.learner import Learner, Method, Start
from hadua.calibration.ours import ABLATION, OURS
from hadua.calibration.stretches import logits_of_windows
from hadua.calibration.windows import Windows
from hadua.models.errors import InvalidInputError

OF_OURS = {"ours-source-free", "ours-one-window"}
EVERY = (*BASELINES, OURS, *(m for m in ABLATION if m.name in OF_OURS))
every_method = pytest.mark.parametrize("method", EVERY, ids=lambda m: m.name)
IDLE = {"source-only", "person-z"}


def start_for(method: Method, *, senses: Senses = BOTH) -> Start:
    return start(context=method.context or 3, senses=senses)


def begun(method: Method, *, seed: int = 0, senses: Senses = BOTH) -> Learner:
    return method.begin(start_for(method, senses=senses), seed)


TARGET = moved(people(1, n_stretches=8, turn_deg=40.0).windows, offset=0.5, gain=1.3)


def test_every_method_of_the_package_is_in_the_registry() -> None:
    names = [m.name for m in pkgutil.iter_modules(baselines.__path__) if m.name != "registry"]
    modules = [importlib.import_module(f"hadua.calibration.baselines.{name}") for name in names]
    found = {id(v) for module in modules for v in vars(module).values() if isinstance(v, Method)}

    assert found == {id(method) for method in BASELINES}
    assert len({method.name for method in BASELINES}) == len(BASELINES)
    assert len({method.title for method in BASELINES}) == len(BASELINES)


def test_only_source_only_is_normalised_by_the_source() -> None:
    assert [m.name for m in BASELINES if m.normalisation == "source"] == ["source-only"]


@every_method
def test_asking_changes_nothing(method: Method) -> None:
    asked, silent = begun(method), begun(method)
    for learner in (asked, silent):
        learner.learn(TARGET, steps=2)

    first = asked.logits(TARGET)
    fused = asked.fused(TARGET)
    np.testing.assert_array_equal(asked.logits(TARGET), first)
    for learner in (asked, silent):
        learner.learn(TARGET, steps=2)

    np.testing.assert_array_equal(asked.logits(TARGET), silent.logits(TARGET))
    assert first.shape == (len(TARGET), 2)
    assert fused.shape == (len(TARGET), 384)


@every_method
def test_the_start_stays_as_it_was(method: Method) -> None:
    begin = start_for(method)
    weights = {k: v.clone() for k, v in begin.network.state_dict().items()}
    source = begin.source.windows.x_eeg.copy()

    learner = method.begin(begin, 0)
    learner.learn(TARGET, steps=3)

    assert not begin.network.training
    assert all(p.requires_grad for p in begin.network.parameters())
    for name, value in begin.network.state_dict().items():
        assert torch.equal(value, weights[name]), name
    np.testing.assert_array_equal(begin.source.windows.x_eeg, source)


@every_method
def test_others_keep_their_chance_and_their_threads(method: Method) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    before, threads = np.random.get_state(), torch.get_num_threads()  # noqa: NPY002

    learner = begun(method)
    learner.learn(TARGET, steps=2)
    learner.logits(TARGET)

    assert torch.equal(torch.rand(3), expected)
    assert str(np.random.get_state()) == str(before)  # noqa: NPY002
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


@every_method
def test_the_same_seed_gives_the_same_answers(method: Method) -> None:
    first, again = begun(method, seed=3), begun(method, seed=3)
    torch.manual_seed(1)
    first.learn(TARGET, steps=3)
    torch.manual_seed(2)
    again.learn(TARGET, steps=3)

    np.testing.assert_array_equal(first.logits(TARGET), again.logits(TARGET))


@every_method
def test_what_can_learn_learns(method: Method) -> None:
    learner, still = begun(method), begun(method)
    learner.learn(TARGET, steps=3)
    still.learn(TARGET, steps=0)

    idle = np.array_equal(learner.logits(TARGET), still.logits(TARGET))

    assert idle == (method.name in IDLE | {"adabn"})


@every_method
def test_an_answer_depends_on_its_own_stretch_alone(method: Method) -> None:
    learner = begun(method)
    learner.learn(TARGET, steps=2)
    part = TARGET.stretch == TARGET.stretch[30]

    alone = learner.logits(TARGET.pick(part))

    np.testing.assert_allclose(alone, learner.logits(TARGET)[part], rtol=1e-4, atol=1e-5)


@every_method
def test_before_it_has_seen_anything_it_answers_as_the_source_network(method: Method) -> None:
    np.testing.assert_allclose(
        begun(method).logits(TARGET),
        logits_of_windows(start_for(method).network, TARGET),
        rtol=1e-6,
    )


@every_method
def test_a_new_sitting_begins_with_the_latest(method: Method) -> None:
    learner = begun(method)
    learner.learn(TARGET, steps=0)
    later = replace(TARGET, session=TARGET.session + 1)

    np.testing.assert_array_equal(learner.logits(later), learner.logits(TARGET))


@every_method
@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("nothing", TARGET.pick(np.zeros(0, np.int64))),
        ("one window", TARGET.pick(np.arange(1))),
        ("two windows", TARGET.pick(np.arange(2))),
        ("one class", TARGET.pick(TARGET.stretch % 2 == 0)),
        ("modalities missing here and there", moved(TARGET, missing=0.5)),
        ("everything missing", moved(TARGET, missing=1.0)),
        ("constant", moved(TARGET, gain=0.0, offset=1.0)),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_it_copes_with_little(method: Method, name: str, seen: Windows) -> None:
    learner = begun(method)
    for steps in (0, 2):
        learner.learn(seen, steps=steps)

    assert np.isfinite(learner.logits(seen)).all(), name
    assert np.isfinite(learner.logits(TARGET)).all(), name


@every_method
@pytest.mark.parametrize("senses", [EEG_ONLY, EYE_ONLY], ids=["eeg", "eye"])
def test_it_works_with_one_sense(method: Method, senses: Senses) -> None:
    seen = people(2, n_stretches=6, senses=senses, turn_deg=30.0)
    learner = begun(method, senses=senses)
    learner.learn(seen.windows, steps=2)

    assert np.isfinite(learner.logits(seen.windows)).all()


@every_method
def test_labels_are_refused(method: Method) -> None:
    labelled = people(3)
    learner = begun(method)

    with pytest.raises(InvalidInputError, match="got 'LabelledWindows', expected 'Windows'"):
        learner.learn(labelled, steps=1)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="got 'LabelledWindows', expected 'Windows'"):
        learner.logits(labelled)  # type: ignore[arg-type]
