"""One person's weights, served: from the bundle and what differs to a runtime, in milliseconds.

Writing the ONNX graph takes as long as a few dozen predictions, so a person needs no bundle of
their own. Imports torch; whoever only serves takes the model that a profile carries and hands it
to `load_runtime`.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from hadua.models.bundle import Bundle
from hadua.models.errors import BundleError
from hadua.models.export import load_network
from hadua.models.folded import fold
from hadua.models.network import HaduaNetwork
from hadua.models.onnx_graph import to_onnx
from hadua.models.parity import require_parity
from hadua.models.runtime import DeviceName, Float32Array, Runtime, RuntimeName, load_runtime
from hadua.models.torchscript_file import to_torchscript

Weights = Mapping[str, Float32Array]
_BATCHES = (1, 7)


def adapted_network(bundle: Bundle, weights: Weights) -> HaduaNetwork:
    """The bundle's network with some of its tensors replaced, in evaluation mode.

    Raises:
        BundleError: a tensor that the network does not have, of another shape, or not finite.
    """
    network = load_network(bundle)
    state = network.state_dict()
    for name, values in weights.items():
        where = f"weights for bundle {bundle.id!r}: {name!r}"
        if name not in state or not state[name].is_floating_point():
            raise BundleError(where, got="no such tensor in its network")
        if tuple(state[name].shape) != values.shape:
            expected = tuple(state[name].shape)
            raise BundleError(where, got=f"shape {values.shape}", expected=f"{expected}")
        if not np.isfinite(values).all():
            raise BundleError(where, got="a value that is not finite")
        state[name].copy_(torch.from_numpy(values.copy()))
    return network


def differing(network: HaduaNetwork, bundle: Bundle) -> dict[str, Float32Array]:
    """Those tensors of a network, by name, that differ from the bundle's in any bit; copies."""
    base = load_network(bundle).state_dict()
    return {
        name: value.detach().cpu().numpy().copy()
        for name, value in network.state_dict().items()
        if value.is_floating_point() and not torch.equal(value.cpu(), base[name])
    }


def exported(network: HaduaNetwork, *, name: RuntimeName = "onnx") -> bytes:
    """A network in evaluation mode as the file that a runtime runs; nothing is checked yet."""
    folded = fold(network)
    return to_onnx(folded) if name == "onnx" else to_torchscript(folded)


def runtime_with(
    bundle: Bundle,
    weights: Weights,
    *,
    name: RuntimeName = "onnx",
    device: DeviceName = "auto",
    threads: int = 1,
) -> Runtime:
    """A warm runtime of the bundle's network with one person's weights, which equals it.

    Raises:
        BundleError: weights that do not fit, or a runtime whose answers are not the network's.
        RuntimeUnavailableError: the runtime or the device is not there.
    """
    network = adapted_network(bundle, weights)
    model = exported(network, name=name)
    runtime = load_runtime(bundle, name=name, device=device, threads=threads, model=model)
    try:
        require_served(network, runtime)
    except BundleError:
        runtime.close()
        raise
    return runtime


def require_served(network: HaduaNetwork, runtime: Runtime) -> None:
    """Raise `BundleError` unless a runtime gives the network's answers on a few windows."""

    def answer(eeg: Tensor, eye: Tensor, present: Tensor) -> Float32Array:
        return runtime.logits(eeg.numpy(), eye.numpy(), present.numpy())

    require_parity(network, answer, what=f"runtime {runtime.name!r}", batches=_BATCHES)
