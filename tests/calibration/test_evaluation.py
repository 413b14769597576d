"""Whether the test person's labels can reach what adapts: by type, by memory, and by poisoning."""

import gc
import inspect
import typing
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from itertools import count

import numpy as np
import pytest
from support.evaluation import (
    METHODS,
    begin_shifting,
    constant,
    dataset,
    noise,
    nothing,
    with_labels,
)

from hadua.calibration.dataset import Dataset
from hadua.calibration.evaluation import Answered, Settings, SourceNetworks, answers_of
from hadua.calibration.folds import fold_of
from hadua.calibration.learner import Learner, Method, Start
from hadua.calibration.protocols import PROTOCOL_NAMES, Budget, ProtocolName
from hadua.calibration.training import Recipe
from hadua.calibration.windows import IntArray, Windows
from hadua.service.evaluation.plan import known_methods

PERSON = 1
DATA = dataset(people=3, trials=4, windows=4)
SETTINGS = Settings(
    n_classes=3,
    context=3,
    recipe=Recipe(epochs=1, batch=64),
    budget=Budget(steps=2, online_steps=1),
)
REGISTERED = known_methods()


def answered(
    data: Dataset,
    methods: Sequence[Method],
    protocols: Sequence[ProtocolName] = PROTOCOL_NAMES,
    *,
    n_validation: int = 0,
) -> list[Answered]:
    ticks = count()
    fold = fold_of(data, person=PERSON, seed=0, n_validation=n_validation)
    networks = SourceNetworks(fold, SETTINGS, seed=0, clock=lambda: float(next(ticks)))
    return list(
        answers_of(
            fold,
            methods,
            protocols,
            networks,
            SETTINGS,
            seed=0,
            clock=lambda: float(next(ticks)),
        )
    )


@pytest.fixture(scope="module")
def honest() -> dict[tuple[str, str], Answered]:
    """What every registered method answers when the labels are the true ones."""
    return {(a.method, a.protocol): a for a in answered(DATA, REGISTERED)}


@pytest.mark.parametrize("poison", [constant, noise, nothing])
def test_poisoned_labels_of_the_test_person_change_no_bit_of_any_answer(
    honest: dict[tuple[str, str], Answered], poison: Callable[[IntArray], IntArray]
) -> None:
    methods = REGISTERED if poison is noise else REGISTERED[:2]  # all take seconds

    poisoned = answered(with_labels(DATA, PERSON, poison), methods)

    assert len(honest) == len(REGISTERED) * len(PROTOCOL_NAMES)
    assert len(poisoned) == len(methods) * len(PROTOCOL_NAMES)
    for a in poisoned:
        b = honest[a.method, a.protocol]
        assert a.answers.rows.tolist() == b.answers.rows.tolist()
        assert a.answers.logits.tobytes() == b.answers.logits.tobytes(), (a.method, a.protocol)


def test_poisoned_labels_of_a_source_person_do_change_the_answers(
    honest: dict[tuple[str, str], Answered],
) -> None:
    """The test above could fail: labels that may be known do have an effect."""
    poisoned = answered(with_labels(DATA, PERSON - 1, noise), REGISTERED[:2])

    for a in poisoned:
        other = honest[a.method, a.protocol].answers.logits
        assert not np.array_equal(a.answers.logits, other), (a.method, a.protocol)


@pytest.mark.parametrize("method", REGISTERED, ids=lambda m: m.name)
def test_a_learner_is_given_windows_and_steps_and_nothing_else(method: Method) -> None:
    learner = method.begin(_start(), 0)

    for call, others in (("learn", {"steps": int}), ("logits", {}), ("fused", {})):
        function = getattr(type(learner), call)
        hints = typing.get_type_hints(function)
        hints.pop("return")
        (first, *rest) = list(inspect.signature(function).parameters)[1:]
        assert hints[first] is Windows
        assert {name: hints[name] for name in rest} == others


def test_windows_have_no_field_for_a_label_or_a_stimulus() -> None:
    names = {field.name for field in fields(Windows)}

    assert names == {"x_eeg", "x_eye", "present", "subject", "session", "stretch"}
    assert not hasattr(DATA, "windows"), "a data set, which has labels, is not windows"
    assert not issubclass(Dataset, Windows)


