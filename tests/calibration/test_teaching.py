import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bundles import random_network

from hadua.calibration.stretches import Crops
from hadua.calibration.teaching import Average, mixed, noisy, smoothed
from hadua.models.features import FloatArray


def probabilities(n: int, *, seed: int) -> FloatArray:
    return np.random.default_rng(seed).dirichlet((1.0, 1.0, 1.0), n)


def by_the_formula(p: FloatArray, windows: float) -> FloatArray:
    """Weights exp(-distance / windows), all pairs at once."""
    k = np.arange(len(p))
    weight = np.exp(-np.abs(k[:, None] - k) / windows)
    logs = weight @ np.log(np.maximum(p, 1e-6)) / weight.sum(axis=1, keepdims=True)
    out = np.exp(logs)
    return np.asarray(out / out.sum(axis=1, keepdims=True))


@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=4),
    windows=st.floats(0.3, 50.0),
    seed=st.integers(0, 99),
)
@settings(max_examples=40)
def test_smoothing_is_the_weighted_mean_inside_each_stretch(
    lengths: list[int], windows: float, seed: int
) -> None:
    p, stretch = probabilities(sum(lengths), seed=seed), np.repeat(range(len(lengths)), lengths)

    made = smoothed(p, stretch, windows=windows)

    for k in range(len(lengths)):
        rows = stretch == k
        np.testing.assert_allclose(made[rows], by_the_formula(p[rows], windows), rtol=1e-9)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_no_smoothing_changes_nothing(n: int) -> None:
    p = probabilities(n, seed=1)

    assert smoothed(p, np.zeros(n, np.int64), windows=0.0) is p


def test_a_noisy_view_keeps_the_windows_and_drops_as_many_features_as_asked() -> None:
    torch.manual_seed(0)
    ones = torch.ones(50, 4, 20)
    crops = Crops(ones, ones, torch.ones(50, 4, 2, dtype=torch.bool), np.ones((50, 4), np.bool_),
                  np.zeros((50, 4), np.int64))  # fmt: skip

    seen = noisy(crops, noise_sd=0.5, drop=0.2)

    assert seen.rows is crops.rows
    dropped = seen.eeg == 0.0
    assert abs(float(dropped.float().mean()) - 0.2) < 0.02
    assert abs(float(seen.eeg[~dropped].std()) - 0.5) < 0.03
    assert torch.equal(noisy(crops, noise_sd=0.0, drop=0.0).eye, ones)


def test_the_teacher_moves_its_share_of_the_way() -> None:
    teacher, student = (random_network(5, 4, context=3, seed=s) for s in (1, 2))
    before, other = copy.deepcopy(teacher), copy.deepcopy(student)

    Average(teacher, student).move(keep=0.75)

    for old, new, of_student in zip(
        before.parameters(), teacher.parameters(), student.parameters(), strict=True
    ):
        torch.testing.assert_close(new, 0.75 * old + 0.25 * of_student)
    for name, value in student.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])
    for name, buffer in teacher.named_buffers():
        assert torch.equal(buffer, before.get_buffer(name)), "statistics are not averaged"


def test_statistics_are_taken_as_they_are() -> None:
    teacher, student = (random_network(5, 4, context=3, seed=s) for s in (1, 2))

    Average(teacher, student).take_statistics()

    for name, buffer in teacher.named_buffers():
        assert torch.equal(buffer, student.get_buffer(name))


@given(seed=st.integers(0, 99), share=st.floats(0.0, 1.0))
@settings(max_examples=30)
def test_a_mixture_is_the_geometric_mean(seed: int, share: float) -> None:
    p, q = probabilities(5, seed=seed), probabilities(5, seed=seed + 1000)
    p, q = (np.maximum(x, 1e-3) / np.maximum(x, 1e-3).sum(axis=1, keepdims=True) for x in (p, q))

    made = mixed(p, q, share=share)

    expected = p ** (1.0 - share) * q**share
    np.testing.assert_allclose(made, expected / expected.sum(axis=1, keepdims=True), rtol=1e-9)
    np.testing.assert_allclose(mixed(p, q, share=0.0), p, rtol=1e-9)
    np.testing.assert_allclose(mixed(p, q, share=1.0), q, rtol=1e-9)
