"""The protocol behind which ONNX Runtime and TorchScript are the same thing."""

from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from hadua.models.bundle import Bundle
from hadua.models.errors import BundleError, InvalidInputError, RuntimeUnavailableError, UsageError
from hadua.models.features import BoolArray, Modality

Float32Array = npt.NDArray[np.float32]
RuntimeName = Literal["onnx", "torchscript"]
DeviceName = Literal["auto", "cpu", "cuda"]

# TorchScript compiles on the second call with a shape; ONNX Runtime needs one.
_WARM_UP_CALLS = 3


@runtime_checkable
class Runtime(Protocol):
    """A loaded network, ready to be called from any one thread at a time."""

    @property
    def name(self) -> RuntimeName:
        """Which runtime this is."""
        ...

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        """Where it runs."""
        ...

    def logits(self, eeg: Float32Array, eye: Float32Array, present: BoolArray) -> Float32Array:
        """Run the network.

        Args:
            eeg: `(n, T, d_eeg)` normalised features, oldest first; d_eeg 0 if it has no EEG.
            eye: `(n, T, d_eye)` likewise.
            present: `(n, T, 2)`, whether EEG and eye were measured in each window.

        Returns:
            `(n, n_classes)` logits for the newest window.

        Raises:
            InvalidInputError: a shape that does not fit, or a value that is not finite.
        """
        ...

    def close(self) -> None:
        """Let go of the session; idempotent."""
        ...


def load_runtime(
    bundle: Bundle,
    *,
    name: RuntimeName = "onnx",
    device: DeviceName = "auto",
    threads: int = 1,
    model: bytes | None = None,
) -> Runtime:
    """Load a bundle's network and run it, so that the first window is not a slow one.

    Args:
        bundle: A bundle as `load_bundle` gives it.
        name: Which runtime.
        device: Where to run; `auto` is where one window is answered faster, as measured with the
            first model of a bundle in a process.
        threads: Threads inside one call; more than one pays only for large batches on idle cores.
        model: What this runtime runs in place of the bundle's file: the same network with one
            person's weights, as `personal.exported` and profiles have it.

    Raises:
        RuntimeUnavailableError: The runtime is not installed, or has no such device.
        BundleError: The runtime refuses the bundle's file, or its manifest describes another.
        UsageError: There is no runtime, or no device, of that name.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise UsageError("device", got=repr(device), expected="'auto', 'cpu' or 'cuda'")
    if threads < 1:
        raise UsageError("threads of a runtime", got=str(threads), expected="1 or more")
    if device == "auto":
        # Imported here: it needs what is defined below.
        from hadua.models.device_choice import load_where_faster

        return load_where_faster(bundle, name=name, threads=threads, model=model)
    runtime = _load(bundle, name=name, device=device, threads=threads, model=model)
    shape = InputShape.of(bundle)
    for length in sorted({1, bundle.context}):
        for _ in range(_WARM_UP_CALLS):
            _require_classes(runtime.logits(*shape.zeros(1, length)), bundle)
    return runtime


def _require_classes(logits: Float32Array, bundle: Bundle) -> None:
    expected = (1, len(bundle.classes))
    if logits.shape != expected or not np.isfinite(logits).all():
        raise BundleError(
            f"bundle {str(bundle.path)!r}: the network does not answer as the manifest says",
            got=f"logits {logits.tolist()} for an input of zeros",
            expected=f"{expected[1]} finite ones, for {', '.join(bundle.classes)}",
            hint="Export the bundle again.",
        )


def _load(
    bundle: Bundle, *, name: RuntimeName, device: DeviceName, threads: int, model: bytes | None
) -> Runtime:
    # Imported here: each brings its engine along, and serving from ONNX must not wait for torch.
    if name == "onnx":
        from hadua.models.onnx_runtime import OnnxRuntime

        return OnnxRuntime(bundle, device=device, threads=threads, model=model)
    if name == "torchscript":
        from hadua.models.torchscript_runtime import TorchScriptRuntime

        return TorchScriptRuntime(bundle, device=device, threads=threads, model=model)
    raise UsageError("runtime", got=repr(name), expected="'onnx' or 'torchscript'")


class InputShape:
    """What a network's input must look like; the one check of every runtime.

    Args:
        n_eeg: Width of an EEG feature vector, 0 without EEG.
        n_eye: Width of an eye feature vector, 0 without eye tracking.
        context: Most windows.
    """

    __slots__ = ("context", "n_eeg", "n_eye")

    def __init__(self, *, n_eeg: int, n_eye: int, context: int) -> None:
        self.n_eeg, self.n_eye, self.context = n_eeg, n_eye, context

    @classmethod
    def of(cls, bundle: Bundle) -> "InputShape":
        """The shape that a bundle's network takes."""
        n_eeg, n_eye = bundle.width(Modality.EEG), bundle.width(Modality.EYE)
        return cls(n_eeg=n_eeg, n_eye=n_eye, context=bundle.context)

    def zeros(self, n: int, length: int) -> tuple[Float32Array, Float32Array, BoolArray]:
        """An input of zeros in which everything is present."""
        return (
            np.zeros((n, length, self.n_eeg), np.float32),
            np.zeros((n, length, self.n_eye), np.float32),
            np.ones((n, length, 2), np.bool_),
        )

    def require(self, eeg: Float32Array, eye: Float32Array, present: BoolArray) -> None:
        """Raise `InvalidInputError` unless the arrays fit and are finite throughout."""
        n, length = present.shape[:2] if present.ndim == 3 else (0, 0)
        if not (
            n >= 1
            and 1 <= length <= self.context
            and eeg.shape == (n, length, self.n_eeg)
            and eye.shape == (n, length, self.n_eye)
            and present.shape[2] == 2
        ):
            raise InvalidInputError(
                "network input does not fit",
                got=f"eeg {eeg.shape}, eye {eye.shape}, present {present.shape}",
                expected=f"(n, T, {self.n_eeg}), (n, T, {self.n_eye}) and (n, T, 2) with n >= 1 "
                f"and T from 1 to {self.context}",
            )
        if not (eeg.dtype == eye.dtype == np.float32 and present.dtype == np.bool_):
            raise InvalidInputError(
                "network input has the wrong type",
                got=f"eeg {eeg.dtype}, eye {eye.dtype}, present {present.dtype}",
                expected="float32, float32, bool",
            )
        for modality, values in ((Modality.EEG, eeg), (Modality.EYE, eye)):
            if not np.isfinite(values).all():
                bad = int(values.size - np.count_nonzero(np.isfinite(values)))
                raise InvalidInputError(
                    f"network input: {modality} holds values that are not finite",
                    got=f"{bad} of {values.size}",
                    expected="finite values, and zeros where `present` is False",
                )


def closed(name: RuntimeName) -> RuntimeUnavailableError:
    """The error of a runtime that is used after `close`."""
    return RuntimeUnavailableError(
        f"runtime {name!r} is closed", hint="Load it again with load_runtime."
    )
