"""Batch-1 inference of the demo bundle against a bare `InferenceSession.run` of the same graph."""

from collections.abc import Callable
from functools import partial

import numpy as np
import onnxruntime
from table import Row
from timing import in_turn

from hadua.models.bundle import demo_bundle_path, load_bundle
from hadua.models.runtime import InputShape, load_runtime


def rows() -> list[Row]:
    """T = 1 and the bundle's whole context, one thread, hot and paced."""
    bundle = load_bundle(demo_bundle_path())
    ours, script = load_runtime(bundle), load_runtime(bundle, name="torchscript")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    bare = onnxruntime.InferenceSession(
        (bundle.path / "model.onnx").read_bytes(), options, providers=["CPUExecutionProvider"]
    )
    out: list[Row] = []
    for length in (1, bundle.context):
        rng = np.random.default_rng(length)
        eeg, eye, present = InputShape.of(bundle).zeros(1, length)
        eeg += rng.standard_normal(eeg.shape, np.float32)
        eye += rng.standard_normal(eye.shape, np.float32)
        feed = {"eeg": eeg, "eye": eye, "present": present}
        calls: dict[str, Callable[[], object]] = {
            "floor": partial(bare.run, None, feed),
            "onnx": partial(ours.logits, eeg, eye, present),
            "torchscript": partial(script.logits, eeg, eye, present),
        }
        for setting, pause_s, rounds in (("hot", 0.0, 2000), ("paced, 20 ms apart", 0.02, 300)):
            q = in_turn(calls, rounds=rounds, pause_s=pause_s)
            out += [
                Row(
                    f"inference, {name}, batch 1, T = {length}",
                    q[name].p50,
                    q[name].p99,
                    "us",
                    "bare InferenceSession.run",
                    q[name].p50 / q["floor"].p50,
                    setting,
                )
                for name in ("onnx", "torchscript")
            ]
    return out
