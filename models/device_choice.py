"""`--device auto`: decided once for each bundle and runtime in a process, and remembered."""

import functools
from collections.abc import Callable
from typing import Protocol

import numpy as np

from hadua.models.bundle import Bundle
from hadua.models.choosing import Choice, Device, Inputs, fastest
from hadua.models.runtime import InputShape, Runtime, RuntimeName, load_runtime


class Loader(Protocol):
    """Loads a network on a device; as `load_runtime` does."""

    def __call__(
        self,
        bundle: Bundle,
        *,
        name: RuntimeName,
        device: Device,
        threads: int,
        model: bytes | None,
    ) -> Runtime:
        """The network, warm."""
        ...


_ONLY_CPU = Choice("cpu", "this installation has no GPU to run on", {})
_chosen: dict[tuple[str, RuntimeName], Choice] = {}


def load_where_faster(
    bundle: Bundle,
    *,
    name: RuntimeName,
    threads: int,
    model: bytes | None,
    has_cuda: Callable[[RuntimeName], bool] | None = None,
    load: Loader = load_runtime,
) -> Runtime:
    """Load a network where one window is answered faster; measured the first time only.

    Args:
        bundle: The bundle.
        name: Which runtime.
        threads: Threads inside one call.
        model: What is run in place of the bundle's file.
        has_cuda: Whether a runtime could run on a GPU; by default asks it.
        load: Loads on a device that is named.
    """

    def on(device: Device) -> Runtime:
        return load(bundle, name=name, device=device, threads=threads, model=model)

    known = _chosen.get((bundle.digest, name))
    if known is not None:
        return on(known.device)
    if not (has_cuda or _has_cuda)(name):
        _chosen[bundle.digest, name] = _ONLY_CPU
        return on("cpu")
    devices: tuple[Device, ...] = ("cpu", "cuda")
    loaders = {device: functools.partial(on, device) for device in devices}
    runtime, choice = fastest(loaders, _window(bundle))
    _chosen[bundle.digest, name] = choice
    return runtime


def chosen(bundle: Bundle, name: RuntimeName) -> Choice | None:
    """Where `auto` runs a bundle, and why; None before it was asked."""
    return _chosen.get((bundle.digest, name))


def _window(bundle: Bundle) -> Inputs:
    """What one person's step asks: one window with all that the network looks back on."""
    eeg, eye, present = InputShape.of(bundle).zeros(1, bundle.context)
    rng = np.random.default_rng(0)
    return rng.normal(size=eeg.shape).astype(np.float32), eye, present


def _has_cuda(name: RuntimeName) -> bool:
    if name == "onnx":
        from hadua.models.onnx_runtime import cuda_is_there

        return cuda_is_there()
    from hadua.models import torchscript_runtime

    return torchscript_runtime.cuda_is_there()
