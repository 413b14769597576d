"""The MAT-file format, level 5, as far as numeric arrays need it.

A header of 128 bytes (text; version at 124; `IM` at 126 if little-endian) and then elements: type
and length, 4 bytes each, and the data. An element is a matrix (14), or one packed with zlib (15).
A matrix holds elements itself: flags, dimensions, name and numbers, column by column, each padded
to 8 bytes; up to 4 bytes of data are packed into the tag. (MathWorks, *MAT-File Format*.)

Read here and not by SciPy, whose reader ends the whole process on some damaged files (1.17).
"""

import struct
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np

from hadua.models.features import FloatArray

_MATRIX, _PACKED = 14, 15
_NUMBERS = dict(
    zip(
        (1, 2, 3, 4, 5, 6, 7, 9, 12, 13),
        ("i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8", "i8", "u8"),
        strict=True,
    )
)
_KINDS = {1: "cell array", 2: "structure", 3: "object", 4: "text", 5: "sparse matrix"}
_NUMERIC_KINDS = range(6, 16)
_NAMED_KINDS = range(1, 16)
"""Others, as MATLAB's own classes are stored, have another header."""
_COMPLEX = 0x800
_HEAD = 1024
"""More than enough for flags, dimensions and name."""


class MatError(ValueError):
    """What is wrong with the bytes, without the file's name."""


@dataclass(frozen=True, slots=True, eq=False)
class MatArray:
    """One array of a file.

    Args:
        kind: What it is, in words.
        shape: Its dimensions.
        values: The numbers as float64, or None if it holds no real numbers.
    """

    kind: str
    shape: tuple[int, ...]
    values: FloatArray | None


class _Element(NamedTuple):
    """Where an array's data lie in the file."""

    start: int
    length: int
    packed: bool


class _Header(NamedTuple):
    """What stands before the numbers of a matrix."""

    kind: int
    complex: bool
    shape: tuple[int, ...]
    name: str
    end: int


class MatFile:
    """An open file; its names are known, its arrays are read one by one.

    Args:
        path: The file.

    Raises:
        OSError: it cannot be opened.
        MatError: it is of another format, or damaged.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        try:
            self._order = self._read_order()
            self._elements = self._scan(path.stat().st_size)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "MatFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    @property
    def names(self) -> list[str]:
        """Names of the arrays in the order of the file."""
        return list(self._elements)

    def read(self, name: str) -> MatArray:
        """Read one array.

        Raises:
            MatError: its bytes are damaged.
        """
        element = self._elements[name]
        body = self._body(element, element.length)
        header = self._header(body)
        kind = _KINDS.get(header.kind, "numbers" if header.kind in _NUMERIC_KINDS else "unknown")
        if header.kind not in _NUMERIC_KINDS or header.complex:
            kind = "complex numbers" if header.kind in _NUMERIC_KINDS else kind
            return MatArray(kind, header.shape, None)
        return MatArray(kind, header.shape, self._values(body, header))

    def _read_order(self) -> str:
        head = self._file.read(128)
        order = {b"IM": "<", b"MI": ">"}.get(head[126:128])
        if order is None:
            raise MatError(f"{len(head)} bytes that begin with {head[:20]!r}")
        version = struct.unpack(f"{order}H", head[124:126])[0]
        if version != 0x0100:
            raise MatError(f"version {version:#06x}")
        return order

    def _scan(self, size: int) -> dict[str, _Element]:
        found: dict[str, _Element] = {}
        at = 128
        while at < size:
            self._file.seek(at)
            kind, length = self._unpack("II", self._file.read(8))
            if kind not in (_MATRIX, _PACKED) or at + 8 + length > size:
                raise MatError(f"type {kind}, {length} bytes, at byte {at} of {size}")
            element = _Element(at + 8, length, kind == _PACKED)
            head = self._body(element, min(length, _HEAD))
            if self._kind(head) in _NAMED_KINDS:
                found[self._header(head).name] = element
            at += 8 + length
        return found

    def _body(self, element: _Element, length: int) -> bytes:
        """The first bytes of a matrix, or all of it, unpacked and without its tag."""
        self._file.seek(element.start)
        raw = self._file.read(length)
        if not element.packed:
            return raw
        whole = length == element.length
        try:
            raw = zlib.decompress(raw) if whole else zlib.decompressobj().decompress(raw, _HEAD)
        except zlib.error as error:
            raise MatError(f"at byte {element.start}: {error}") from error
        kind, n = self._unpack("II", raw[:8])
        if kind != _MATRIX or (whole and len(raw) < 8 + n):
            raise MatError(f"type {kind}, {n} bytes, unpacked at byte {element.start}")
        return raw[8:]

    def _kind(self, body: bytes) -> int:
        return self._unpack("II", self._part(body, 0)[1])[0] & 0xFF

    def _header(self, body: bytes) -> _Header:
        _, flags, at = self._part(body, 0)
        _, dimensions, at = self._part(body, at)
        _, name, at = self._part(body, at)
        word = self._unpack("II", flags)[0]
        shape = self._unpack(f"{len(dimensions) // 4}i", dimensions)
        if not shape or min(shape) < 0:
            raise MatError(f"dimensions {shape}")
        return _Header(word & 0xFF, bool(word & _COMPLEX), shape, name.decode("latin-1"), at)

    def _values(self, body: bytes, header: _Header) -> FloatArray:
        kind, raw, _ = self._part(body, header.end)
        if kind not in _NUMBERS:
            raise MatError(f"numbers of type {kind}")
        dtype = np.dtype(f"{self._order}{_NUMBERS[kind]}")
        if len(raw) != dtype.itemsize * prod(header.shape):
            raise MatError(f"{len(raw)} bytes for an array of shape {header.shape}, {dtype.name}")
        return np.frombuffer(raw, dtype).reshape(header.shape, order="F").astype(np.float64)

    def _part(self, body: bytes, at: int) -> tuple[int, bytes, int]:
        """Type and data of an element within a matrix, and where the next one begins."""
        kind, length = self._unpack("II", body[at : at + 8])
        if kind >> 16:  # small: length and type share the first word, the data are in the second
            length, kind, start, end = kind >> 16, kind & 0xFFFF, at + 4, at + 8
        else:
            start = at + 8
            end = start + length + -length % 8
        data = body[start : start + length]
        if len(data) != length or start + length > end:
            raise MatError(f"{len(data)} of {length} bytes")
        return kind, data, end

    def _unpack(self, form: str, raw: bytes) -> tuple[int, ...]:
        try:
            return struct.unpack(f"{self._order}{form}", raw)
        except struct.error as error:
            raise MatError(f"{len(raw)} bytes: {error}") from error
