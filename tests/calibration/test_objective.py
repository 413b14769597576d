"""The discrepancies against the published network's numbers, a transcription, and mathematics."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.vectors import tensor
from torch import Tensor

from hadua.calibration.objective import cmmd, mmd
from hadua.models.errors import InvalidInputError

SIZES = st.integers(1, 12)


def rows(n: int, seed: int, *, d: int = 6) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def soft(n: int, seed: int, *, classes: int = 3) -> Tensor:
    return torch.softmax(rows(n, seed, d=classes), dim=1)


def plain_kernel(x: Tensor, y: Tensor, bandwidth: Tensor) -> Tensor:
    """The paper's text, pair by pair: rows x rows x features."""
    distance = ((x[:, None] - y[None]) ** 2).sum(-1)
    return sum((torch.exp(-distance / (bandwidth * 2**i)) for i in range(5)), torch.zeros(()))


def plain_bandwidth(source: Tensor, target: Tensor) -> Tensor:
    both = torch.cat((source, target))
    n = len(both)
    return ((both[:, None] - both[None]) ** 2).sum() / (n * n - n) / 4


def test_the_published_numbers() -> None:
    source, target = tensor("fused_source"), tensor("fused_target")
    labels = torch.nn.functional.one_hot(tensor("labels"), 3)

    torch.testing.assert_close(mmd(source, target), tensor("mmd"), rtol=1e-5, atol=0.0)
    got = cmmd(source, target, labels, tensor("cmmd_probs"), tensor("cmmd_weights"))
    torch.testing.assert_close(got, tensor("cmmd"), rtol=1e-5, atol=0.0)


@settings(max_examples=40, deadline=None)
@given(n=SIZES, m=SIZES, seed=st.integers(0, 999))
def test_equal_to_the_text_pair_by_pair(n: int, m: int, seed: int) -> None:
    source, target = rows(n, seed), 0.5 + rows(m, seed + 1)
    labels, p = torch.nn.functional.one_hot(torch.arange(n) % 3, 3), soft(m, seed + 2)
    weights = torch.rand(m, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    bw = plain_bandwidth(source, target)
    ss, tt = plain_kernel(source, source, bw), plain_kernel(target, target, bw)
    ts = plain_kernel(source, target, bw)

    torch.testing.assert_close(mmd(source, target), ss.mean() + tt.mean() - 2 * ts.mean())
    expected = []
    for c in range(3):
        a, b = labels[:, c].double(), p[:, c] * weights
        if a.sum() > 0:
            a, b = a / a.sum(), b / b.sum()
            expected.append(a @ ss @ a + b @ tt @ b - 2 * a @ ts @ b)
    torch.testing.assert_close(
        cmmd(source, target, labels, p, weights), torch.stack(expected).mean()
    )


@settings(max_examples=25, deadline=None)
@given(n=SIZES, m=SIZES, seed=st.integers(0, 999))
def test_symmetric_not_negative_and_blind_to_origin_order_and_scale(
    n: int, m: int, seed: int
) -> None:
    source, target = rows(n, seed), rows(m, seed + 1)
    value = mmd(source, target)

    assert value >= -1e-12
    torch.testing.assert_close(mmd(target, source), value)
    torch.testing.assert_close(mmd(source.flip(0), target), value)
    torch.testing.assert_close(mmd(source + 7.0, target + 7.0), value)
    torch.testing.assert_close(mmd(3.0 * source, 3.0 * target), value)


def test_equal_sets_have_none_and_constant_ones_are_no_fault() -> None:
    same = rows(5, 0)
    assert abs(float(mmd(same, same))) < 1e-12
    ones = torch.ones(4, 3, dtype=torch.float64)
    assert float(mmd(ones, ones[:2])) == 0.0
    assert float(mmd(ones[:1], ones[:1])) == 0.0


def test_a_class_that_one_side_lacks_does_not_count() -> None:
    source, target = rows(6, 0), rows(5, 1)
    labels = torch.tensor([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0], [1, 0, 0]])
    p = soft(5, 2)
    without = cmmd(source, target, labels, p)

    more = torch.cat((labels, torch.zeros(6, 2, dtype=labels.dtype)), dim=1)
    p_more = torch.cat((p, torch.zeros(5, 2, dtype=p.dtype)), dim=1)

    torch.testing.assert_close(cmmd(source, target, more, p_more), without)
    nothing = torch.zeros_like(p)
    assert float(cmmd(source, target, labels, nothing)) == 0.0


def test_gradients_reach_the_features_and_not_the_pseudo_labels() -> None:
    source, target = rows(6, 0).requires_grad_(), rows(5, 1).requires_grad_()
    p, w = soft(5, 2).requires_grad_(), torch.ones(5, dtype=torch.float64, requires_grad=True)
    labels = torch.nn.functional.one_hot(torch.arange(6) % 3, 3)

    loss = mmd(source, target) + cmmd(source, target, labels, p, w)
    torch.autograd.backward(loss)

    for features in (source, target):
        assert features.grad is not None
        assert bool((features.grad != 0).all())
    assert p.grad is None
    assert w.grad is None


def test_refuses_what_does_not_fit() -> None:
    with pytest.raises(InvalidInputError, match=r"got \(2, 6\) and \(2, 5\)"):
        mmd(rows(2, 0), rows(2, 0, d=5))
    with pytest.raises(InvalidInputError, match="at least one on each side"):
        mmd(rows(2, 0), rows(0, 0))
    with pytest.raises(InvalidInputError, match=r"expected \(2, n_classes\), \(3, n_classes\)"):
        cmmd(rows(2, 0), rows(3, 1), torch.ones(2, 3), soft(4, 0))
