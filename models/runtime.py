"""The protocol behind which ONNX Runtime and TorchScript are the same thing."""

from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from hadua.models.features import BoolArray

Float32Array = npt.NDArray[np.float32]
RuntimeName = Literal["onnx", "torchscript"]
DeviceName = Literal["auto", "cpu", "cuda"]


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
