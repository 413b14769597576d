"""Refuses an ONNX model that reaches outside its file, runs on, or claims to be more than it is.

Needs no onnx package: the file is a protobuf message, and only the fields that matter here are
followed (numbers from onnx.proto, IR version 10): operator sets, domains and operators of nodes and
functions, where a tensor's data lies, and how many values it says it has.

What is left to a liar: operators that are allowed multiply sizes, too, by broadcasting or chains of
Concat. Bundles are to be from people one trusts.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from hadua.models.errors import BundleError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_STANDARD_DOMAINS = frozenset({"", "ai.onnx"})
_MAX_DEPTH = 32
_MAX_FIELDS = 200_000  # what `hadua train` writes has some hundreds; each costs time to look at
_VALUES_PER_BYTE = 2  # of the densest type that there is, of four bits

# A profile's model is read when it was fitted, when it is put in force and when it is served. The
# walk holds the interpreter, and with it whoever predicts, for milliseconds; its SHA-256 does not.
_found_harmless: set[bytes] = set()
_REMEMBERED = 64

_ALLOWED = """
    Abs Add And Attention BatchNormalization Cast Clip Concat Constant Div Dropout Equal Erf Exp
    Flatten Gather Gelu Gemm Greater GreaterOrEqual HardSigmoid Identity IsNaN
    InstanceNormalization LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax MatMul Max
    Min Mul Neg Not Or PRelu Pow ReduceMax ReduceMean ReduceSum Relu Reshape Shape Sigmoid Sign
    Slice Softmax Softplus Split Sqrt Squeeze Sub Sum Tanh Transpose Unsqueeze Where Xor
"""
OPERATORS = frozenset(_ALLOWED.split())
"""What a network like ours needs: none repeats itself (Loop, Scan), makes values out of a size
(ConstantOfShape, Expand, Range, Tile, Pad, Resize), draws lots, or knows texts."""

# message -> field number -> message of that field
_CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "operator set", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse tensor",
                  23: "sparse tensor"},
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "function": {7: "node", 9: "operator set", 11: "attribute"},
    "operator set": {},
    "tensor": {},
}  # fmt: skip
_OPERATOR_FIELD = {"node": 4}
_DOMAIN_FIELD = {"operator set": 1, "node": 7, "function": 10}
_TENSOR_DIMS, _TENSOR_EXTERNAL_DATA, _TENSOR_LOCATION = 1, 13, 14


def check_onnx(data: bytes, *, where: str) -> None:
    """Check that a model needs some standard operators and its own bytes only.

    Raises:
        BundleError: It keeps tensors in other files, asks for operators of another domain or for
            some that no network of ours has, says of tensors that they are larger than they are, or
            is not an ONNX model at all.
    """
    digest = hashlib.sha256(data).digest()
    if digest in _found_harmless:
        return
    _check(data, where=where)
    if len(_found_harmless) >= _REMEMBERED:
        _found_harmless.clear()
    _found_harmless.add(digest)


def _check(data: bytes, *, where: str) -> None:
    asked = _Asked()
    try:
        kinds = _walk(memoryview(data), "model", asked, where=where, depth=0)
    except (IndexError, UnicodeDecodeError, RecursionError) as error:
        raise _not_onnx(where) from error
    if "graph" not in kinds:
        raise _not_onnx(where)
    if unknown := asked.operators - OPERATORS:
        raise BundleError(
            f"{where}: the model asks for operators that a network of ours does not need",
            got=", ".join(sorted(unknown)),
            expected="an ONNX file as `hadua train` writes it",
            hint="Make the bundle again with `hadua train` or `hadua export`.",
        )


@dataclass(slots=True)
class _Asked:
    """What a model asks for, over all its parts."""

    operators: set[str] = field(default_factory=set)
    fields: int = 0


def _walk(data: memoryview, message: str, asked: _Asked, *, where: str, depth: int) -> set[str]:
    if depth > _MAX_DEPTH:
        raise RecursionError
    seen: set[str] = set()
    if message == "tensor":
        _check_size(data, where=where)
    for number, value in _fields(data):
        asked.fields += 1
        if asked.fields > _MAX_FIELDS:
            raise _too_much(where)
        if message == "tensor" and _is_external(number, value):
            raise BundleError(
                f"{where}: the model keeps tensors in another file",
                expected="every tensor inside the file",
                hint="Make the bundle again with `hadua train`.",
            )
        if isinstance(value, int):
            continue
        if number == _DOMAIN_FIELD.get(message):
            _check_domain(str(value, "utf-8"), where=where)
        if number == _OPERATOR_FIELD.get(message):
            asked.operators.add(str(value, "utf-8"))
        if child := _CHILDREN[message].get(number):
            seen.add(child)
            _walk(value, child, asked, where=where, depth=depth + 1)
    return seen


def _check_size(tensor: memoryview, *, where: str) -> None:
    """That a tensor has no more values than there is room for in it."""
    n_values, n_dims = 1, 0
    for number, value in _fields(tensor):
        if number != _TENSOR_DIMS:
            continue
        for dim in [value] if isinstance(value, int) else _varints(value):
            n_values, n_dims = n_values * dim, n_dims + 1
            if n_values > _VALUES_PER_BYTE * len(tensor) or n_dims > _MAX_DEPTH:
                raise BundleError(
                    f"{where}: a tensor says that it is larger than it is",
                    got=f"{min(n_values, 2**64)} values in {len(tensor)} bytes",
                    expected="as many as there are",
                    hint="The file was changed; copy the bundle again.",
                )


def _is_external(number: int, value: int | memoryview) -> bool:
    return number == _TENSOR_EXTERNAL_DATA or (number == _TENSOR_LOCATION and value != 0)


def _check_domain(domain: str, *, where: str) -> None:
    if domain not in _STANDARD_DOMAINS:
        raise BundleError(
            f"{where}: the model asks for operators that are not standard",
            got=f"domain {domain!r}",
            expected="the domain of ONNX itself",
            hint="Make the bundle again with `hadua train`.",
        )


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
        elif kind == _BYTES:
            length, at = _varint(data, at)
            yield number, _cut(data, at, length)
            at += length
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
            yield number, _cut(data, at, length)
            at += length
        else:
            raise IndexError(f"wire type {kind}")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise IndexError("varint too long")


def _cut(data: memoryview, at: int, length: int) -> memoryview:
    if at + length > len(data):
        raise IndexError("field runs over the end")
    return data[at : at + length]


def _varints(data: memoryview) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _too_much(where: str) -> BundleError:
    return BundleError(
        f"{where}: the model has too many parts",
        got=f"more than {_MAX_FIELDS} fields",
        expected="an ONNX file as `hadua train` writes it",
    )


def _not_onnx(where: str) -> BundleError:
    return BundleError(
        f"{where}: this is not an ONNX model",
        expected="an ONNX file as `hadua train` writes it",
        hint="The file may be truncated; copy the bundle again.",
    )
