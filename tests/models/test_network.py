from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bundles import random_network
from torch import Tensor, nn

from hadua.models.errors import InvalidInputError
from hadua.models.folded import fold
from hadua.models.network import HaduaNetwork

CONTEXT = 5
LOOKING = ("W_q.weight", "W_k.weight", "age")


def inputs(network: HaduaNetwork, n: int, length: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(n, length, network.n_eeg, generator=generator),
        torch.randn(n, length, network.n_eye, generator=generator),
    )


def queries_and_keys(network: HaduaNetwork) -> Iterator[tuple[str, nn.Parameter]]:
    return (p for p in network.named_parameters() if ".W_q." in p[0] or ".W_k." in p[0])


@pytest.mark.parametrize(
    ("n_eeg", "n_eye", "learning"),
    [
        (20, 33, {"eeg_attention", "eye_attention", "cross_attention"}),
        # Without eyes all that is asked is alike, whatever is preferred.
        (20, 0, {"eeg_attention"}),
        (0, 33, {"eye_attention", "cross_attention"}),
    ],
)
@pytest.mark.parametrize("context", [3, 4, CONTEXT])
def test_every_query_key_and_age_learns_once_there_is_time(
    n_eeg: int, n_eye: int, context: int, learning: set[str]
) -> None:
    network = random_network(n_eeg, n_eye, context=context)

    network(*inputs(network, 4, context)).square().sum().backward()

    found = {name: p.grad for name, p in network.named_parameters() if name.endswith(LOOKING)}
    assert len(found) == 9
    for name, gradient in found.items():
        assert gradient is not None, name
        largest = gradient.abs().max()
        assert largest > 1e-6 if name.split(".")[0] in learning else largest < 1e-5, name


def test_queries_and_keys_of_the_published_network_are_idle() -> None:
    network = random_network(20, 33, context=1)

    network(*inputs(network, 4, 1)).square().sum().backward()

    for name, weight in queries_and_keys(network):
        assert weight.grad is not None, name
        assert weight.grad.abs().max() < 1e-6, name


def test_every_other_weight_learns_too() -> None:
    network = random_network(20, 33, context=CONTEXT)
    eeg, eye = inputs(network, 8, CONTEXT)
    present = torch.ones(8, CONTEXT, 2, dtype=torch.bool)
    present[:, 1] = False

    network(eeg, eye, present).square().sum().backward()

    silent = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@given(
    context=st.sampled_from([1, 3, 4, 8, 16]),
    modality=st.sampled_from([0, 1]),
    kind=st.integers(0, 2),
    data=st.data(),
)
@settings(max_examples=30, deadline=None)
def test_an_answer_depends_on_the_windows_of_its_context_and_no_other(
    context: int, modality: int, kind: int, data: st.DataObject
) -> None:
    network = random_network(*((20, 33), (20, 0), (0, 33))[kind], context=context)
    length = context + data.draw(st.integers(1, 4), label="further windows")
    age = data.draw(st.integers(0, length - 1), label="age")
    before, after = inputs(network, 1, length), inputs(network, 1, length)
    after[modality][:, length - 1 - age] += 3.0

    change = (network(*after) - network(*before)).abs().max()

    if age >= context or before[modality].shape[2] == 0:
        assert change == 0.0
    else:
        assert change > 1e-5


@given(
    context=st.sampled_from([1, 3, 4, 8, 16]),
    further=st.integers(0, 40),
    kind=st.integers(0, 2),
    seed=st.integers(0, 99),
)
@settings(max_examples=30, deadline=None)
def test_a_long_sequence_says_what_the_last_windows_say(
    context: int, further: int, kind: int, seed: int
) -> None:
    network = random_network(*((20, 33), (20, 0), (0, 33))[kind], context=context)
    x = inputs(network, 2, context + further, seed)
    present = torch.rand(*x[0].shape[:2], 2, generator=torch.Generator().manual_seed(seed)) > 0.3
    newest = [part[:, -context:] for part in (*x, present)]

    torch.testing.assert_close(
        network.logits_sequence(*x, present)[:, -1], network(*newest), rtol=1e-5, atol=1e-5
    )


def test_what_age_is_worth_is_what_is_preferred() -> None:
    network = random_network(20, 33, context=3)
    x = inputs(network, 2, 3)
    for attention in (network.eeg_attention, network.eye_attention, network.cross_attention):
        attention.age.data[:, 1:] = -1e4  # the present is worth everything

    torch.testing.assert_close(network(*x), network(x[0][:, -1:], x[1][:, -1:]))


