"""Is this an XDF file, is it whole, and what is in it: a walk over its chunk headers.

pyxdf logs a truncated or damaged file and returns what it could read; a recording that is silently
shorter than it was is worse than none, so the file is walked first. Layout (XDF 1.0): the bytes
`XDF:`, then chunks of [1 byte: width of the length, 1, 4 or 8][length][2 bytes: tag][content].
"""

import gzip
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree

from hadua.models.errors import RecordingError

_TAGS = range(1, 7)
_STREAM_HEADER, _SAMPLES, _STREAM_FOOTER = 2, 3, 6
_WIDTHS = {1: "<B", 4: "<I", 8: "<Q"}
_VALUE_BYTES = {"int8": 1, "int16": 2, "int32": 4, "int64": 8, "float32": 4, "double64": 8}
_LEAST_STRING_BYTES = 2  # the width of its length, and that
_MOST_CHANNELS = 65_536  # more is a header that lies, and memory for nothing
_MOST_DIGITS = 18
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(slots=True)
class XdfContents:
    """What a whole XDF file holds.

    Args:
        headers: Stream id to its header, XML.
        rows: Stream id to the size of one sample's values.
        samples: Stream id to the number of its samples.
        finished: Stream ids with a footer, and the number of samples that it says were written,
            or None if it does not say.
    """

    headers: dict[int, str] = field(default_factory=dict)
    rows: "dict[int, _Row]" = field(default_factory=dict)
    samples: Counter[int] = field(default_factory=Counter)
    finished: dict[int, int | None] = field(default_factory=dict)


def walk_xdf(path: Path) -> XdfContents:
    """Check that every chunk of the file is there, without reading its samples.

    Raises:
        RecordingError: missing, not an XDF file, truncated, or damaged; with the byte.
    """
    contents = XdfContents()
    try:
        with _open(path) as file:
            for tag, size in _chunks(file, path):
                _note(file, tag, size, contents, path)
    except IsADirectoryError as error:
        raise RecordingError(
            f"recording {str(path)!r}",
            got="a folder",
            expected="an .xdf file",
            hint="Name the file inside the folder.",
        ) from error
    except FileNotFoundError as error:
        raise RecordingError(
            f"recording {str(path)!r} is not there",
            hint="Give the path of an .xdf file; a relative one starts at the working "
            "directory, and '~' is not understood.",
        ) from error
    except (OSError, EOFError) as error:
        raise RecordingError(f"recording {str(path)!r} cannot be read", got=str(error)) from error
    return contents


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        zipped = file.read(2) == _GZIP_MAGIC
    return gzip.open(path, "rb") if zipped else path.open("rb")  # type: ignore[return-value]


def _chunks(file: BinaryIO, path: Path) -> Iterator[tuple[int, int]]:
    """Each chunk's tag and the size of its content, the file standing at the content."""
    size = file.seek(0, 2)
    file.seek(0)
    magic = file.read(4)
    if magic != b"XDF:":
        raise RecordingError(
            f"recording {str(path)!r} is not an XDF file",
            got=f"{magic!r} at its start" if magic else "an empty file",
            expected="b'XDF:'",
            hint="Only XDF is read, as LabRecorder writes it. Is it another format by that name?"
            if magic
            else "The recorder or a copy was stopped before anything was written.",
        )
    start = file.tell()
    while start < size:
        length = _length(file, start, size, path)
        content = file.tell() + 2
        end = content - 2 + length
        if end > size:
            raise _truncated(path, at=start, needs=end - start, has=size - start)
        (tag,) = struct.unpack("<H", file.read(2))
        if tag not in _TAGS:
            raise _damaged(path, start, got=f"a chunk with tag {tag}", expected="1 to 6")
        yield tag, length - 2
        file.seek(end)
        start = end


def _length(file: BinaryIO, start: int, size: int, path: Path) -> int:
    """The chunk's length, tag included."""
    width = file.read(1)[0]
    if width not in _WIDTHS:
        raise _damaged(path, start, got=f"a length of {width} bytes", expected="1, 4 or 8")
    raw = file.read(width)
    if len(raw) < width:
        raise _truncated(path, at=start, needs=1 + width, has=size - start)
    length = int(struct.unpack(_WIDTHS[width], raw)[0])
    if length < 2:
        raise _damaged(path, start, got=f"a chunk of {length} bytes", expected="at least 2")
    return length


