"""Weights and alignment against the published network's numbers, and what must always hold."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.vectors import tensor, vectors
from torch import Tensor

from hadua.calibration.pseudo_labels import PseudoLabelWeighting
from hadua.models.errors import InvalidInputError
from hadua.models.official import load_official


def soft(n: int, seed: int, *, sharp: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.softmax(sharp * torch.randn(n, 3, generator=generator, dtype=torch.float64), 1)


@pytest.mark.parametrize("momentum", [0.999, 0.9])
def test_the_published_numbers(momentum: float) -> None:
    given_state = {k[3:]: v for k, v in vectors().items() if k.startswith("sd/")}
    classifier = load_official(given_state).double().classifier
    fused = tensor("fused_target")
    weighting = PseudoLabelWeighting(3, momentum)

    for e in range(6):
        with torch.no_grad():
            p = torch.softmax(3.0 * classifier(fused[8 * e : 8 * e + 8]), dim=1)
        weighting.update(p)
        got = (
            weighting.weights(p),
            weighting.align(p, 8.0 * e),
            torch.tensor([weighting.mean, weighting.variance, weighting.alpha(8.0 * e)]),
        )
        for name, value in zip(("weights", "refined", "stats"), got, strict=True):
            expected = tensor(f"{name}_{momentum}")[e]
            torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=0.0)
    expected = tensor(f"classdist_{momentum}")
    torch.testing.assert_close(weighting.class_distribution, expected, rtol=1e-5, atol=0.0)


@settings(max_examples=50, deadline=None)
@given(sizes=st.lists(st.integers(0, 6), max_size=8), seed=st.integers(0, 99))
def test_what_always_holds(sizes: list[int], seed: int) -> None:
    weighting = PseudoLabelWeighting(3, 0.5, ratio_bounds=(0.5, 2.0))
    for k, n in enumerate(sizes):
        weighting.update(soft(n, seed + k, sharp=5.0))
    p = soft(7, seed + 100, sharp=3.0)
    before = (weighting.mean, weighting.variance, weighting.class_distribution.clone())

    weights, aligned = weighting.weights(p), weighting.align(p, 3.0)

    assert bool(((weights >= 0.0) & (weights <= 1.0)).all())
    confidence = p.max(1).values
    assert bool((weights[confidence >= weighting.mean] == 1.0).all())
    order = confidence.argsort()
    assert bool((weights[order].diff() >= 0.0).all())
    torch.testing.assert_close(aligned.sum(1), torch.ones(7, dtype=torch.float64))
    assert weighting.variance > 0.0
    torch.testing.assert_close(weighting.class_distribution.sum(), torch.tensor(1.0).double())
    # Asking changes nothing.
    assert before[:2] == (weighting.mean, weighting.variance)
    torch.testing.assert_close(before[2], weighting.class_distribution)


def test_alignment_takes_from_the_class_that_was_seen_too_often() -> None:
    weighting = PseudoLabelWeighting(3, 0.1)
    weighting.update(torch.tensor([[0.9, 0.05, 0.05]] * 4))
    p = torch.tensor([[0.4, 0.3, 0.3]])

    early, late = weighting.align(p, 0.0), weighting.align(p, 1000.0)

    assert early[0, 0] < p[0, 0]
    torch.testing.assert_close(late, p)  # alpha is spent: nothing is forced any more


def test_one_window_alone_moves_the_means_and_not_the_variance() -> None:
    weighting = PseudoLabelWeighting(3, 0.5)
    weighting.update(torch.tensor([[0.8, 0.1, 0.1]]))

    assert weighting.mean == pytest.approx(0.5 / 3 + 0.4)
    assert weighting.variance == 1.0


def test_more_sigmas_are_stricter_and_a_floor_is_a_floor() -> None:
    p = torch.tensor([[0.34, 0.33, 0.33]] * 2)
    weightings = [PseudoLabelWeighting(3, 0.0, n_sigma=n, min_sigma=0.05) for n in (1.0, 2.0)]
    for weighting in weightings:
        weighting.update(torch.tensor([[0.5, 0.25, 0.25]] * 3))  # no spread at all

    loose, strict = (w.weights(p)[0].item() for w in weightings)

    assert 0.0 < strict < loose < 1.0
    assert PseudoLabelWeighting(3, 0.0).weights(p)[0] == 1.0


def test_refuses_what_is_no_distribution() -> None:
    weighting = PseudoLabelWeighting(3)
    with pytest.raises(InvalidInputError, match=r"got shape \(2, 4\), expected \(n, 3\)"):
        weighting.update(torch.full((2, 4), 0.25))
    for bad in ([2.0, 1.0, -2.0], [float("nan"), 0.5, 0.5], [0.2, 0.2, 0.2]):
        with pytest.raises(InvalidInputError, match="not logits"):
            weighting.weights(torch.tensor([bad]))
    with pytest.raises(InvalidInputError, match="0 <= momentum < 1"):
        PseudoLabelWeighting(3, 1.0)