@given(position=st.integers(0, CONTEXT - 2), modality=st.sampled_from([0, 1]))
@settings(max_examples=15, deadline=None)
def test_the_future_cannot_change_the_past(position: int, modality: int) -> None:
    network = random_network(20, 33, context=CONTEXT)
    before, after = inputs(network, 2, CONTEXT), inputs(network, 2, CONTEXT)
    after[modality][:, position + 1 :] += 3.0

    change = (network.fuse_sequence(*after) - network.fuse_sequence(*before)).abs()

    assert change[:, : position + 1].max() == 0.0
    assert change[:, position + 1 :].max() > 1e-3


def test_the_newest_position_is_what_is_read_out() -> None:
    network = random_network(20, 33, context=CONTEXT)
    x = inputs(network, 3, 4)

    assert torch.equal(network.fuse(*x), network.fuse_sequence(*x)[:, -1])
    assert network.fuse(*x).shape == (3, 384)
    assert torch.equal(network.classifier(network.fuse(*x)), network(*x))
    torch.testing.assert_close(network.logits_sequence(*x)[:, -1], network(*x))


@given(n=st.integers(1, 3), length=st.integers(1, CONTEXT), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_what_was_not_measured_does_not_matter(n: int, length: int, seed: int) -> None:
    network = random_network(20, 33, context=CONTEXT)
    eeg, eye = inputs(network, n, length, seed)
    present = torch.rand(n, length, 2, generator=torch.Generator().manual_seed(seed)) > 0.5
    other_eeg = torch.where(present[..., :1], eeg, 7.0)
    other_eye = torch.where(present[..., 1:], eye, -7.0)

    logits = network(eeg, eye, present)

    assert torch.isfinite(logits).all()
    assert torch.equal(logits, network(other_eeg, other_eye, present))


def test_no_present_means_all_present() -> None:
    network = random_network(20, 33, context=CONTEXT)
    x = inputs(network, 2, 3)

    assert torch.equal(network(*x), network(*x, torch.ones(2, 3, 2, dtype=torch.bool)))


@pytest.mark.parametrize("measured", [0, 1, 2, 6])
def test_training_keeps_missing_windows_out_of_the_batch_statistics(measured: int) -> None:
    network = random_network(20, 33, context=CONTEXT).train()
    eeg, eye = inputs(network, 2, 3)
    present = torch.zeros(6, 2, dtype=torch.bool)
    present[:measured, 0] = True
    present = present.reshape(2, 3, 2)
    norm = network.eeg.layers[1]
    assert isinstance(norm, nn.BatchNorm1d)
    assert norm.running_mean is not None
    before = norm.running_mean.clone()

    logits = network(torch.where(present[..., :1], eeg, 1e6), eye, present)
    logits.sum().backward()

    assert torch.isfinite(logits).all()
    rows = eeg.reshape(6, 20)[:measured]
    moved = 0.1 * (network.eeg.layers[0](rows).mean(0) - before) if measured > 1 else 0.0
    torch.testing.assert_close(norm.running_mean, before + moved)


@given(
    context=st.sampled_from([1, 3, 8]),
    kind=st.integers(0, 2),
    length=st.integers(1, 10),
    seed=st.integers(0, 99),
)
@settings(max_examples=20, deadline=None)
def test_folding_changes_nothing(context: int, kind: int, length: int, seed: int) -> None:
    n_eeg, n_eye = ((20, 33), (20, 0), (0, 33))[kind]
    network = random_network(n_eeg, n_eye, context=context, seed=seed)
    x = inputs(network, 3, length, seed)
    present = torch.rand(3, length, 2, generator=torch.Generator().manual_seed(seed)) > 0.3

    expected = network(*x, present)

    torch.testing.assert_close(fold(network)(*x, present), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("sizes", [(0, 0, 3), (-1, 3, 3), (4, 4, 1)])
def test_a_network_that_cannot_be_is_refused(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(InvalidInputError, match="at least one modality"):
        HaduaNetwork(*sizes)


@pytest.mark.parametrize("context", [-1, 0, 2])
def test_a_context_that_cannot_be_is_refused(context: int) -> None:
    with pytest.raises(InvalidInputError, match=f"context={context}, .*1 .* or of 3 and more"):
        HaduaNetwork(20, 33, 3, context=context)
