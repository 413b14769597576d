"""The pure losses against closed forms and numpy."""

import copy

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy
from support.toy_people import moved, people, start

from hadua.calibration.baselines.batch_statistics import adopt_statistics
from hadua.calibration.baselines.coral import coral_distance
from hadua.calibration.baselines.softmatch import N_SIGMA, SoftMatchTerm
from hadua.calibration.information import marginal_regularisation, mean_entropy
from hadua.calibration.stretches import logits_of_windows

seeds = st.integers(0, 2**31 - 1)
few = settings(max_examples=15, deadline=None)


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


@few
@given(seed=seeds, temperature=st.floats(0.5, 4.0))
def test_mean_entropy_is_scipys(seed: int, temperature: float) -> None:
    logits = 3.0 * normal(seed, 7, 4)

    ours = mean_entropy(logits, temperature=temperature)

    p = torch.softmax(logits / temperature, dim=1).numpy()
    np.testing.assert_allclose(ours, entropy(p, axis=1).mean(), rtol=1e-10)


def test_entropy_of_a_certain_prediction_has_a_finite_gradient() -> None:
    logits = torch.tensor([[1000.0, 0.0, -1000.0]], requires_grad=True)

    mean_entropy(logits).backward()  # type: ignore[no-untyped-call]

    assert logits.grad is not None
    np.testing.assert_allclose(logits.grad, 0.0, atol=1e-6)


@few
@given(seed=seeds)
def test_equal_counts_leave_plain_information_maximisation(seed: int) -> None:
    logits = normal(seed, 9, 3)

    ours = marginal_regularisation(logits, torch.full((3,), 5.0), temperature=2.0, pseudo_count=4.0)

    p = torch.softmax(logits / 2.0, dim=1).mean(0).numpy()
    np.testing.assert_allclose(ours, -entropy(p), rtol=1e-10)


def test_the_marginal_is_best_where_the_confident_counts_are() -> None:
    counts = torch.tensor([8.0, 0.0, 2.0])
    shares = (counts + 4.0) / (counts + 4.0).sum()

    def term(p: torch.Tensor) -> float:
        return float(
            marginal_regularisation(p.log()[None], counts, temperature=1.0, pseudo_count=4.0)
        )

    np.testing.assert_allclose(term(shares), -np.log(3.0), rtol=1e-6)
    for k in range(3):
        other = shares.clone()
        other[k] += 0.1
        assert term(other / other.sum()) > term(shares)


@few
@given(seed=seeds, n=st.integers(2, 20), m=st.integers(2, 20))
def test_coral_is_numpys_covariances(seed: int, n: int, m: int) -> None:
    a, b = normal(seed, n, 5), 2.0 * normal(seed + 1, m, 5)

    difference = np.cov(a.numpy(), rowvar=False) - np.cov(b.numpy(), rowvar=False)

    expected = np.linalg.norm(difference, "fro") ** 2 / (4 * 5**2)
    np.testing.assert_allclose(coral_distance(a, b), expected, rtol=1e-9)


def test_coral_does_not_see_the_mean_and_one_row_has_no_covariance() -> None:
    a = normal(0, 12, 4)

    np.testing.assert_allclose(coral_distance(a, a + 5.0), 0.0, atol=1e-20)
    assert float(coral_distance(a, a[:1])) == 0.0
    assert float(coral_distance(a, torch.tensor([[1.0, 2.0, 3.0, 4.0]] * 2))) > 0.0


def test_softmatch_trusts_as_its_equations_say() -> None:
    rng = np.random.default_rng(0)
    term, momentum, uniform = SoftMatchTerm(3, momentum=0.9), 0.9, 1.0 / 3.0
    p_bar, mean, variance = np.zeros(3), uniform, 1.0
    for k in range(4):
        p = rng.dirichlet([4.0, 2.0, 1.0], 16)
        p_bar = p.mean(0) if k == 0 else momentum * p_bar + (1 - momentum) * p.mean(0)
        aligned = p * uniform / p_bar
        confidence = (aligned / aligned.sum(1, keepdims=True)).max(1)
        mean = momentum * mean + (1 - momentum) * confidence.mean()
        variance = momentum * variance + (1 - momentum) * confidence.var(ddof=1)
        below = np.minimum(confidence - mean, 0.0)

        weights = term.trust(torch.from_numpy(p))

        expected = np.exp(-(below**2) / (2.0 * variance / N_SIGMA**2))
        np.testing.assert_allclose(weights, expected, rtol=1e-9)


@few
@given(offset=st.floats(-3.0, 3.0), gain=st.floats(0.3, 3.0))
def test_own_batch_statistics_undo_an_offset_and_a_gain(offset: float, gain: float) -> None:
    begin = start()
    target = people(4, n_stretches=4).windows
    shifted = moved(target, offset=offset, gain=gain)
    plain, other = copy.deepcopy(begin.network), copy.deepcopy(begin.network)

    adopt_statistics(plain, begin.network, target, prior_windows=0.0)
    adopt_statistics(other, begin.network, shifted, prior_windows=0.0)

    np.testing.assert_allclose(
        logits_of_windows(other, shifted), logits_of_windows(plain, target), atol=0.02
    )


def test_a_great_prior_keeps_the_sources_statistics_and_none_the_persons() -> None:
    begin = start()
    network = copy.deepcopy(begin.network)
    target = moved(people(5).windows, offset=1.0)

    adopt_statistics(network, begin.network, target, prior_windows=1e12)
    kept = logits_of_windows(network, target)
    adopt_statistics(network, begin.network, target, prior_windows=0.0)
    rows = torch.from_numpy(target.x_eeg)
    first = network.eeg.layers[0](rows)

    np.testing.assert_allclose(kept, logits_of_windows(begin.network, target), atol=1e-4)
    bn = network.eeg.layers[1]
    assert isinstance(bn, torch.nn.BatchNorm1d)
    assert bn.running_mean is not None
    np.testing.assert_allclose(bn.running_mean, first.detach().mean(0), rtol=1e-4, atol=1e-6)
