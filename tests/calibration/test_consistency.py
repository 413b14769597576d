"""Whether other windows of a person would say the same: special cases, and what it is for."""

import numpy as np
import pytest
from support.toy_people import moved, people, start

from hadua.calibration.consistency import consistency
from hadua.calibration.person import by_person
from hadua.calibration.stretches import logits_of_windows
from hadua.calibration.windows import Windows
from hadua.models.features import FloatArray
from hadua.models.prediction import softmax

CLEAR = people(1, n_stretches=24)


def of(windows: Windows, learnt: FloatArray | None = None, *, seed: int = 0) -> float | None:
    own = by_person(windows)
    said = softmax(logits_of_windows(start().network, own)) if learnt is None else learnt
    return consistency(own, said, network=start().network, consensus=None, seed=seed)


def test_people_whose_classes_lie_apart_are_understood_the_same_way_again() -> None:
    assert of(CLEAR.windows) == 1.0


def test_noise_is_not() -> None:
    noise = people(1, n_stretches=24, noise=30.0).windows
    found = of(noise)
    assert found is not None
    assert found < 0.8


def test_a_network_that_says_something_else_is_noticed() -> None:
    turned_round = np.eye(2)[1 - CLEAR.y]
    assert of(CLEAR.windows, turned_round) == 0.0


def test_it_is_the_same_for_the_same_seed() -> None:
    noise = people(1, n_stretches=24, noise=3.0).windows
    assert of(noise, seed=1) == of(noise, seed=1)


@pytest.mark.parametrize("stretches", [1, 2, 7])
def test_of_too_few_pieces_nothing_is_said(stretches: int) -> None:
    assert of(people(1, n_stretches=stretches).windows) is None


def test_a_modality_that_is_missing_or_constant_is_no_obstacle() -> None:
    blind = moved(CLEAR.windows, missing=0.5)
    assert of(blind) is not None
    windows = CLEAR.windows
    flat = Windows(
        windows.x_eeg,
        np.zeros_like(windows.x_eye),
        windows.present,
        windows.subject,
        windows.session,
        windows.stretch,
    )
    assert of(flat) is not None
