"""The closed-form gradient against finite differences and against automatic differentiation."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hadua.calibration.kernel_forms import N_KERNELS, quadratic_forms
from hadua.calibration.objective import cmmd, discrepancies, mmd


def rows(n: int, seed: int, *, d: int = 4) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def plain_forms(source: Tensor, target: Tensor, forms: Tensor, bandwidth: float) -> Tensor:
    both = torch.cat((source, target))
    distance = ((both[:, None] - both[None]) ** 2).sum(-1)
    kernel = torch.stack([torch.exp(-distance / (bandwidth * 2**i)) for i in range(N_KERNELS)])
    return torch.einsum("iu,kij,ju->u", forms, kernel, forms)


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 6), m=st.integers(1, 6), bw=st.floats(0.5, 8.0), seed=st.integers(0, 999))
def test_values_and_gradients_equal_automatic_differentiation(
    n: int, m: int, bw: float, seed: int
) -> None:
    source, target = rows(n, seed).requires_grad_(), rows(m, seed + 1).requires_grad_()
    forms, grad = rows(n + m, seed + 2, d=3), rows(1, seed + 3, d=3)[0]

    got = quadratic_forms(source, target, forms, bandwidth=bw)
    expected = plain_forms(source, target, forms, bw)

    torch.testing.assert_close(got, expected)
    for a, b in zip(
        torch.autograd.grad(got, (source, target), grad),
        torch.autograd.grad(expected, (source, target), grad),
        strict=True,
    ):
        torch.testing.assert_close(a, b, atol=1e-12, rtol=1e-9)


@pytest.mark.parametrize("frozen", ["source", "target", "neither"])
def test_gradients_by_finite_differences(frozen: str) -> None:
    source = rows(4, 0).requires_grad_(frozen != "source")
    target = rows(3, 1).requires_grad_(frozen != "target")
    forms = rows(7, 2, d=2)

    def run(a: Tensor, b: Tensor) -> Tensor:
        return quadratic_forms(a, b, forms, bandwidth=3.0)

    assert torch.autograd.gradcheck(run, (source, target))


def test_a_side_that_learns_nothing_gets_no_gradient_and_equal_rows_no_pull() -> None:
    target = rows(3, 1).requires_grad_()
    loss = mmd(rows(4, 0), target)
    assert torch.autograd.grad(loss, target)[0].shape == (3, 4)
    same = torch.ones(3, 4, dtype=torch.float64, requires_grad=True)
    assert not torch.autograd.grad(mmd(same, same.detach()), same)[0].any()


@settings(max_examples=20, deadline=None)
@given(n=st.integers(1, 8), m=st.integers(1, 8), seed=st.integers(0, 999))
def test_one_kernel_matrix_serves_both(n: int, m: int, seed: int) -> None:
    source, target = rows(n, seed).requires_grad_(), rows(m, seed + 1).requires_grad_()
    labels = torch.nn.functional.one_hot(torch.arange(n) % 3, 3)
    p, w = torch.softmax(rows(m, seed + 2, d=3), 1), rows(m, seed + 3)[:, 0].abs()

    both = discrepancies(source, target, labels, p, w)
    apart = mmd(source, target), cmmd(source, target, labels, p, w)

    for a, b in zip(both, apart, strict=True):
        torch.testing.assert_close(a, b)
    for a, b in zip(
        torch.autograd.grad(both[0] + both[1], (source, target)),
        torch.autograd.grad(apart[0] + apart[1], (source, target)),
        strict=True,
    ):
        torch.testing.assert_close(a, b, atol=1e-12, rtol=1e-9)


def test_a_given_bandwidth_is_a_width() -> None:
    source, target = rows(5, 0), rows(4, 1)
    labels, p = torch.eye(3).repeat(2, 1)[:5], torch.softmax(rows(4, 2, d=3), 1)
    both = torch.cat((source, target))
    own = float(torch.pdist(both).square().mean()) / 4.0

    torch.testing.assert_close(mmd(source, target, bandwidth=own), mmd(source, target))
    torch.testing.assert_close(
        cmmd(source, target, labels, p, bandwidth=own), cmmd(source, target, labels, p)
    )
    scaled = mmd(3.0 * source, 3.0 * target, bandwidth=9.0 * 2.0)
    torch.testing.assert_close(scaled, mmd(source, target, bandwidth=2.0))
    assert float(mmd(source, target, bandwidth=1e9)) < 1e-6


def test_single_precision_is_as_good_as_double() -> None:
    source, target = rows(64, 0, d=384), 0.3 + rows(64, 1, d=384)
    exact = mmd(source, target)
    assert abs(float(mmd(source.float(), target.float()) / exact) - 1.0) < 1e-5
