"""The folded network as an ONNX graph, written node by node.

torch.onnx.export takes some ten seconds for the same network, writes more than twice the nodes and
leaves stack traces of the exporting machine inside. What is written here is proved equal to the
network by `export_bundle` every time, so a difference cannot go unseen.
"""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from hadua.models.features import FloatArray
from hadua.models.folded import Folded, FoldedSequence, FoldedSingle, FoldedTokens
from hadua.models.network import HEADS
from hadua.models.runtime import Float32Array

OPSET = 23  # the first with an Attention operator
_IR_VERSION = 11
_TO_THE_END = np.iinfo(np.int64).max


def to_onnx(folded: Folded) -> bytes:
    """Write a folded network as ONNX: dynamic batch, and dynamic time where there is any.

    The inputs are `eeg` and `eye`, as far as the network has them, and `present`; the output is
    `logits`. The same weights give the same bytes.
    """
    graph = _Graph()
    if isinstance(folded, FoldedSingle):
        _single(graph, folded)
    else:
        _sequence(graph, folded)
    time: int | str = 1 if isinstance(folded, FoldedSingle) else "time"
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ("batch", time, width))
        for name, width in (("eeg", folded.eeg.n_features), ("eye", folded.eye.n_features))
        if width
    ]
    present = helper.make_tensor_value_info("present", TensorProto.BOOL, ("batch", time, 2))
    logits = helper.make_tensor_value_info(
        "logits", TensorProto.FLOAT, ("batch", folded.last.out_features)
    )
    body = helper.make_graph(graph.nodes, "hadua", [*inputs, present], [logits], graph.constants)
    model = helper.make_model(
        body,
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="hadua",
        ir_version=_IR_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


class _Graph:
    """Nodes and constants in the order of their making; names are made up as they come."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, op: str, *inputs: str, out: str = "", **attributes: int | float) -> str:
        out = out or f"{op.lower()}_{len(self.nodes)}"
        node = helper.make_node(op, inputs, [out], name=out)
        node.attribute.extend(helper.make_attribute(k, v) for k, v in attributes.items())
        self.nodes.append(node)
        return out

    def constant(self, values: FloatArray | Float32Array | Sequence[int]) -> str:
        kind = np.float32 if isinstance(values, np.ndarray) else np.int64
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values, kind), name))
        return name

    def slice(self, x: str, *cuts: tuple[int, int, int]) -> str:
        """Cut by `(axis, start, stop)`; beyond the ends there is nothing, as in Python."""
        axes, starts, stops = ([cut[k] for cut in cuts] for k in range(3))
        return self.add("Slice", x, *(self.constant(values) for values in (starts, stops, axes)))

    def linear(self, x: str, layer: nn.Linear, *, flat: bool = False, out: str = "") -> str:
        weight = self.constant(layer.weight.detach().numpy().T)
        bias = () if layer.bias is None else (self.constant(layer.bias.detach().numpy()),)
        if flat:
            return self.add("Gemm", x, weight, *bias, out=out)
        product = self.add("MatMul", x, weight)
        return self.add("Add", product, *bias) if bias else product

    def attention(self, query: str, key: str, value: str, scores: str) -> str:
        inputs = query, key, value, scores
        return self.add("Attention", *inputs, q_num_heads=HEADS, kv_num_heads=HEADS)

    def split(self, x: str, parts: int) -> tuple[str, ...]:
        outs = tuple(f"split_{len(self.nodes)}_{i}" for i in range(parts))
        node = helper.make_node("Split", [x], outs, name=outs[0], axis=-1, num_outputs=parts)
        self.nodes.append(node)
        return outs


def _single(graph: _Graph, net: FoldedSingle) -> None:
    present = graph.add("Flatten", "present", axis=1)
    hidden = []
    for k, (name, tokens, out) in enumerate(
        (("eeg", net.eeg, net.from_eeg), ("eye", net.eye, net.from_eye))
    ):
        measured = graph.slice(present, (1, k, k + 1))
        if tokens.n_features:
            x = _encode(graph, graph.add("Flatten", name, axis=1), tokens, flat=True)
        else:
            x = graph.constant(tokens.mask.detach().numpy())
        x = graph.add("Where", measured, x, graph.constant(tokens.mask.detach().numpy()))
        hidden.append(graph.linear(x, out, flat=True))
    hidden_sum = graph.add("Relu", graph.add("Add", *hidden))
    graph.linear(hidden_sum, net.last, flat=True, out="logits")


def _sequence(graph: _Graph, net: FoldedSequence) -> None:
    eeg, eye = _tokens(graph, "eeg", net.eeg, 0), _tokens(graph, "eye", net.eye, 1)
    ago = graph.add("Neg", graph.add("Shape", "present", start=1, end=2))
    cross_span = net.eye_age.shape[2]
    newest_eeg = graph.slice(eeg, (1, -1, _TO_THE_END))
    key, value = graph.split(graph.linear(eeg, net.eeg_past), 2)
    scores = _newest(graph, net.eeg_age, ago, (3,))
    eeg_seen = graph.attention(graph.linear(newest_eeg, net.eeg_query), key, value, scores)
    query, key, value = graph.split(graph.linear(eye, net.eye_all), 3)
    query = graph.slice(query, (1, -cross_span, _TO_THE_END))
    scores = _newest(graph, net.eye_age, ago, (2, 3))
    eye_seen = graph.attention(query, key, value, scores)
    key, value = graph.split(graph.linear(eye_seen, net.cross_past), 2)
    scores = _newest(graph, net.cross_age, ago, (3,))
    crossed = graph.attention(graph.linear(eeg_seen, net.cross_query), key, value, scores)
    newest_eye = graph.slice(eye_seen, (1, -1, _TO_THE_END))
    seen = graph.add("Concat", eeg_seen, newest_eye, crossed, axis=-1)
    hidden = graph.linear(graph.add("Flatten", seen, axis=1), net.first, flat=True)
    graph.linear(graph.add("Relu", hidden), net.last, flat=True, out="logits")


def _tokens(graph: _Graph, name: str, tokens: FoldedTokens, k: int) -> str:
    newest = (1, -tokens.context, _TO_THE_END)
    mask = graph.constant(tokens.mask.detach().numpy())
    x = mask
    if tokens.n_features:
        x = _encode(graph, graph.slice(name, newest), tokens, flat=False)
    return graph.add("Where", graph.slice("present", newest, (2, k, k + 1)), x, mask)


def _newest(graph: _Graph, scores: Tensor, ago: str, axes: tuple[int, ...]) -> str:
    """The newest scores, as many as windows; `ago` is minus the number of windows."""
    start = ago if len(axes) == 1 else graph.add("Concat", *(ago for _ in axes), axis=0)
    stop = graph.constant([_TO_THE_END for _ in axes])
    return graph.add("Slice", graph.constant(scores.numpy()), start, stop, graph.constant(axes))


def _encode(graph: _Graph, x: str, tokens: FoldedTokens, *, flat: bool) -> str:
    for layer in tokens.layers:
        if isinstance(layer, nn.Linear):
            x = graph.linear(x, layer, flat=flat)
        else:
            x = graph.add("LeakyRelu", x, alpha=0.01)
    return x
