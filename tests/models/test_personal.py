"""One person's weights, served: equal to the network they are of, by every runtime."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support.bundles import make_bundle

from hadua.models.bundle import Bundle, load_bundle
from hadua.models.errors import BundleError
from hadua.models.export import load_network
from hadua.models.parity import example_input
from hadua.models.personal import (
    Weights,
    adapted_network,
    differing,
    exported,
    require_served,
    runtime_with,
)
from hadua.models.runtime import RuntimeName, load_runtime


def a_bundle(tmp_path: Path, *, eye: bool = True, channels: int = 2, context: int = 3) -> Bundle:
    return load_bundle(make_bundle(tmp_path, eye=eye, eeg_channels=channels, context=context))


def changed(bundle: Bundle, *, seed: int = 0, only: str = "") -> Weights:
    """What differs after noise on the bundle's tensors whose name begins with `only`."""
    network, rng = load_network(bundle), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name.startswith(only):
                value.add_(0.05 * torch.randn(value.shape, generator=rng))
    return differing(network, bundle)


@pytest.mark.parametrize("name", ["onnx", "torchscript"])
@pytest.mark.parametrize(
    ("eye", "channels", "context"), [(True, 2, 3), (True, 2, 1), (False, 2, 3), (True, 0, 4)]
)
def test_what_is_served_is_the_adapted_network(
    tmp_path: Path, name: RuntimeName, eye: bool, channels: int, context: int
) -> None:
    bundle = a_bundle(tmp_path, eye=eye, channels=channels, context=context)
    weights = changed(bundle)

    network, runtime = adapted_network(bundle, weights), runtime_with(bundle, weights, name=name)

    inputs = example_input(network.n_eeg, network.n_eye, 5, context)
    with torch.no_grad():
        expected = network(*inputs).numpy()
    got = runtime.logits(*(x.numpy() for x in inputs))
    assert np.abs(got - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())
    assert (
        np.abs(got - load_runtime(bundle, name=name).logits(*(x.numpy() for x in inputs))).max() > 0
    )


def test_without_any_difference_it_is_the_bundle_bit_for_bit(tmp_path: Path) -> None:
    bundle = a_bundle(tmp_path)
    assert differing(load_network(bundle), bundle) == {}
    assert exported(adapted_network(bundle, {})) == bundle.read("model.onnx")


def test_only_what_differs_is_kept_and_it_is_kept_exactly(tmp_path: Path) -> None:
    bundle = a_bundle(tmp_path)
    weights = changed(bundle, only="classifier")
    assert sorted({name.split(".")[0] for name in weights}) == ["classifier"]
    state = adapted_network(bundle, weights).state_dict()
    for name, values in weights.items():
        assert np.array_equal(state[name].numpy(), values)
    assert differing(adapted_network(bundle, weights), bundle).keys() == weights.keys()


@pytest.mark.parametrize(
    ("weights", "match"),
    [
        ({"classifier.9.bias": np.zeros(3, np.float32)}, "got no such tensor"),
        ({"eeg.layers.1.num_batches_tracked": np.zeros((), np.float32)}, "no such tensor"),
        ({"classifier.3.bias": np.zeros(4, np.float32)}, r"shape \(4,\), expected \(3,\)"),
        ({"classifier.3.bias": np.full(3, np.nan, np.float32)}, "not finite"),
    ],
)
def test_weights_that_do_not_fit(tmp_path: Path, weights: Weights, match: str) -> None:
    with pytest.raises(BundleError, match=match):
        runtime_with(a_bundle(tmp_path), weights)


def test_a_model_of_other_weights_does_not_pass_for_it(tmp_path: Path) -> None:
    bundle = a_bundle(tmp_path)
    network = adapted_network(bundle, changed(bundle, seed=1))
    other = load_runtime(bundle, model=exported(adapted_network(bundle, changed(bundle, seed=2))))
    with pytest.raises(BundleError, match="runtime 'onnx' at batch 1, time 1 differs"):
        require_served(network, other)
