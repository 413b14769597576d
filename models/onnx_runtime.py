"""A bundle's ONNX model on ONNX Runtime, CPU or CUDA. Imports neither torch nor onnx."""

from typing import Literal

from hadua.models.bundle import Bundle
from hadua.models.errors import BundleError, RuntimeUnavailableError
from hadua.models.features import BoolArray
from hadua.models.manifest import ONNX
from hadua.models.onnx_binding import BoundCalls
from hadua.models.onnx_library import onnxruntime
from hadua.models.runtime import DeviceName, Float32Array, InputShape, closed

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_OUTPUTS = ["logits"]
_ERRORS_ONLY = 3
# ONNX Runtime's errors share no base class of their own.
_REFUSALS = (
    "EPFail",
    "Fail",
    "InvalidArgument",
    "InvalidGraph",
    "InvalidProtobuf",
    "NotImplemented",
    "RuntimeException",
)


class OnnxRuntime:
    """Runs `model.onnx`.

    Args:
        bundle: A bundle as `load_bundle` gives it.
        model: Run in place of the bundle's file: the same network with other weights.
        device: `auto` is CUDA where this build of ONNX Runtime has it.
        threads: Threads inside one call.
        cuda_graphs: On a GPU, record the kernels of a shape once and send them as one.

    Raises:
        RuntimeUnavailableError: ONNX Runtime is not installed, or has no such device.
        BundleError: ONNX Runtime refuses the model.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        device: DeviceName = "auto",
        threads: int = 1,
        model: bytes | None = None,
        cuda_graphs: bool = False,
    ) -> None:
        try:
            ort = onnxruntime()
            from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors
        except ImportError as error:
            raise RuntimeUnavailableError(
                "ONNX Runtime is not installed",
                got=str(error),
                hint='Install one build of it, and only one: pip install "hadua[cpu]", or '
                '"hadua[gpu]" for a GPU.',
            ) from error
        self._device = _choose(device, ort.get_available_providers())
        self._shape = InputShape.of(bundle)
        self._where = f"bundle {str(bundle.path)!r}: ONNX Runtime {ort.__version__}"
        self._has_eeg, self._has_eye = self._shape.n_eeg > 0, self._shape.n_eye > 0
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        graphs = cuda_graphs and self._device == "cuda"
        asked = {"enable_cuda_graph": "1"} if graphs else {}
        providers = [(_PROVIDERS[self._device], asked)]
        self._refusals = tuple(getattr(ort_errors, name) for name in _REFUSALS)
        try:
            # From memory: the bytes whose hash was checked, and no folder to load more from.
            content = bundle.read(ONNX) if model is None else model
            session = ort.InferenceSession(content, options, providers=providers)
        except self._refusals as error:
            raise BundleError(
                f"{self._where} refuses {ONNX!r}",
                got=str(error).splitlines()[0],
                hint="Export the bundle again, or update ONNX Runtime.",
            ) from error
        self._device = _got(session.get_providers(), asked=device)
        self._session = session
        self._bound = (
            BoundCalls(session, device="cuda", n_classes=len(bundle.classes), graphs=graphs)
            if self._device == "cuda"
            else None
        )

    @property
    def name(self) -> Literal["onnx"]:
        """Which runtime this is."""
        return "onnx"

    @property
    def device(self) -> Literal["cpu", "cuda"]:
        """Where it runs."""
        return self._device

    def logits(self, eeg: Float32Array, eye: Float32Array, present: BoolArray) -> Float32Array:
        """Run the network; see `Runtime.logits`."""
        if self._session is None:
            raise closed("onnx")
        self._shape.require(eeg, eye, present)
        feed: dict[str, Float32Array | BoolArray] = {"present": present}
        if self._has_eeg:
            feed["eeg"] = eeg
        if self._has_eye:
            feed["eye"] = eye
        try:
            if self._bound is not None:
                return self._bound(feed)
            logits: Float32Array = self._session.run(_OUTPUTS, feed)[0]
        except (*self._refusals, ValueError) as error:
            raise BundleError(
                f"{self._where} cannot run {ONNX!r} on the input that the manifest describes",
                got=" ".join(str(error).split()),
                hint="Export the bundle again.",
            ) from error
        return logits

    def close(self) -> None:
        """Let go of the session; idempotent."""
        self._session = self._bound = None


def cuda_is_there() -> bool:
    """Whether this build of ONNX Runtime has CUDA; whether that works is seen when it is used."""
    try:
        available = onnxruntime().get_available_providers()
    except ImportError:
        return False
    return _PROVIDERS["cuda"] in available


def _choose(device: DeviceName, available: list[str]) -> Literal["cpu", "cuda"]:
    has_cuda = _PROVIDERS["cuda"] in available
    if device == "cuda" and not has_cuda:
        raise _no_cuda(available)
    return "cuda" if has_cuda and device != "cpu" else "cpu"


def _got(providers: list[str], *, asked: DeviceName) -> Literal["cpu", "cuda"]:
    # ONNX Runtime falls back to the CPU without an error where the driver is missing.
    if _PROVIDERS["cuda"] in providers:
        return "cuda"
    if asked == "cuda":
        raise _no_cuda(providers)
    return "cpu"


def _no_cuda(providers: list[str]) -> RuntimeUnavailableError:
    return RuntimeUnavailableError(
        "device 'cuda' is not there for ONNX Runtime",
        got=f"providers {', '.join(providers)}",
        expected=_PROVIDERS["cuda"],
        hint='Replace onnxruntime by pip install "hadua[gpu]" and check the NVIDIA driver, or run '
        "with --device cpu.",
    )
