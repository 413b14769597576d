"""The step is torch's own, bit for bit, and imports no compiler."""

import subprocess
import sys

import pytest
import torch
from torch import Tensor

from hadua.calibration.adamw import AdamW
from hadua.calibration.anchoring import pull_toward

SHAPES = ((5, 3), (7,), (4, 0), (1,))


def weights(seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator).requires_grad_() for shape in SHAPES]


@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
def test_the_weights_are_those_of_torch_s_optimiser(weight_decay: float) -> None:
    mine, theirs = weights(0), weights(0)
    ours = AdamW(mine, rate=1e-2, weight_decay=weight_decay)
    reference = torch.optim.AdamW(theirs, lr=1e-2, weight_decay=weight_decay, fused=True)
    for step in range(20):
        ours.forget_gradients()
        reference.zero_grad()
        used = slice(0, 4 if step % 3 else 1)  # what a loss does not reach has no gradient
        for some in (mine, theirs):
            torch.stack([(w.square() * (step + 1)).sum() for w in some[used]]).sum().backward()  # type: ignore[no-untyped-call]
        ours.step()
        reference.step()
    assert all(torch.equal(a, b) for a, b in zip(mine, theirs, strict=True))


@pytest.mark.parametrize("strength", [1.0, 0.3])
def test_the_pull_is_the_gradient_of_the_squared_distance(strength: float) -> None:
    """On top of another loss's, also where that one has none."""
    start, mine, theirs = weights(1), weights(2), weights(2)
    fixed = [w.detach() for w in start]
    (3.0 * mine[0].square().sum()).backward()  # type: ignore[no-untyped-call]
    pull_toward(fixed, mine, strength=strength)
    away = [(w - w0).square().sum() for w, w0 in zip(theirs, fixed, strict=True)]
    loss = strength * torch.stack(away).sum() + 3.0 * theirs[0].square().sum()
    loss.backward()  # type: ignore[no-untyped-call]
    for a, b in zip(mine, theirs, strict=True):
        assert a.grad is not None
        assert b.grad is not None
        torch.testing.assert_close(a.grad, b.grad)


def test_a_process_that_learns_imports_no_compiler() -> None:
    learn = (
        "import sys; from hadua.calibration.fitting import warm; warm(); "
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", learn], timeout=120).returncode == 0
