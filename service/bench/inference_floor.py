"""The network in plain numpy: BatchNorm and projections folded, and nothing but the arithmetic.

No check of the input, no mask for what is missing: less than any engine does.
"""

from collections.abc import Callable
from math import sqrt

import numpy as np
from torch import nn

from hadua.models.folded import Folded, FoldedSequence, FoldedSingle, FoldedTokens
from hadua.models.network import HEADS
from hadua.models.runtime import Float32Array

Layer = Callable[[Float32Array], Float32Array]


def in_numpy(net: Folded) -> Callable[[Float32Array, Float32Array], Float32Array]:
    """`(eeg (n, T, d), eye (n, T, d)) -> logits (n, n_classes)`, everything present."""
    return _sequence(net) if isinstance(net, FoldedSequence) else _single(net)


def _single(net: FoldedSingle) -> Callable[[Float32Array, Float32Array], Float32Array]:
    eeg_tokens, eye_tokens = _encoder(net.eeg), _encoder(net.eye)
    from_eeg, from_eye, last = _linear(net.from_eeg), _linear(net.from_eye), _linear(net.last)

    def run(eeg: Float32Array, eye: Float32Array) -> Float32Array:
        hidden = from_eeg(eeg_tokens(eeg[:, -1])) + from_eye(eye_tokens(eye[:, -1]))
        return last(np.maximum(hidden, 0.0))

    return run


def _sequence(net: FoldedSequence) -> Callable[[Float32Array, Float32Array], Float32Array]:
    eeg_tokens, eye_tokens = _encoder(net.eeg), _encoder(net.eye)
    eeg_query, eeg_past, eye_all = map(_linear, (net.eeg_query, net.eeg_past, net.eye_all))
    cross_query, cross_past = _linear(net.cross_query), _linear(net.cross_past)
    first, last = _linear(net.first), _linear(net.last)
    ages = [age.numpy() for age in (net.eeg_age, net.eye_age, net.cross_age)]
    span = ages[1].shape[2]

    def run(eeg: Float32Array, eye: Float32Array) -> Float32Array:
        a, b = eeg_tokens(eeg), eye_tokens(eye)
        eeg_seen = _attend(eeg_query(a[:, -1:]), eeg_past(a), ages[0])
        query, past = np.split(eye_all(b), [eeg_seen.shape[-1]], axis=-1)
        eye_seen = _attend(query[:, -span:], past, ages[1])
        crossed = _attend(cross_query(eeg_seen), cross_past(eye_seen), ages[2])
        seen = np.concatenate((eeg_seen, eye_seen[:, -1:], crossed), axis=-1)[:, 0]
        return last(np.maximum(first(seen), 0.0))

    return run


def _attend(query: Float32Array, past: Float32Array, age: Float32Array) -> Float32Array:
    key, value = np.split(past, 2, axis=-1)
    q, k, v = (_heads(x) for x in (query, key, value))
    scores = q @ k.swapaxes(-1, -2) / np.float32(sqrt(q.shape[-1]))
    scores += age[:, :, -q.shape[2] :, -k.shape[2] :]
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    joined: Float32Array = (weights @ v).swapaxes(1, 2).reshape(query.shape)
    return joined


def _heads(x: Float32Array) -> Float32Array:
    n, length, width = x.shape
    return x.reshape(n, length, HEADS, width // HEADS).swapaxes(1, 2)


def _encoder(tokens: FoldedTokens) -> Layer:
    layers = [_linear(layer) for layer in list(tokens.layers)[0::2]]

    def run(x: Float32Array) -> Float32Array:
        for layer in layers:
            x = layer(x)
            x = np.maximum(x, np.float32(0.01) * x)
        return x

    return run


def _linear(layer: nn.Module) -> Layer:
    if not isinstance(layer, nn.Linear):
        raise TypeError(f"{layer!r}: expected Linear")
    weight = np.ascontiguousarray(layer.weight.detach().numpy().T)
    parameters = dict(layer.named_parameters())
    if "bias" not in parameters:
        return lambda x: x @ weight
    bias = parameters["bias"].detach().numpy()
    return lambda x: x @ weight + bias