def _note(file: BinaryIO, tag: int, size: int, contents: XdfContents, path: Path) -> None:
    if tag not in (_STREAM_HEADER, _SAMPLES, _STREAM_FOOTER):
        return
    at = file.tell()
    if size < 4:
        raise _damaged(path, at, got=f"a stream chunk of {size} bytes", expected="at least 4")
    (stream,) = struct.unpack("<I", file.read(4))
    if tag == _STREAM_HEADER:
        contents.headers[stream] = file.read(size - 4).decode("utf-8", "replace")
        contents.rows[stream] = _row(contents.headers[stream], path, at)
    elif tag == _STREAM_FOOTER:
        contents.finished[stream] = _written(file.read(size - 4).decode("utf-8", "replace"))
    elif stream not in contents.headers:
        raise _damaged(path, at, got=f"samples of stream {stream}", expected="its header before")
    else:
        row = contents.rows[stream]
        contents.samples[stream] += _sample_count(file, at, size, path, row=row)


def _sample_count(file: BinaryIO, at: int, size: int, path: Path, *, row: "_Row") -> int:
    """How many samples the chunk says it has, if it has the room for them and no more.

    A sample is one byte that says whether a stamp of eight follows, that stamp, and its values.
    """
    width = (file.read(1) or b"\0")[0] if size > 4 else 0
    if width not in _WIDTHS or size < 5 + width:
        raise _damaged(path, at, got=f"a sample count of {width} bytes", expected="1, 4 or 8")
    count = int(struct.unpack(_WIDTHS[width], file.read(width))[0])
    room, least = size - 5 - width, count * (1 + row.least_bytes)
    if room < least or (row.is_fixed and room > least + 8 * count):
        raise _damaged(
            path, at, got=f"{room} bytes for {count} samples", expected=f"at least {least}"
        )
    return count


def _written(footer: str) -> int | None:
    try:
        text = ElementTree.fromstring(footer).findtext("sample_count", "").strip()
    except ElementTree.ParseError:
        return None
    return _number(text)


@dataclass(frozen=True, slots=True)
class _Row:
    """The values of one sample: how many bytes at least, and whether they are always as many."""

    least_bytes: int
    is_fixed: bool


_UNKNOWN = _Row(0, False)


def _row(header: str, path: Path, at: int) -> _Row:
    try:
        info = ElementTree.fromstring(header)
    except ElementTree.ParseError:
        return _UNKNOWN
    count = _number(info.findtext("channel_count", "").strip())
    if count is None:
        return _UNKNOWN
    if count > _MOST_CHANNELS:
        raise _damaged(path, at, got=f"{count} channels", expected=f"{_MOST_CHANNELS} at most")
    kind = info.findtext("channel_format", "").strip()
    if kind == "string":
        return _Row(_LEAST_STRING_BYTES * count, False)
    return _Row(_VALUE_BYTES.get(kind, 0) * count, kind in _VALUE_BYTES)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


def stream_name_and_type(header: str) -> tuple[str, str]:
    """Name and type out of a stream header; empty where it does not say or is not XML."""
    try:
        info = ElementTree.fromstring(header)
    except ElementTree.ParseError:
        return "", ""
    return (info.findtext("name") or "").strip(), (info.findtext("type") or "").strip()


def _truncated(path: Path, *, at: int, needs: int, has: int) -> RecordingError:
    return RecordingError(
        f"recording {str(path)!r} is truncated in the chunk at byte {at}",
        got=f"{has} bytes to the end of the file",
        expected=f"{needs} bytes",
        hint="The recorder was stopped or the copy was cut short: copy the file again.",
    )


def _damaged(path: Path, at: int, *, got: str, expected: str) -> RecordingError:
    return RecordingError(
        f"recording {str(path)!r} is damaged at byte {at}", got=got, expected=expected
    )
