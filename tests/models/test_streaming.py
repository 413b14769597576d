import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bundles import random_network
from torch import nn

from hadua.models.errors import InvalidInputError, UsageError
from hadua.models.features import BoolArray
from hadua.models.network import HaduaNetwork
from hadua.models.runtime import Float32Array
from hadua.models.streaming import NetworkStream

KINDS = {"both": (20, 33), "eeg only": (20, 0), "eye only": (0, 33)}
Stretch = tuple[Float32Array, Float32Array, BoolArray]
contexts = st.sampled_from([1, 3, 4, 8, 16])
kinds = st.sampled_from(sorted(KINDS))


def stretch(network: HaduaNetwork, length: int, *, seed: int = 0, measured: float = 0.7) -> Stretch:
    rng = np.random.default_rng(seed)
    eeg, eye = (
        rng.standard_normal((length, n), np.float32) for n in (network.n_eeg, network.n_eye)
    )
    return eeg, eye, rng.random((length, 2)) < measured


def streamed(stream: NetworkStream, windows: Stretch) -> Float32Array:
    return np.stack([stream.push(*window) for window in zip(*windows, strict=True)])


def at_once(network: HaduaNetwork, windows: Stretch) -> Float32Array:
    with torch.no_grad():
        logits = network.logits_sequence(*(torch.from_numpy(x)[None] for x in windows))[0]
    return np.asarray(logits.numpy())


@given(
    context=contexts,
    kind=kinds,
    length=st.integers(1, 40),
    measured=st.sampled_from([0.0, 0.3, 0.8, 1.0]),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_every_step_is_what_the_whole_sequence_gives(
    context: int, kind: str, length: int, measured: float, seed: int
) -> None:
    network = random_network(*KINDS[kind], context=context, seed=seed % 3)
    windows = stretch(network, length, seed=seed, measured=measured)
    expected = at_once(network, windows)

    got = streamed(NetworkStream(network), windows)

    assert got.dtype == np.float32
    atol = 1e-5 * max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=atol)


@given(context=contexts, kind=kinds, before=st.integers(0, 20))
@settings(max_examples=15, deadline=None)
def test_after_a_reset_nothing_is_remembered(context: int, kind: str, before: int) -> None:
    network = random_network(*KINDS[kind], context=context)
    used, fresh = NetworkStream(network), NetworkStream(network)
    for window in zip(*stretch(network, before, seed=1), strict=True):
        used.push(*window)

    used.reset()

    windows = stretch(network, 5)
    assert np.array_equal(streamed(used, windows), streamed(fresh, windows))


@pytest.mark.parametrize("context", [1, 3, 8])
def test_no_window_is_encoded_twice(monkeypatch: pytest.MonkeyPatch, context: int) -> None:
    network = random_network(20, 33, context=context)
    stream = NetworkStream(network)
    rows: dict[int, int] = {}  # by width of what goes into a layer
    apply = nn.Linear.forward

    def counted(layer: nn.Linear, x: torch.Tensor) -> torch.Tensor:
        rows[layer.in_features] = rows.get(layer.in_features, 0) + x[..., 0].numel()
        return apply(layer, x)

    monkeypatch.setattr(nn.Linear, "forward", counted)
    streamed(stream, stretch(network, 30))

    assert (rows[20], rows[33]) == (30, 30)
    # Nor does any other layer see a window twice.
    assert sum(rows.values()) == 30 * (9 if context == 1 else 13)


def test_streams_of_one_network_do_not_mix() -> None:
    network = random_network(20, 33, context=4)
    a, b = stretch(network, 9, seed=1), stretch(network, 9, seed=2)
    first, second = NetworkStream(network), NetworkStream(network)
    turns = [
        (first.push(*x), second.push(*y))
        for x, y in zip(zip(*a, strict=True), zip(*b, strict=True), strict=True)
    ]

    assert np.array_equal(np.stack([x for x, _ in turns]), streamed(NetworkStream(network), a))
    assert np.array_equal(np.stack([y for _, y in turns]), streamed(NetworkStream(network), b))


def test_training_on_does_not_change_a_stream() -> None:
    network = random_network(20, 33, context=4)
    stream, windows = NetworkStream(network), stretch(network, 6)
    before = streamed(stream, windows)
    for value in network.parameters():
        value.data.add_(1.0)

    stream.reset()

    assert np.array_equal(streamed(stream, windows), before)


def test_inputs_may_be_views_and_read_only() -> None:
    network = random_network(20, 33, context=4)
    eeg, eye, present = stretch(network, 1)
    expected = NetworkStream(network).push(eeg[0], eye[0], present[0])
    views = eeg[0, ::-1].copy()[::-1], np.repeat(eye[0], 2)[::2], present[0, ::-1].copy()[::-1]
    for view in views:
        view.setflags(write=False)

    assert np.array_equal(NetworkStream(network).push(*views), expected)


def test_a_window_that_does_not_fit_does_not_count() -> None:
    network = random_network(20, 33, context=4)
    windows = stretch(network, 6)
    eeg, eye, present = (x[0] for x in windows)
    stream = NetworkStream(network)
    first = stream.push(eeg, eye, present)

    with pytest.raises(InvalidInputError, match=r"does not fit: got eeg \(1, 1, 19\)"):
        stream.push(eeg[:-1], eye, present)
    with pytest.raises(InvalidInputError, match="has the wrong type: got eeg float64"):
        stream.push(eeg.astype(np.float64), eye, present)
    with pytest.raises(InvalidInputError, match="eye holds values that are not finite"):
        stream.push(eeg, np.full_like(eye, np.nan), present)

    rest = streamed(stream, tuple(x[1:] for x in windows))  # type: ignore[arg-type]
    expected = streamed(NetworkStream(network), windows)
    assert np.array_equal(np.concatenate((first[None], rest)), expected)


def test_a_network_in_training_mode_is_refused() -> None:
    network = random_network(20, 33, context=4).train()
    with pytest.raises(UsageError, match=r"in training mode.*Call network\.eval\(\) first"):
        NetworkStream(network)
