"""A bundle's TorchScript module on torch, CPU or CUDA. Imports torch when it is made."""

import io
import warnings
from typing import Literal

import numpy as np

from hadua.models.bundle import Bundle
from hadua.models.errors import BundleError, RuntimeUnavailableError
from hadua.models.features import BoolArray
from hadua.models.manifest import TORCHSCRIPT
from hadua.models.runtime import DeviceName, Float32Array, InputShape, closed

_JIT_DEPRECATED = r"`torch\.jit\.load` is deprecated"


def cuda_is_there() -> bool:
    """Whether torch sees a GPU."""
    try:
        import torch
    except ImportError:
        return False
    return bool(torch.cuda.is_available())


class TorchScriptRuntime:
    """Runs `model.ts`.

    Torch has one number of threads for the whole process, so the last runtime made decides it for
    all, and for training in the same process. It is set here nevertheless: with torch's default,
    one thread per core, two people's predictions slow each other down more than tenfold.

    Args:
        bundle: A bundle as `load_bundle` gives it. A hash says that `model.ts` is the file that was
            exported, not who exported it: load bundles from people you trust.
        model: Run in place of the bundle's file: the same network with other weights.
        device: `auto` is CUDA where torch sees a GPU.
        threads: Threads inside one call, for the whole process.

    Raises:
        RuntimeUnavailableError: torch is not installed, or sees no such device.
        BundleError: torch refuses the module.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        device: DeviceName = "auto",
        threads: int = 1,
        model: bytes | None = None,
    ) -> None:
        try:
            import torch
        except ImportError as error:
            raise RuntimeUnavailableError(
                "torch is not installed, and the TorchScript runtime needs it",
                got=str(error),
                hint="Run with --runtime onnx, or install torch by its exact version (a looser one "
                "may bring a CUDA build): pip install torch==2.13.0",
            ) from error
        self._torch = torch
        self._where = f"bundle {str(bundle.path)!r}: torch {torch.__version__}"
        self._shape = InputShape.of(bundle)
        self._device = self._choose(device)
        torch.set_num_threads(threads)
        try:
            with warnings.catch_warnings():
                # torch 2.13; goes when TorchScript does.
                warnings.filterwarnings("ignore", _JIT_DEPRECATED, DeprecationWarning)
                content = bundle.read(TORCHSCRIPT) if model is None else model
                module = torch.jit.load(  # type: ignore[no-untyped-call]
                    io.BytesIO(content), map_location=self._device
                )
        except RuntimeError as error:
            raise BundleError(
                f"{self._where} refuses {TORCHSCRIPT!r}",
                got=str(error).strip().splitlines()[0].split(". ")[0],
                hint="Export the bundle again, or update torch.",
            ) from error
        self._module: torch.jit.ScriptModule | None = module

    @property
    def name(self) -> Literal["torchscript"]:
        """Which runtime this is."""
        return "torchscript"

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        """Where it runs."""
        return self._device

    def logits(self, eeg: Float32Array, eye: Float32Array, present: BoolArray) -> Float32Array:
        """Run the network; see `Runtime.logits`."""
        module = self._module
        if module is None:
            raise closed("torchscript")
        self._shape.require(eeg, eye, present)
        torch = self._torch
        # Asking makes torch apply its number of threads to this thread. Until then matrix products
        # in a thread that torch has not seen run on every core, and round differently.
        torch.get_num_threads()
        with torch.inference_mode():
            # Copies: torch warns of arrays that are read-only, and refuses negative strides.
            tensors = [torch.from_numpy(np.array(a)).to(self._device) for a in (eeg, eye, present)]
            try:
                logits: Float32Array = module(*tensors).cpu().numpy()
            except RuntimeError as error:
                raise BundleError(
                    f"{self._where} cannot run {TORCHSCRIPT!r} on the input that the manifest "
                    "describes",
                    got=str(error).strip().splitlines()[-1],
                    hint="Export the bundle again.",
                ) from error
        return logits

    def close(self) -> None:
        """Let go of the module; idempotent."""
        self._module = None

    def _choose(self, device: DeviceName) -> Literal["cpu", "cuda"]:
        has_cuda = bool(self._torch.cuda.is_available())
        if device == "cuda" and not has_cuda:
            raise RuntimeUnavailableError(
                "device 'cuda' is not there for torch",
                got=f"torch {self._torch.__version__}",
                expected="a CUDA build of torch and an NVIDIA driver",
                hint="Run with --device cpu.",
            )
        return "cuda" if has_cuda and device != "cpu" else "cpu"
