from contextlib import suppress
from unittest.mock import Mock

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from support.bundles import random_network

from hadua.models import onnx_guard
from hadua.models.errors import BundleError
from hadua.models.folded import fold
from hadua.models.onnx_graph import to_onnx
from hadua.models.onnx_guard import check_onnx

WHERE = "bundle file 'model.onnx'"


def model(node: onnx.NodeProto, *tensors: onnx.TensorProto, domain: str = "") -> onnx.ModelProto:
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, (1,)) for n in "xy")
    graph = helper.make_graph([node], "g", [x], [y], tensors)
    opsets = [helper.make_opsetid("", 23)] + [helper.make_opsetid(domain, 1)] * bool(domain)
    return helper.make_model(graph, opset_imports=opsets)


def external() -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.zeros(64, np.float32), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secret")
    return tensor


def test_what_we_write_passes() -> None:
    for context in (1, 4):
        check_onnx(to_onnx(fold(random_network(8, 5, context=context))), where=WHERE)


def test_one_that_was_looked_at_is_not_walked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    data = to_onnx(fold(random_network(7, 3)))
    check_onnx(data, where=WHERE)
    monkeypatch.setattr(onnx_guard, "_check", refuse := Mock(side_effect=BundleError("walked")))
    check_onnx(data, where=WHERE)
    refuse.assert_not_called()
    with pytest.raises(BundleError, match="walked"):
        check_onnx(data + b"\0", where=WHERE)


def test_what_was_refused_is_refused_again() -> None:
    bad = model(helper.make_node("Add", ["x", "w"], ["y"]), external()).SerializeToString()
    for _ in range(2):
        with pytest.raises(BundleError, match="keeps tensors in another file"):
            check_onnx(bad, where=WHERE)


def test_data_in_another_file() -> None:
    bad = model(helper.make_node("Add", ["x", "w"], ["y"]), external())
    with pytest.raises(BundleError, match="keeps tensors in another file"):
        check_onnx(bad.SerializeToString(), where=WHERE)


def test_data_in_another_file_inside_a_node_of_a_branch() -> None:
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value=external())], "branch", [], []
    )
    node = helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
    with pytest.raises(BundleError, match="keeps tensors in another file"):
        check_onnx(model(node).SerializeToString(), where=WHERE)


def test_operators_of_another_domain() -> None:
    node = helper.make_node("Shell", ["x"], ["y"], domain="com.evil")
    for bad in (model(node), model(helper.make_node("Neg", ["x"], ["y"]), domain="com.evil")):
        with pytest.raises(BundleError, match=r"not standard: got domain 'com\.evil'"):
            check_onnx(bad.SerializeToString(), where=WHERE)


def test_a_function_of_another_domain() -> None:
    good = model(helper.make_node("Neg", ["x"], ["y"]))
    opset = [helper.make_opsetid("", 23)]
    body = [helper.make_node("Neg", ["a"], ["b"])]
    good.functions.append(helper.make_function("com.evil", "F", ["a"], ["b"], body, opset))
    with pytest.raises(BundleError, match=r"com\.evil"):
        check_onnx(good.SerializeToString(), where=WHERE)


@pytest.mark.parametrize("data", [b"", b"\x08", b"\x3a\xff\x01", b"PK\x03\x04", b"\x08\x01"])
def test_something_else(data: bytes) -> None:
    with pytest.raises(BundleError, match="not an ONNX model"):
        check_onnx(data, where=WHERE)


@given(data=st.binary(max_size=200))
def test_any_bytes_end_in_one_error_or_none(data: bytes) -> None:
    with suppress(BundleError):  # anything else is a fault of ours
        check_onnx(data, where=WHERE)


def test_a_cut_model_is_refused() -> None:
    whole = to_onnx(fold(random_network(8, 5)))
    with pytest.raises(BundleError, match="not an ONNX model"):
        check_onnx(whole[: len(whole) // 2], where=WHERE)
