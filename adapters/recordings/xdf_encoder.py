"""XDF 1.0 as bytes, chunk by chunk; what writes them to a disk is elsewhere.

A file is the bytes `XDF:` and chunks of [1 byte: width of the length][length][2 bytes: tag]
[content]. Every sample carries its own stamp: nothing has to be deduced from a nominal rate, so a
reader gets the very float64 that went in. (Format: github.com/sccn/xdf/wiki/Specifications.)
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from hadua.models.errors import InvalidInputError
from hadua.models.features import FloatArray

MAGIC = b"XDF:"
BOUNDARY = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")
"""What a boundary chunk holds: where a reader goes on after a damaged stretch."""

_STAMP_BYTES = 8
_WIDE = struct.Struct("<BI")
_WIDER = struct.Struct("<BQ")


class Tag(IntEnum):
    """What a chunk is."""

    FILE_HEADER = 1
    STREAM_HEADER = 2
    SAMPLES = 3
    CLOCK_OFFSET = 4
    BOUNDARY = 5
    STREAM_FOOTER = 6


NUMERIC = {
    "float32": "<f4",
    "double64": "<f8",
    "int8": "<i1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
}
"""Formats of numbers that are written, and how numpy calls them."""


@dataclass(slots=True)
class _Stream:
    """A stream that has a header and no footer yet."""

    row: np.dtype[np.void] | None  # None: strings
    samples: int = 0
    first_s: float | None = None
    last_s: float | None = None
    offsets: list[tuple[float, float]] = field(default_factory=list)


class XdfEncoder:
    """Gathers chunks until they are taken; a chunk is always taken whole.

    Args:
        datetime: When the recording began, ISO 8601.
    """

    def __init__(self, *, datetime: str) -> None:
        self._parts: list[bytes] = [MAGIC]
        self._streams: dict[int, _Stream] = {}
        info = ElementTree.Element("info")
        ElementTree.SubElement(info, "version").text = "1.0"
        ElementTree.SubElement(info, "datetime").text = datetime
        self._chunk(Tag.FILE_HEADER, _xml(info))

    def take(self) -> bytes:
        """What was gathered since the last time: whole chunks, in order."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken

    def add_stream(self, header: ElementTree.Element) -> int:
        """Begin a stream; its number, from 1.

        Args:
            header: The `<info>` element; `channel_format` and `channel_count` are believed.

        Raises:
            InvalidInputError: a format that is not written here.
        """
        name, kind = header.findtext("name", ""), header.findtext("channel_format", "")
        if kind != "string" and kind not in NUMERIC:
            raise InvalidInputError(
                f"stream {name!r} to record",
                got=f"channel_format {kind!r}",
                expected=f"string, {', '.join(NUMERIC)}",
            )
        number = len(self._streams) + 1
        row = (
            None if kind == "string" else row_type(kind, int(header.findtext("channel_count", "")))
        )
        self._streams[number] = _Stream(row)
        self._chunk(Tag.STREAM_HEADER, struct.pack("<I", number) + _xml(header))
        return number

    def numbers(self, stream: int, t_s: FloatArray, x: npt.NDArray[np.generic]) -> None:
        """Add samples: `t_s` `(n,)`, `x` `(n, n_channels)`; none is no chunk."""
        known, n = self._streams[stream], t_s.shape[0]
        if not n or known.row is None:
            return
        rows = np.empty(n, known.row)
        rows["width"], rows["t_s"], rows["x"] = _STAMP_BYTES, t_s, x
        self._samples(stream, t_s, rows.tobytes())

    def strings(self, stream: int, t_s: Sequence[float], rows: Sequence[Sequence[str]]) -> None:
        """Add samples of strings, one per channel."""
        if rows:
            content = b"".join(
                struct.pack("<Bd", _STAMP_BYTES, t) + b"".join(map(_string, row))
                for t, row in zip(t_s, rows, strict=True)
            )
            self._samples(stream, np.asarray(t_s, np.float64), content)

    def clock_offset(self, stream: int, at_s: float, offset_s: float) -> None:
        """Note what is to be added to the stream's stamps to have them on our clock."""
        self._streams[stream].offsets.append((at_s, offset_s))
        self._chunk(Tag.CLOCK_OFFSET, struct.pack("<Idd", stream, at_s, offset_s))

    def boundary(self) -> None:
        """Set a mark at which a reader can begin anew."""
        self._chunk(Tag.BOUNDARY, BOUNDARY)

    def end_stream(self, stream: int) -> None:
        """Write the footer: a stream without one was cut off."""
        known = self._streams[stream]
        info = ElementTree.Element("info")
        if known.first_s is not None and known.last_s is not None:
            ElementTree.SubElement(info, "first_timestamp").text = repr(known.first_s)
            ElementTree.SubElement(info, "last_timestamp").text = repr(known.last_s)
        ElementTree.SubElement(info, "sample_count").text = str(known.samples)
        offsets = ElementTree.SubElement(info, "clock_offsets")
        for at_s, offset_s in known.offsets:
            offset = ElementTree.SubElement(offsets, "offset")
            ElementTree.SubElement(offset, "time").text = repr(at_s)
            ElementTree.SubElement(offset, "value").text = repr(offset_s)
        self._chunk(Tag.STREAM_FOOTER, struct.pack("<I", stream) + _xml(info))

    def _samples(self, stream: int, t_s: FloatArray, content: bytes) -> None:
        known = self._streams[stream]
        known.samples += t_s.shape[0]
        known.first_s = float(t_s[0]) if known.first_s is None else known.first_s
        known.last_s = float(t_s[-1])
        head = struct.pack("<I", stream) + _WIDE.pack(4, t_s.shape[0])
        self._chunk(Tag.SAMPLES, head + content)

    def _chunk(self, tag: Tag, content: bytes) -> None:
        length = len(content) + 2
        head = _WIDE.pack(4, length) if length < 2**32 else _WIDER.pack(8, length)
        self._parts += (head, struct.pack("<H", tag), content)


def exact_in(x: FloatArray, channel_format: str) -> bool:
    """Whether every value `(n, n_channels)` comes back from the format as it was, NaN included."""
    there = np.dtype(NUMERIC[channel_format])
    if there.kind == "i":
        limits = np.iinfo(there)
        if not ((x >= limits.min) & (x <= limits.max)).all():  # False for NaN
            return False
    with np.errstate(over="ignore", invalid="ignore"):
        back = x.astype(there).astype(np.float64)
    return bool(back.tobytes() == x.tobytes())


def row_type(channel_format: str, n_channels: int) -> "np.dtype[np.void]":
    """One sample: a byte that says that a stamp follows, the stamp, the values; not padded."""
    values = np.dtype((NUMERIC[channel_format], (n_channels,)))
    return np.dtype([("width", "u1"), ("t_s", "<f8"), ("x", values)])


def _string(text: str) -> bytes:
    raw = text.encode("utf-8")
    return _WIDE.pack(4, len(raw)) + raw


def _xml(element: ElementTree.Element) -> bytes:
    text: str = ElementTree.tostring(element, "unicode")
    return b'<?xml version="1.0"?>' + text.encode("utf-8")
