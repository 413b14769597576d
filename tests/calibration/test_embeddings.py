"""Random Fourier features against the exact kernel: bias, error, gradients, memory, storage."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from hadua.calibration.embeddings import (
    DEFAULT_FEATURES,
    SourceEmbeddings,
    cmmd_to_embedding,
    discrepancies_to_embedding,
    embed,
    mmd_to_embedding,
)
from hadua.calibration.fourier_features import source_bandwidth
from hadua.calibration.labelled import IntArray
from hadua.calibration.objective import cmmd, discrepancies, mmd
from hadua.models.errors import InvalidInputError

CLASSES = 3


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Hundreds of tiny products: more threads only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def fused(n: int, seed: int, *, shift: float = 0.0, d: int = 16) -> Tensor:
    """Features that mostly lie in a few directions, as those of a network do."""
    g = torch.Generator().manual_seed(seed)
    directions = torch.randn(5, d, generator=torch.Generator().manual_seed(77))
    x = (torch.randn(n, 5, generator=g) + shift) @ directions
    return (x + 0.3 * torch.randn(n, d, generator=g)).double()


def labels(n: int) -> IntArray:
    return (np.arange(n) % CLASSES).astype(np.int64)


def embedded(
    x: Tensor, *, seed: int = 0, n_features: int = 64, y: IntArray | None = None
) -> SourceEmbeddings:
    return embed(
        x,
        labels(len(x)) if y is None else y,
        subject=labels(len(x)),
        n_classes=CLASSES,
        seed=seed,
        n_features=n_features,
    )


def soft(n: int, seed: int = 0) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.softmax(2.0 * torch.randn(n, CLASSES, generator=g), 1).double()


def one_hot(y: IntArray) -> Tensor:
    return torch.nn.functional.one_hot(torch.from_numpy(y), CLASSES).double()


def errors(n_features: int, *, seeds: range, d: int = 16) -> np.ndarray:
    """Relative errors `(n_seeds, 2)` of MMD and CMMD."""
    source, target = fused(120, 1, d=d), fused(40, 2, shift=0.4, d=d)
    p, w = soft(40), torch.rand(40, generator=torch.Generator().manual_seed(3)).double()
    width = source_bandwidth(source)
    exact = discrepancies(source, target, one_hot(labels(120)), p, w, bandwidth=width)
    drawn = (embedded(source, seed=seed, n_features=n_features) for seed in seeds)
    got = [torch.stack(discrepancies_to_embedding(e, target, p, w)) for e in drawn]
    return (torch.stack(got) / torch.stack(exact)).numpy() - 1.0


def test_the_default_number_of_features_is_within_a_tenth() -> None:
    assert np.abs(errors(DEFAULT_FEATURES, seeds=range(8), d=384)).max() < 0.1


def test_the_error_falls_with_the_root_of_the_number_of_features() -> None:
    rms = [np.sqrt((errors(f, seeds=range(40)) ** 2).mean(axis=0)) for f in (8, 32, 128)]

    for few, many in pairwise(rms):
        assert ((few / many > 1.4) & (few / many < 2.9)).all(), "four times as many halve it"


def test_the_estimate_has_no_bias() -> None:
    e = errors(8, seeds=range(200))
    assert (np.abs(e.mean(axis=0)) < 4.0 * e.std(axis=0) / np.sqrt(len(e))).all()


def test_the_bandwidth_is_that_of_the_exact_objective() -> None:
    x = fused(30, 0)
    expected = float(torch.pdist(x).square().mean()) / 4.0
    assert embedded(x).bandwidth == pytest.approx(expected)


@settings(max_examples=15, deadline=None)
@given(n=st.integers(3, 40), seed=st.integers(0, 99))
def test_nothing_lies_between_the_source_and_itself(n: int, seed: int) -> None:
    x = fused(n, seed)
    e = embedded(x, seed=seed, n_features=8)

    assert float(mmd_to_embedding(e, x)) < 1e-10
    assert float(cmmd_to_embedding(e, x, one_hot(labels(n)))) < 1e-10
    assert float(mmd_to_embedding(e, x.flip(0) + 1.0)) > 1e-6


def test_gradients_reach_the_target_alone() -> None:
    e = embedded(fused(30, 0, d=4), n_features=6)
    target = fused(5, 1, shift=0.5, d=4).requires_grad_()
    p, w = soft(5).requires_grad_(), torch.rand(5).double().requires_grad_()

    def run(x: Tensor) -> Tensor:
        return torch.stack(discrepancies_to_embedding(e, x, p, w))

    assert torch.autograd.gradcheck(run, target)
    torch.autograd.backward(run(target).sum())
    assert target.grad is not None
    assert bool((target.grad != 0).all())
    assert p.grad is None
    assert w.grad is None


def test_a_step_down_the_gradient_is_one_for_the_exact_kernel() -> None:
    source, target = fused(200, 0), fused(30, 1, shift=1.0).requires_grad_()
    e = embedded(source, n_features=DEFAULT_FEATURES)
    (approximate,) = torch.autograd.grad(mmd_to_embedding(e, target), target)
    (exact,) = torch.autograd.grad(mmd(source, target, bandwidth=e.bandwidth), target)
    cosine = torch.nn.functional.cosine_similarity(approximate.flatten(), exact.flatten(), dim=0)
    assert float(cosine) > 0.95


def test_a_class_that_one_side_lacks_does_not_count() -> None:
    x, y = fused(30, 0), labels(30)
    y[y == 2] = -1
    e = embedded(x, y=y, n_features=256)
    target, p = fused(10, 1, shift=0.5), soft(10)

    exact = cmmd(x[y >= 0], target, one_hot(y[y >= 0]), p, bandwidth=e.bandwidth)
    assert float(cmmd_to_embedding(e, target, p) / exact) == pytest.approx(1.0, abs=0.15)
    assert e.windows.tolist() == [10, 10, 0]
    assert e.shares.tolist() == [0.5, 0.5, 0.0]
    nothing = torch.zeros(10, CLASSES).double()
    assert float(cmmd_to_embedding(e, target, nothing)) == 0.0


def test_memory_is_linear_in_the_windows() -> None:
    e = embedded(fused(30, 0), n_features=8)

    def kept(n: int) -> int:
        sizes: list[int] = []

        def count(x: Tensor) -> Tensor:
            sizes.append(x.numel())
            return x

        target = fused(n, 1).requires_grad_()
        with saved_tensors_hooks(count, lambda x: x):
            discrepancies_to_embedding(e, target, soft(n))
        return sum(sizes)

    assert kept(300) - kept(200) == kept(200) - kept(100) > 0


def test_many_rows_are_embedded_block_by_block() -> None:
    x, e = fused(2500, 0), embedded(fused(30, 0), n_features=8)
    whole = mmd_to_embedding(e, x)
    parts = torch.stack([mmd_to_embedding(e, x[:1000]), mmd_to_embedding(e, x[:1250])])
    assert torch.isfinite(parts).all()
    halves = x.reshape(2, 1250, -1)
    p = torch.zeros(2500, CLASSES).double()
    p[:1250, 0], p[1250:, 1] = 1.0, 1.0
    by_class = [mmd_to_embedding(_one_class(e, c), halves[c]) for c in (0, 1)]
    torch.testing.assert_close(cmmd_to_embedding(e, x, p), torch.stack(by_class).mean())
    assert float(whole) > 0.0


def _one_class(e: SourceEmbeddings, c: int) -> SourceEmbeddings:
    mean = e.class_means[c]
    return SourceEmbeddings(
        e.frequencies, e.bandwidth, e.centre, mean, e.class_means, e.windows, e.people
    )


def test_the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    x = fused(30, 0)
    a, b, c = (embedded(x, seed=s).to_statistics().to_bytes() for s in (4, 4, 5))
    assert a == b
    assert a != c


def test_storage_gives_it_all_back() -> None:
    e, target = embedded(fused(30, 0).float()), fused(7, 1).float()
    back = SourceEmbeddings.of(e.to_statistics()).to("cpu")

    torch.testing.assert_close(mmd_to_embedding(back, target), mmd_to_embedding(e, target))
    assert back.people.tolist() == [1, 1, 1]
    assert torch.equal(back.windows, e.windows)


def test_refuses_what_does_not_fit() -> None:
    x, e = fused(6, 0), embedded(fused(6, 0))
    with pytest.raises(InvalidInputError, match=r"expected \(n, 16\), n >= 1"):
        mmd_to_embedding(e, fused(6, 0, d=5))
    with pytest.raises(InvalidInputError, match=r"got \(0, 16\)"):
        mmd_to_embedding(e, x[:0])
    with pytest.raises(InvalidInputError, match=r"weights \(5,\), expected \(6, 3\) and \(6,\)"):
        cmmd_to_embedding(e, x, soft(6), torch.ones(5))
    with pytest.raises(InvalidInputError, match="classes 0 to 7, expected -1 to 2"):
        embedded(x, y=np.array([0, 1, 2, 7, 0, 1]))
    with pytest.raises(InvalidInputError, match="not finite"):
        embedded(x / 0.0)
    with pytest.raises(InvalidInputError, match="all alike"):
        embedded(torch.ones(6, 4))
    with pytest.raises(InvalidInputError, match="n >= 2"):
        embedded(x[:1])
