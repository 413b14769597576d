"""Files of a bundle made to hurt: refused for what they say, before anything of it is done."""

import io
import json
import struct
import tracemalloc
import zipfile
from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save

from hadua.models.bundle import demo_bundle_path, load_bundle
from hadua.models.errors import BundleError
from hadua.models.manifest import TORCHSCRIPT
from hadua.models.onnx_guard import OPERATORS, check_onnx
from hadua.models.safetensors_file import MOST_HEADER_BYTES, load_arrays
from hadua.models.torchscript_guard import MOST_MEMBERS, check_torchscript

WHERE = "bundle file 'x'"
MOST_MEMORY = 32 * 2**20


def bounded(work: Callable[[], object]) -> None:
    """Do it, and see that it took little memory, however it ended."""
    tracemalloc.start()
    try:
        work()
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < MOST_MEMORY


def tensors(header: object, values: bytes = b"", *, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + values


def array(shape: list[int], start: int, stop: int, kind: str = "F32") -> dict[str, object]:
    return {"dtype": kind, "shape": shape, "data_offsets": [start, stop]}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "a file of 0 bytes"),
        (tensors({}, length=2**63), "a header of 9223372036854775808 bytes"),
        (tensors(b" " * (MOST_HEADER_BYTES + 1)), "a header of 1048577 bytes"),
        (tensors({"a": array([2**62, 2**62], 0, 16)}, b"\0" * 16), "."),
        (tensors({"a": array([2**40], 0, 16)}, b"\0" * 16), "."),
        (tensors({"a": array([4], 0, 2**50)}, b"\0" * 16), "."),
        (tensors({"a": array([4], 8, 24)}, b"\0" * 16), "."),
        (tensors({"a": array([4], 0, 16), "b": array([4], 0, 16)}, b"\0" * 16), "."),
        (tensors({"a": array([-1], 0, 16)}, b"\0" * 16), "."),
        (tensors({"a": array([4], 0, 16, "PICKLE")}, b"\0" * 16), "."),
        (tensors(b"[" * 100_000), "."),
        (tensors({"a": array([1] * 200_000, 0, 4)}, b"\0" * 4), "."),
    ],
    ids=range(12),
)
def test_safetensors_that_lie(content: bytes, why: str) -> None:
    def read() -> None:
        with pytest.raises(ValueError, match=why):
            load_arrays(content)

    bounded(read)


def test_safetensors_that_do_not_lie() -> None:
    content = save({"a": np.arange(3.0), "nothing": np.zeros((0, 5), np.float32)})
    assert load_arrays(content)["a"].tolist() == [0.0, 1.0, 2.0]


def model(*nodes: onnx.NodeProto, tensors: tuple[onnx.TensorProto, ...] = ()) -> bytes:
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, (1,)) for n in "xy")
    graph = helper.make_graph(list(nodes), "g", [x], [y], list(tensors))
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)])
    return bytes(onnx.ModelProto.SerializeToString(made))


def refuses(data: bytes, why: str) -> None:
    with pytest.raises(BundleError, match=why):
        bounded(lambda: check_onnx(data, where=WHERE))


@pytest.mark.parametrize(
    "operator",
    ["Loop", "Scan", "If", "ConstantOfShape", "Expand", "Range", "Tile", "Pad", "Resize",
     "RandomNormal", "StringSplit", "SequenceMap", "Optional"],
)  # fmt: skip
def test_operators_that_no_network_of_ours_needs(operator: str) -> None:
    refuses(model(helper.make_node(operator, ["x"], ["y"])), f"got {operator}, expected an ONNX")


def test_an_operator_that_hides_in_a_function() -> None:
    made = onnx.ModelProto.FromString(model(helper.make_node("Neg", ["x"], ["y"])))
    body = [helper.make_node("Loop", ["a"], ["b"])]
    opset = [helper.make_opsetid("", 23)]
    made.functions.append(helper.make_function("", "F", ["a"], ["b"], body, opset))
    refuses(bytes(made.SerializeToString()), "got Loop")