def test_no_label_of_the_test_person_is_in_reach_of_a_learner() -> None:
    """All that can be reached from what a learner is given, by any path, holds no label of theirs.

    The labels and stimuli are marked by values that occur nowhere else.
    """
    mark = 7_000_001
    own = DATA.subject == PERSON
    marked = replace(DATA, stimulus=np.where(own, mark, DATA.stimulus))
    given: list[object] = []

    class Nosy:
        def __init__(self, start: Start, seed: int) -> None:
            given.extend((start, seed))

        def learn(self, target: Windows, *, steps: int) -> None:
            given.extend((target, steps))

        def logits(self, windows: Windows) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
            given.append(windows)
            return np.zeros((len(windows), 3))

        def fused(self, windows: Windows) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
            return np.zeros((len(windows), 384))

    def begin(start: Start, seed: int) -> Learner:
        return Nosy(start, seed)

    labels = DATA.y[own]
    answered(marked, (Method("nosy", "Nosy", begin),))

    arrays = _reachable_arrays(given)
    assert any(array.shape == (int(own.sum()), 6) for array in arrays), "the target is among them"
    for array in arrays:
        assert not np.isin(mark, array)
        assert not np.may_share_memory(array, DATA.y)
        assert array.shape != labels.shape or not np.array_equal(array, labels)


def test_a_method_begins_anew_for_every_protocol_and_leaves_no_trace() -> None:
    (alone,) = answered(DATA, METHODS[1:2], ("prequential",))
    after_others = answered(DATA, (METHODS[1], METHODS[0], METHODS[1]))

    np.testing.assert_array_equal(after_others[-1].answers.logits, alone.answers.logits)
    np.testing.assert_array_equal(after_others[-3].answers.logits, alone.answers.logits)


def test_source_networks_are_trained_once_for_each_kind_and_shared() -> None:
    starts: list[Start] = []

    def begin(start: Start, seed: int) -> Learner:
        starts.append(start)
        return begin_shifting(start, seed)

    methods = (
        Method("source", "", begin, normalisation="source"),
        Method("person", "", begin),
        Method("person, no past", "", begin, context=1),
        Method("person, the same past", "", begin, context=3),
    )

    answered(DATA, methods, ("transductive",))

    assert [s.network.context for s in starts] == [3, 3, 1, 3]
    assert len({id(s.network) for s in starts}) == 3
    assert starts[1] is starts[3]
    own = starts[1].source.windows
    one = own.pick((own.subject == 0) & (own.session == 1) & own.present[:, 1])
    np.testing.assert_allclose(one.x_eye.mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(one.x_eye.std(axis=0), 1.0, atol=1e-4)


def test_the_temperature_is_that_of_the_validation_people() -> None:
    (without,) = answered(DATA, METHODS[:1], ("transductive",))
    big = dataset(people=6)
    (fitted,) = answered(big, METHODS[:1], ("transductive",), n_validation=1)
    (again,) = answered(
        with_labels(big, PERSON, noise), METHODS[:1], ("transductive",), n_validation=1
    )

    assert without.temperature == 1.0
    assert fitted.temperature != 1.0
    assert again.temperature == fitted.temperature


def test_seconds_are_those_of_training_and_adapting() -> None:
    first, second = answered(DATA, METHODS[1:2], ("transductive", "inductive"))

    assert (first.seconds, second.seconds) == (2.0, 2.0), "a tick each; the training is shared"


def _start() -> Start:
    fold = fold_of(DATA, person=PERSON, seed=0)
    return SourceNetworks(fold, SETTINGS, seed=0, clock=lambda: 0.0).of(METHODS[1]).start


def _reachable_arrays(roots: list[object]) -> list[np.ndarray[tuple[int, ...], np.dtype[np.int64]]]:
    """Arrays that can be reached from objects through attributes, containers and views."""
    seen: dict[int, object] = {}
    waiting = list(roots)
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, type) or inspect.ismodule(thing):
            continue
        if inspect.isroutine(thing) or inspect.isframe(thing):
            continue
        seen[id(thing)] = thing
        waiting += gc.get_referents(thing)
        if isinstance(thing, np.ndarray):
            waiting.append(thing.base)
    return [thing for thing in seen.values() if isinstance(thing, np.ndarray)]
