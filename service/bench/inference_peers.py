"""A bundle's graph on engines that need no torch: bare ONNX Runtime, and OpenVINO if it is here."""

from functools import partial

from hadua.models.bundle import Bundle
from hadua.models.features import BoolArray
from hadua.models.manifest import ONNX
from hadua.models.onnx_library import onnxruntime
from hadua.models.runtime import Float32Array
from hadua.service.bench.comparison import Other
from hadua.service.bench.row import version_of
from hadua.service.bench.timing import Call

Feed = tuple[Float32Array, Float32Array, BoolArray]
INPUTS = ("eeg", "eye", "present")


def bare_session(bundle: Bundle, feed: Feed) -> Call:
    """`InferenceSession.run` of the same graph, one thread, and nothing around it."""
    ort = onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(bundle.read(ONNX), options, providers=["CPUExecutionProvider"])
    return partial(session.run, None, dict(zip(INPUTS, feed, strict=True)))


def openvino(bundle: Bundle, feed: Feed) -> Other:
    """The same graph on OpenVINO, one thread, for latency."""
    name = f"OpenVINO {version_of('openvino')}"
    try:
        from openvino import Core
    except ImportError as error:
        return Other(name, why=f"openvino is not here ({error})")
    core = Core()
    settings = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY"}
    try:
        compiled = core.compile_model(core.read_model(bundle.read(ONNX)), "CPU", settings)
    except RuntimeError as error:
        return Other(name, why=f"it does not take the graph ({str(error).splitlines()[0]})")
    request = compiled.create_infer_request()
    inputs = dict(zip(INPUTS, feed, strict=True))
    return Other(name, partial(request.infer, inputs, share_inputs=True, share_outputs=True))
