"""Reads XDF files that were written here, block by block in the order of writing.

It needs no more memory than a block, and reads a file that was cut off up to the cut. Files of
other recorders, whose samples may lack stamps, are read by pyxdf (`hadua.adapters.sources.replay`).
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree

import numpy as np

from hadua.adapters.recordings.xdf_encoder import MAGIC, NUMERIC, Tag, row_type
from hadua.models.errors import RecordingError
from hadua.models.features import FloatArray

_WIDTHS = {1: struct.Struct("<B"), 4: struct.Struct("<I"), 8: struct.Struct("<Q")}
_STAMP_BYTES = 8
_SURELY_THERE = 2**20  # bytes that may be asked for without a look at how long the file is
_UNREADABLE = (struct.error, ValueError, LookupError, OverflowError, ElementTree.ParseError)


@dataclass(frozen=True, slots=True)
class Header:
    """A stream begins."""

    stream: int
    info: ElementTree.Element = field(repr=False, compare=False)
    xml: str


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """Samples: `t_s` `(n,)`, `x` `(n, n_channels)` float64."""

    stream: int
    t_s: FloatArray
    x: FloatArray


@dataclass(frozen=True, slots=True)
class Texts:
    """Samples of strings, with their stamps."""

    stream: int
    t_s: tuple[float, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Footer:
    """A stream was ended in good order."""

    stream: int
    samples: int


@dataclass(frozen=True, slots=True)
class CutOff:
    """The file ends inside a block: that block is lost."""

    at_byte: int


Block = Header | Numbers | Texts | Footer | CutOff


def read_blocks(path: Path) -> Iterator[Block]:
    """The blocks of a file, in order; the last is a `CutOff` where the file is.

    Raises:
        RecordingError: missing, no XDF file, damaged, or not written here.
    """
    rows: dict[int, np.dtype[np.void] | None] = {}
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise RecordingError(f"recording {str(path)!r} is not an XDF file")
            for start, tag, content in _chunks(file, path):
                if content is None:
                    yield CutOff(start)
                    return
                try:
                    block = _block(tag, content, rows)
                except _UNREADABLE as error:
                    raise _damaged(path, start, got=str(error)) from error
                if block is not None:
                    yield block
    except OSError as error:
        raise RecordingError(
            f"recording {str(path)!r} cannot be read",
            got=error.strerror or str(error),
            hint="Is the path right? The page Recordings tells where each lies.",
        ) from error


def _chunks(file: BinaryIO, path: Path) -> Iterator[tuple[int, int, bytes | None]]:
    """Where each chunk begins, its tag and content; None for one that is cut off."""
    while width := file.read(1):
        start = file.tell() - 1
        if width[0] not in _WIDTHS:
            raise _damaged(path, start, got=f"a length of {width[0]} bytes")
        raw = file.read(width[0])
        if len(raw) < width[0]:
            yield start, 0, None
            return
        (length,) = _WIDTHS[width[0]].unpack(raw)
        if length > _SURELY_THERE and length > os.fstat(file.fileno()).st_size - file.tell():
            yield start, 0, None  # and no memory for what is not there
            return
        content = file.read(length)
        if len(content) < length or length < 2:
            yield start, 0, None
            return
        yield start, struct.unpack_from("<H", content)[0], content[2:]


def _block(tag: int, content: bytes, rows: "dict[int, np.dtype[np.void] | None]") -> Block | None:
    if tag not in (Tag.STREAM_HEADER, Tag.SAMPLES, Tag.STREAM_FOOTER):
        return None
    (stream,) = struct.unpack_from("<I", content)
    if tag == Tag.SAMPLES:
        row = rows[stream]
        return _texts(stream, content) if row is None else _numbers(stream, content, row)
    xml = content[4:].decode("utf-8")
    info = ElementTree.fromstring(xml)
    if tag == Tag.STREAM_FOOTER:
        return Footer(stream, int(info.findtext("sample_count", "")))
    kind = info.findtext("channel_format", "")
    rows[stream] = None
    if kind in NUMERIC:
        rows[stream] = row_type(kind, int(info.findtext("channel_count", "")))
    return Header(stream, info, xml)


def _numbers(stream: int, content: bytes, row: "np.dtype[np.void]") -> Numbers:
    count, at = _count(content, 4)
    samples = np.frombuffer(content, row, count, at)
    if at + samples.nbytes != len(content) or (samples["width"] != _STAMP_BYTES).any():
        raise ValueError("samples without stamps of their own")
    return Numbers(stream, samples["t_s"].astype(np.float64), samples["x"].astype(np.float64))


def _texts(stream: int, content: bytes) -> Texts:
    count, at = _count(content, 4)
    stamps, rows = [], []
    for _ in range(count):
        width, stamp_s = struct.unpack_from("<Bd", content, at)
        if width != _STAMP_BYTES:
            raise ValueError("samples without stamps of their own")
        length, at = _count(content, at + 1 + _STAMP_BYTES)
        stamps.append(stamp_s)
        rows.append((content[at : at + length].decode("utf-8"),))
        at += length
    if at != len(content):
        raise ValueError("strings of more than one channel")
    return Texts(stream, tuple(stamps), tuple(rows))


def _count(content: bytes, at: int) -> tuple[int, int]:
    """A number of variable width, and where it ends."""
    width = _WIDTHS[content[at]]
    return int(width.unpack_from(content, at + 1)[0]), at + 1 + width.size


def _damaged(path: Path, at: int, *, got: str) -> RecordingError:
    return RecordingError(
        f"recording {str(path)!r} is damaged at byte {at}",
        got=got,
        expected="a chunk as this program writes them",
    )
