"""Refuses an ONNX model that would reach outside its own file. Needs no onnx package.

The file is a protobuf message; only the fields that matter here are followed (numbers from
onnx.proto, IR version 10): which operator sets are imported, which domain a node or a function
belongs to, and whether a tensor's data lies in another file.
"""

from collections.abc import Iterator

from hadua.models.errors import BundleError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_STANDARD_DOMAINS = frozenset({"", "ai.onnx"})
_MAX_DEPTH = 32

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
_DOMAIN_FIELD = {"operator set": 1, "node": 7, "function": 10}
_TENSOR_EXTERNAL_DATA, _TENSOR_LOCATION = 13, 14


def check_onnx(data: bytes, *, where: str) -> None:
    """Check that a model needs standard operators and its own bytes only.

    Raises:
        BundleError: It keeps tensors in other files, asks for operators of another domain, or is
            not an ONNX model at all.
    """
    try:
        kinds = _walk(memoryview(data), "model", where=where, depth=0)
    except (IndexError, UnicodeDecodeError, RecursionError) as error:
        raise _not_onnx(where) from error
    if "graph" not in kinds:
        raise _not_onnx(where)


def _walk(data: memoryview, message: str, *, where: str, depth: int) -> set[str]:
    if depth > _MAX_DEPTH:
        raise RecursionError
    seen: set[str] = set()
    for number, value in _fields(data):
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
        if child := _CHILDREN[message].get(number):
            seen.add(child)
            _walk(value, child, where=where, depth=depth + 1)
    return seen


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


def _not_onnx(where: str) -> BundleError:
    return BundleError(
        f"{where}: this is not an ONNX model",
        expected="an ONNX file as `hadua train` writes it",
        hint="The file may be truncated; copy the bundle again.",
    )
