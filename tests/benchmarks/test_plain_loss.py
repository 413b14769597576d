"""What the training benchmark compares is the same mathematics on both sides."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_loss import PlainTerm, plain_cmmd, plain_mmd
from seed_fold import Training, made_up
from torch import Tensor
from training import largest_difference

from hadua.calibration.baselines.joint import Sides
from hadua.calibration.baselines.published import PublishedTerm
from hadua.calibration.chance import seeded
from hadua.calibration.objective import cmmd, mmd


def rows(n: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 6, generator=generator, dtype=torch.float64).requires_grad_()


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 9), m=st.integers(1, 9), seed=st.integers(0, 999))
def test_both_discrepancies_and_their_gradients(n: int, m: int, seed: int) -> None:
    source, target = rows(n, seed), rows(m, seed + 1)
    y = torch.arange(n) % 3
    p = torch.softmax(rows(m, seed + 2).detach()[:, :3], dim=1)
    weights = torch.rand(m, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    one_hot = torch.nn.functional.one_hot(y, 3)

    for plain, ours in (
        (plain_mmd(source, target), mmd(source, target)),
        (
            plain_cmmd(source, target, y, p, weights),
            cmmd(source, target, one_hot, p, weights),
        ),
    ):
        torch.testing.assert_close(plain, ours)
        torch.testing.assert_close(
            torch.autograd.grad(plain, (source, target)),
            torch.autograd.grad(ours, (source, target)),
        )


def test_ten_steps_are_the_same_ten_steps() -> None:
    fold = made_up(n_people=3, n_windows=70, widths=(6, 4))
    with seeded(0):
        ours, plain = Training(fold, PublishedTerm(3)), Training(fold, PlainTerm(3))
        losses = [[side.step() for _ in range(10)] for side in (ours, plain)]

    assert largest_difference(*losses) < 1e-5
    assert len({float(loss) for loss in losses[0]}) == 10
    for a, b in zip(ours.network.parameters(), plain.network.parameters(), strict=True):
        assert (a.grad is None) == (b.grad is None)
        if a.grad is None or b.grad is None:  # a single window has no ages to prefer
            continue
        assert float((a.grad - b.grad).norm()) <= 1e-5 * max(1.0, float(b.grad.norm()))


def test_another_loss_shows() -> None:
    fold = made_up(n_people=3, n_windows=70, widths=(6, 4))

    def half(sides: Sides) -> Tensor:
        return 0.5 * whole(sides)

    whole = PlainTerm(3)
    with seeded(0):
        sides = Training(fold, PublishedTerm(3)), Training(fold, half)
        losses = [[side.step() for _ in range(2)] for side in sides]

    assert largest_difference(*losses) > 1e-3


def test_a_fold_is_the_size_of_seeds() -> None:
    fold = made_up()

    assert fold.steps_per_epoch == 145
    assert len(fold.source) == 11 * 842
    assert fold.target.x_eeg.shape == (842, 310)
    assert fold.target.x_eye.shape == (842, 33)
    assert not set(fold.target.subject) & set(fold.source.windows.subject)


def test_a_loss_that_is_no_number_is_no_agreement() -> None:
    nan = [torch.tensor(float("nan"))]

    assert largest_difference(nan, [torch.tensor(1.0)]) != pytest.approx(0.0)
