"""The streams of an XDF file as LSL outlets again, at the pace they had."""

import heapq
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from hadua.adapters.recordings.layout import PREDICTIONS, STREAM_TYPES
from hadua.adapters.sources.lsl_library import pylsl
from hadua.adapters.sources.xdf_file import stream_name_and_type, walk_xdf
from hadua.models.errors import RecordingError
from hadua.models.features import FloatArray

BLOCK_S = 0.02
_OURS = frozenset(STREAM_TYPES) - {PREDICTIONS}  # bookkeeping, of no use to a receiver
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, OSError, struct.error)

Values = npt.NDArray[np.generic] | Sequence[Sequence[str]]


class _Element(Protocol):
    """`pylsl.XMLElement`, as far as it is used here."""

    def append_child(self, name: str) -> "_Element":
        """Add an empty element."""
        ...

    def append_child_value(self, name: str, value: str) -> object:
        """Add an element with a text."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class RecordedStream:
    """One stream of a file.

    Args:
        header: Its `<info>` element, XML.
        name: Its name.
        stamp_s: `(n,)` stamps, n at least 1.
        x: Its samples.
    """

    header: str
    name: str
    stamp_s: FloatArray
    x: Values


@dataclass(frozen=True, slots=True)
class Block:
    """Samples `start` to `stop` of a stream, the last stamped `due_s`."""

    due_s: float
    stream: int
    start: int
    stop: int


def read_streams(path: Path) -> list[RecordedStream]:
    """All streams that have samples; the file's clocks are put together, nothing is smoothed.

    Raises:
        RecordingError: missing, damaged, no XDF file, or without a sample.
    """
    import pyxdf  # here, so that only this pays for it

    headers = walk_xdf(path).headers
    try:
        loaded, _ = pyxdf.load_xdf(str(path), synchronize_clocks=True, dejitter_timestamps=False)
    except _UNREADABLE as error:
        raise RecordingError(f"recording {str(path)!r} cannot be read", got=f"{error!r}") from error
    streams = []
    for one in loaded:
        header = headers[one["info"]["stream_id"]]
        name, _ = stream_name_and_type(header)
        stamp_s = np.asarray(one["time_stamps"], np.float64)
        if stamp_s.shape[0] and name not in _OURS:
            streams.append(RecordedStream(header, name, stamp_s, one["time_series"]))
    if not streams:
        raise RecordingError(f"recording {str(path)!r} has no samples that could be sent")
    return streams


def blocks(streams: Sequence[RecordedStream]) -> Iterator[Block]:
    """All samples of all streams in blocks of at most `BLOCK_S`, by the time of their last."""
    return heapq.merge(
        *(_blocks_of(k, s.stamp_s) for k, s in enumerate(streams)), key=lambda b: b.due_s
    )


def republish(
    streams: Sequence[RecordedStream],
    *,
    clock: Callable[[], float],
    wait: Callable[[float], object],
    stopped: Callable[[], bool],
    ready: Callable[[], object] = lambda: None,
) -> int:
    """Send all samples; their stamps are moved so that the earliest is now.

    Args:
        streams: What to send.
        clock: LSL seconds now.
        wait: Sleeps so long.
        stopped: Whether to leave off.
        ready: Called when the outlets are there, before the first sample.

    Returns:
        The number of samples sent.
    """
    outlets = [pylsl().StreamOutlet(_info(stream)) for stream in streams]
    ready()
    shift_s = clock() - min(float(stream.stamp_s[0]) for stream in streams)
    sent = 0
    for block in blocks(streams):
        while (ahead_s := block.due_s + shift_s - clock()) > 0.0 and not stopped():
            wait(min(ahead_s, 0.2))
        if stopped():
            break
        part, stream = slice(block.start, block.stop), streams[block.stream]
        stamps = (stream.stamp_s[part] + shift_s).tolist()
        outlets[block.stream].push_chunk(_plain(stream.x, part), stamps)
        sent += len(stamps)
    return sent


def _info(stream: RecordedStream) -> object:
    """The stream's description under its own name, for an outlet."""
    header = ElementTree.fromstring(stream.header)

    def text(tag: str) -> str:
        return (header.findtext(tag) or "").strip()

    info = pylsl().StreamInfo(
        stream.name,
        text("type"),
        int(text("channel_count")),
        float(text("nominal_srate")),
        text("channel_format"),
        text("source_id"),
    )
    desc = header.find("desc")
    for child in () if desc is None else desc:
        _copy(child, info.desc())
    return info


def _copy(element: ElementTree.Element, into: _Element) -> None:
    if len(element) == 0:
        into.append_child_value(element.tag, (element.text or "").strip())
        return
    branch = into.append_child(element.tag)
    for child in element:
        _copy(child, branch)


def _plain(x: Values, part: slice) -> list[list[object]]:
    rows = x[part]
    return rows.tolist() if isinstance(rows, np.ndarray) else [list(row) for row in rows]


def _blocks_of(stream: int, stamp_s: FloatArray) -> Iterator[Block]:
    start = 0
    while start < stamp_s.shape[0]:
        ahead = stamp_s[start : start + 4096] > stamp_s[start] + BLOCK_S
        stop = start + (max(int(np.argmax(ahead)), 1) if ahead.any() else ahead.shape[0])
        yield Block(float(stamp_s[stop - 1]), stream, start, stop)
        start = stop
