"""Calls of an ONNX session whose buffers stay where the model runs.

On a GPU `InferenceSession.run` sets memory aside for each call and copies through it. Here each
shape has buffers of its own on the device, bound once: a call copies its input there, runs, and
copies the logits back. With CUDA graphs the kernels of a shape are recorded with its first call
and sent to the GPU as one afterwards, which needs buffers that stay in place.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from hadua.models.features import BoolArray
from hadua.models.onnx_library import onnxruntime
from hadua.models.runtime import Float32Array

if TYPE_CHECKING:
    import onnxruntime as ort

Feed = Mapping[str, Float32Array | BoolArray]

OUTPUT = "logits"
MOST_SHAPES = 16
"""Shapes that keep their buffers; the one that was not used for longest goes."""


@dataclass(frozen=True, slots=True, eq=False)
class _Bound:
    """One shape: its buffers, and its number among the graphs."""

    inputs: Mapping[str, "ort.OrtValue"]
    output: "ort.OrtValue"
    binding: "ort.IOBinding"
    options: "ort.RunOptions"


class BoundCalls:
    """Runs a session on buffers that are bound once for each shape.

    Args:
        session: An `onnxruntime.InferenceSession`.
        device: Where its model runs.
        n_classes: Width of the logits.
        graphs: Whether the session records CUDA graphs.
    """

    def __init__(
        self,
        session: "ort.InferenceSession",
        *,
        device: Literal["cpu", "cuda"],
        n_classes: int,
        graphs: bool,
    ) -> None:
        self._ort, self._session = onnxruntime(), session
        self._device, self._n_classes, self._graphs = device, n_classes, graphs
        self._bound: OrderedDict[tuple[int, ...], _Bound] = OrderedDict()
        self._recorded = 0

    def __call__(self, feed: Feed) -> Float32Array:
        """Logits `(n, n_classes)` of `eeg`, `eye` and `present`, as far as the model has them."""
        shape = feed["present"].shape
        bound = self._bound.get(shape)
        if bound is None:
            bound = self._bound[shape] = self._bind(feed)
            if len(self._bound) > MOST_SHAPES:
                self._bound.popitem(last=False)
        self._bound.move_to_end(shape)
        for name, values in feed.items():
            bound.inputs[name].update_inplace(np.ascontiguousarray(values))
        self._session.run_with_iobinding(bound.binding, bound.options)
        return np.array(bound.output.numpy(), np.float32)

    def _bind(self, feed: Feed) -> _Bound:
        value = self._ort.OrtValue
        inputs = {
            name: value.ortvalue_from_numpy(np.array(x, order="C"), self._device, 0)
            for name, x in feed.items()
        }
        n = feed["present"].shape[0]
        output = value.ortvalue_from_shape_and_type(
            [n, self._n_classes], np.float32, self._device, 0
        )
        binding = self._session.io_binding()
        for name, buffer in inputs.items():
            binding.bind_ortvalue_input(name, buffer)
        binding.bind_ortvalue_output(OUTPUT, output)
        return _Bound(inputs, output, binding, self._options())

    def _options(self) -> "ort.RunOptions":
        options = self._ort.RunOptions()
        if self._graphs:
            self._recorded += 1
            options.add_run_config_entry("gpu_graph_id", str(self._recorded))
        return options