@pytest.mark.parametrize("dims", [[2**62], [2**31, 2**31], [10**6, 10**6], [5, 1] + [1] * 40])
def test_a_tensor_that_says_that_it_is_larger_than_it_is(dims: list[int]) -> None:
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "w")
    del tensor.dims[:]
    tensor.dims.extend(dims)
    add = helper.make_node("Add", ["x", "w"], ["y"])
    refuses(model(add, tensors=(tensor,)), "larger than it is")


def test_more_parts_than_anybody_looks_at() -> None:
    many = [helper.make_node("Neg", ["x"], ["y"]) for _ in range(80_000)]
    with pytest.raises(BundleError, match="too many parts"):
        check_onnx(model(*many), where=WHERE)


def test_every_operator_that_is_allowed_is_one() -> None:
    known = {schema.name for schema in onnx.defs.get_all_schemas()}
    assert known >= OPERATORS


Member = tuple[str, bytes, int]


def archive(*members: Member) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, content, how in members:
            made.writestr(zipfile.ZipInfo(name), content, compress_type=how)
    return out.getvalue()


STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
GOOD: tuple[Member, ...] = (
    ("a/data.pkl", b"\x80\x02.", STORED),
    ("a/constants/0", b"\0" * 64, STORED),
    ("a/version", b"3\n", STORED),
)


def overlapping() -> bytes:
    """Two members in the central directory whose bytes are the same ones."""
    content = archive(("a/constants/0", b"\0" * 4096, STORED), ("a/constants/1", b"\0", STORED))
    start = content.index(b"PK\x01\x02")
    one = content[start : content.index(b"PK\x01\x02", start + 1)]
    copies = b"".join(one.replace(b"constants/0", b"constants/%d" % k) for k in range(9))
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 9, 9, len(copies), start, 0)
    return content[:start] + copies + end


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not a TorchScript file"),
        (b"PK\x05\x06" + b"\0" * 18, "0 members"),
        (archive(("a/constants/0", b"\0" * 50_000_000, DEFLATED)), "packed"),
        (archive(*GOOD, ("a/constants/1", b"\0" * 64, DEFLATED)), "packed"),
        (archive(*GOOD, ("a/../../etc/x.py", b"", STORED)), "a member 'a/../../etc/x.py'"),
        (archive(*GOOD, ("a/code/../../x.py", b"", STORED)), "a member 'a/code/../../x.py'"),
        (archive(*GOOD, ("/a/data.pkl", b"", STORED)), "a member '/a/data.pkl'"),
        (archive(*GOOD, ("a/run.sh", b"", STORED)), "a member 'a/run.sh'"),
        (archive(*GOOD, ("b/constants/7", b"", STORED)), "two folders"),
        (overlapping(), "larger than its file"),
        (archive(*((f"a/constants/{k}", b"", STORED) for k in range(MOST_MEMBERS + 1))), "members"),
    ],
    ids=range(11),
)  # fmt: skip
def test_archives_that_are_larger_inside_than_outside(content: bytes, why: str) -> None:
    with pytest.raises(BundleError, match=why):
        bounded(lambda: check_torchscript(content, where=WHERE))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_is_there_twice() -> None:
    with pytest.raises(BundleError, match="a member 'a/version'"):
        check_torchscript(archive(*GOOD, ("a/version", b"4\n", STORED)), where=WHERE)


def test_a_member_whose_size_is_a_lie() -> None:
    content = bytearray(archive(*GOOD))
    at = content.index(b"PK\x01\x02") + 24  # its size unpacked, in the central directory
    content[at : at + 4] = struct.pack("<I", 2**31)
    with pytest.raises(BundleError, match="larger than its file"):
        check_torchscript(bytes(content), where=WHERE)


def test_what_we_write_passes() -> None:
    check_torchscript(load_bundle(demo_bundle_path()).read(TORCHSCRIPT), where=WHERE)
    check_torchscript(archive(*GOOD), where=WHERE)
