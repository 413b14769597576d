"""Recordings as sources: an XDF file, or the very chunks that a live run received."""

import struct
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hadua.adapters.sources.clock import lsl_now_s
from hadua.adapters.sources.delivery import not_open
from hadua.adapters.sources.loaded import Loaded, LoadedSource
from hadua.adapters.sources.source import (
    EndOfStreamError,
    SampleChunk,
    SourceHealth,
    StreamSpec,
)
from hadua.adapters.sources.stream_info import parse_stream_info
from hadua.adapters.sources.told import NOTHING_TOLD, Told
from hadua.adapters.sources.xdf_file import XdfContents, stream_name_and_type, walk_xdf
from hadua.models.errors import RecordingError, StreamInvalidError
from hadua.models.features import FloatArray

_TYPES = ("eeg", "gaze")
# What pyxdf lets through when it meets a damaged chunk that has the right length.
_UNREADABLE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    OSError,
    EOFError,
    SyntaxError,
    struct.error,
    RuntimeError,
    MemoryError,
)


class XdfSource(LoadedSource):
    """Replays one numeric stream of an XDF file.

    Clocks are put together by pyxdf from the file's clock offsets, and never by its dejitter.

    Args:
        path: The file (`.xdf`, or `.xdfz`).
        stream: `eeg` or `gaze` for the stream of that type, otherwise a stream name.
        speed: None delivers as fast as it is read; 1.0 in real time; 2.0 twice as fast. A pace
            counts from the earliest sample of the whole file.
        chunk_s: Length of a chunk.
        told: What the operator says about the stream.
        clock: The time now, in seconds.
        sleep: How to wait.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        stream: str,
        speed: float | None = None,
        chunk_s: float = 0.05,
        told: Told = NOTHING_TOLD,
        clock: Callable[[], float] = lsl_now_s,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path = Path(path)
        self._stream = stream
        self._told = told
        name = f"recording {str(self._path)!r}: stream {stream!r}"
        super().__init__(name, speed=speed, chunk_s=chunk_s, clock=clock, sleep=sleep)

    @property
    def description(self) -> str:
        """The SOURCE text that means this source."""
        speed = "" if self._speed is None else f",speed={self._speed:g}"
        return f"file:{self._path},stream={self._stream}{speed}{self._told}"

    def load(self) -> Loaded:
        """Walk the file, then read the stream.

        Raises:
            RecordingError: missing, truncated, damaged, not XDF, or without one such stream.
            StreamInvalidError: the stream cannot be used as it is.
        """
        contents = walk_xdf(self._path)
        wanted = _choose(contents, self._stream, self._path)
        info = parse_stream_info(
            contents.headers[wanted], regular=self._stream == "eeg", told=self._told
        )
        everything = self._load(wanted)
        stamp_s, x = everything.get(wanted, (np.empty(0), np.empty((0, 0))))
        written = contents.finished.get(wanted)
        written = contents.samples[wanted] if written is None else written
        if not stamp_s.shape[0] == contents.samples[wanted] == written:
            raise RecordingError(
                f"recording {str(self._path)!r}: stream {info.spec.name!r} is damaged",
                got=f"{stamp_s.shape[0]} readable samples of {contents.samples[wanted]}",
                expected=f"{written}, as the recorder wrote",
            )
        cut_off = "the recorder did not close this stream: its end may be missing"
        notes = info.notes + (() if wanted in contents.finished else (cut_off,))
        starts = [float(stamps[0]) for stamps, _ in everything.values() if stamps.shape[0]]
        return Loaded(replace(info, notes=notes), stamp_s, x, min(starts, default=0.0))

    def _load(self, wanted: int) -> dict[int, tuple[FloatArray, npt.NDArray[np.generic]]]:
        """Stamps and samples by stream id; only the wanted one, unless a pace is to be kept."""
        import pyxdf  # here, so that only a replay pays for it

        try:
            with np.errstate(all="ignore"):  # of stamps that all are one, or beyond all bounds
                streams, _ = pyxdf.load_xdf(
                    str(self._path),
                    select_streams=None if self.paced else wanted,
                    synchronize_clocks=True,
                    dejitter_timestamps=False,
                )
        except _UNREADABLE as error:
            raise RecordingError(
                f"recording {str(self._path)!r} cannot be read", got=f"{error!r}"
            ) from error
        return {
            s["info"]["stream_id"]: (
                np.asarray(s["time_stamps"], np.float64),
                np.asarray(s["time_series"]),
            )
            for s in streams
        }


class ChunkReplaySource:
    """Hands out chunks that were received before, bit for bit, gaps included.

    Args:
        spec: The stream.
        chunks: Its chunks, in order.
        description: What to call it in messages.
        notes: What the source that received them had noted.
    """

    def __init__(
        self,
        spec: StreamSpec,
        chunks: Iterable[SampleChunk],
        *,
        description: str = "",
        notes: tuple[str, ...] = (),
    ) -> None:
        self._spec = spec
        self._chunks = tuple(chunks)
        self._description = description or f"chunks of {spec.name}"
        self._notes = notes
        self._next: int | None = None
        self._samples = self._gaps = 0
        odd = [c for c in self._chunks if c.spec != spec]
        if odd:
            raise StreamInvalidError(
                f"chunks of {spec.name!r}",
                got=f"a chunk of {odd[0].spec.name!r}",
                expected="chunks of one stream",
            )

    @property
    def description(self) -> str:
        """What it is called."""
        return self._description

    def open(self, timeout_s: float) -> StreamSpec:
        """Begin with the first chunk."""
        self._next, self._samples, self._gaps = 0, 0, 0
        return self._spec

    def read(self, timeout_s: float) -> SampleChunk | None:
        """The next chunk, at once; see `Source`."""
        if self._next is None:
            raise not_open(self._description)
        if self._next >= len(self._chunks):
            raise EndOfStreamError(f"source {self._description!r} ends")
        chunk = self._chunks[self._next]
        self._next += 1
        self._samples += len(chunk)
        self._gaps += chunk.gap_before
        return chunk

    def health(self) -> SourceHealth:
        """Counts so far."""
        return SourceHealth(samples=self._samples, gaps=self._gaps, notes=self._notes)

    def close(self) -> None:
        """Nothing to let go of; `open` begins anew."""
        self._next = None


def _choose(contents: XdfContents, stream: str, path: Path) -> int:
    """The id of the one stream that is meant."""
    known = {i: stream_name_and_type(header) for i, header in contents.headers.items()}
    named = [i for i, (name, _) in known.items() if name == stream]
    typed = [i for i, (_, kind) in known.items() if stream in _TYPES and kind.lower() == stream]
    chosen = named or typed
    if len(chosen) == 1:
        return chosen[0]
    raise RecordingError(
        f"recording {str(path)!r}: {'no' if not chosen else 'more than one'} stream {stream!r}",
        got=_listed(known),
        expected="one of that name" + (" or type" if stream in _TYPES else ""),
        hint="Add ',stream=NAME' with one of these names." if known else None,
    )


def _listed(known: Mapping[int, tuple[str, str]]) -> str:
    streams = ", ".join(f"{name!r} (type {kind!r})" for name, kind in known.values())
    return streams or "no streams at all"
