"""Attention in training against torch's own: the same values, gradients, and draws."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from hadua.models.attending import attend


def heads(seed: int, *, n: int = 3, t: int = 5, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Who asks, keys, values, and the scores of a window that looks back over three."""
    generator = torch.Generator().manual_seed(seed)
    drawn = [torch.randn(n, 4, t, 2, generator=generator, dtype=dtype) for _ in range(3)]
    age = torch.arange(t)[:, None] - torch.arange(t)
    scores = torch.randn(4, t, t, generator=generator, dtype=dtype)
    hidden = (age < 0) | (age > 2)
    return [x.requires_grad_() for x in (*drawn, scores.masked_fill(hidden, -torch.inf))]


@pytest.mark.parametrize("drop", [0.0, 0.5])
@pytest.mark.parametrize(("n", "t"), [(1, 1), (3, 5), (2, 40)])
def test_it_is_torch_s_own_with_the_same_draws(drop: float, n: int, t: int) -> None:
    ours, theirs = heads(1, n=n, t=t), heads(1, n=n, t=t)
    torch.manual_seed(5)
    mine = attend(*ours, drop=drop)
    after = torch.rand(3)
    torch.manual_seed(5)
    q, k, v, scores = theirs
    reference = scaled_dot_product_attention(q, k, v, attn_mask=scores, dropout_p=drop)

    torch.testing.assert_close(mine, reference)
    if drop:
        assert torch.equal(after, torch.rand(3))
    pull = torch.randn(mine.shape, dtype=torch.float64)
    mine.backward(pull)  # type: ignore[no-untyped-call]
    reference.backward(pull)  # type: ignore[no-untyped-call]
    for a, b in zip(ours, theirs, strict=True):
        assert a.grad is not None
        assert b.grad is not None
        seen = b.isfinite()
        torch.testing.assert_close(a.grad[seen], b.grad[seen])
        assert not a.grad[~seen].any()


def test_its_gradient_is_that_of_its_values() -> None:
    q, k, v, scores = heads(2)
    seen = torch.where(scores.isfinite(), scores, -3.0).detach().requires_grad_()

    def run(*inputs: Tensor) -> Tensor:
        torch.manual_seed(0)
        return attend(*inputs, drop=0.5)

    assert torch.autograd.gradcheck(run, (q, k, v, seen))


def test_great_scores_stay_finite() -> None:
    q, k, v, scores = heads(3, dtype=torch.float32)
    out = attend(q * 1e4, k * 1e4, v, scores, drop=0.0)
    assert bool(out.isfinite().all())
