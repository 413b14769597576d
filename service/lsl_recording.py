"""Any LSL streams into one XDF file, as they are sent; a service is not needed.

The owner's thread writes; each stream is pulled by a thread of its own. Streams that come later are
recorded, too.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from hadua.adapters.recordings.lsl_take import LslTake, Taken
from hadua.adapters.recordings.xdf_encoder import XdfEncoder
from hadua.adapters.sources.lsl_library import LslInfo
from hadua.adapters.sources.lsl_markers import MarkerFinder, Query
from hadua.models.errors import HaduaError
from hadua.service.recorder import LOOK_EVERY_S, WRITE_EVERY_S, Limits
from hadua.service.recording_file import RecordingFailedError, Sink

FIND_EVERY_S = 0.5
OPEN_TIMEOUT_S = 10.0
PULL_S = 0.2
JOIN_S = 3.0

_log = structlog.get_logger("hadua.record")


@dataclass(slots=True)
class TakenStream:
    """A stream of the recording.

    Args:
        name: Its name.
        samples: Written so far.
        error: Why it gives no more, or None.
    """

    name: str
    samples: int = 0
    error: str | None = None
    thread: threading.Thread = field(default_factory=threading.Thread)


class LslRecording:
    """Records from `run` until it is told to stop, the time is over, or the disk is nearly full.

    Args:
        queries: A stream that answers to any of them is recorded.
        sink: The file.
        encoder: Fresh.
        limits: When to stop or fail.
        on_stream: Told of every stream that begins.
    """

    def __init__(
        self,
        queries: Sequence[Query],
        *,
        sink: Sink,
        encoder: XdfEncoder,
        limits: Limits,
        on_stream: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._queries = queries
        self._sink = sink
        self._encoder = encoder
        self._limits = limits
        self._on_stream = on_stream
        self._lock = threading.Lock()  # around the encoder
        self._open: list[int] = []
        self._stop = threading.Event()
        self._told = False  # a plain flag: taking a lock in a signal handler can deadlock
        self._streams: dict[str, TakenStream] = {}

    @property
    def streams(self) -> tuple[TakenStream, ...]:
        """The streams, in the order in which they were found."""
        return tuple(self._streams.values())

    def stop(self) -> None:
        """Tell `run` to end in good order; from any thread, or a signal handler."""
        self._told = True

    def run(self, *, duration_s: float | None = None, wait_s: float = 10.0) -> str:
        """Record; why it ended, in words.

        Args:
            duration_s: From the first stream on; None until `stop`.
            wait_s: How long to wait for a first stream.

        Raises:
            RecordingFailedError: no stream in time, or the disk does not take it.
        """
        finder = MarkerFinder(self._queries, ours=True)
        try:
            return self._write_until_over(finder, duration_s, wait_s)
        finally:
            self._stop.set()
            for stream in self._streams.values():
                stream.thread.join(JOIN_S)
            self._finish()

    def _write_until_over(
        self, finder: MarkerFinder, duration_s: float | None, wait_s: float
    ) -> str:
        now_s = began_s = look_s = time.monotonic()
        first_s: float | None = None
        while not self._told:
            time.sleep(WRITE_EVERY_S)
            now_s = time.monotonic()
            self._begin_new(finder)
            first_s = now_s if first_s is None and self._open else first_s
            if first_s is None and now_s - began_s > wait_s:
                raise RecordingFailedError(
                    "no LSL stream to record", got=f"none within {wait_s:g} s",
                    hint="Is the sender running? `hadua devices` lists what there is.",
                )  # fmt: skip
            self._flush()
            if now_s - look_s >= LOOK_EVERY_S:
                look_s = now_s
                self._sink.sync()
                if (free_mb := self._limits.free_mb()) < self._limits.min_free_mb:
                    return f"the disk is nearly full: {free_mb:.0f} MB left"
            if duration_s is not None and first_s is not None and now_s - first_s >= duration_s:
                return f"{duration_s:g} s are over"
        return "asked to"

    def _begin_new(self, finder: MarkerFinder) -> None:
        for uid, info in finder.found().items():
            if uid not in self._streams:
                stream = self._streams[uid] = TakenStream(info.name())
                stream.thread = threading.Thread(
                    target=self._take, args=(stream, info), name=f"take-{info.name()}", daemon=True
                )
                stream.thread.start()

    def _take(self, stream: TakenStream, info: LslInfo) -> None:
        take = LslTake(info)
        try:
            header = take.open(OPEN_TIMEOUT_S)
            with self._lock:
                number = self._encoder.add_stream(header)
                self._open.append(number)
            self._on_stream(stream.name)
            while not self._stop.is_set():
                self._put(stream, number, take.take(PULL_S))
        except HaduaError as error:
            stream.error = str(error)
        except Exception as error:  # noqa: BLE001 - the one place where a stream's faults end
            _log.exception("stream failed unexpectedly", stream=stream.name)
            stream.error = f"internal error: {type(error).__name__}"
        finally:
            take.close()

    def _put(self, stream: TakenStream, number: int, taken: Taken) -> None:
        with self._lock:
            if isinstance(taken.x, list):
                self._encoder.strings(number, taken.stamp_s.tolist(), taken.x)
            elif taken.stamp_s.shape[0]:
                self._encoder.numbers(number, taken.stamp_s, taken.x)
            if taken.offset is not None:
                self._encoder.clock_offset(number, *taken.offset)
        stream.samples += taken.stamp_s.shape[0]

    def _flush(self) -> None:
        with self._lock:
            if data := self._encoder.take():
                self._encoder.boundary()
                data += self._encoder.take()
        if len(data) > self._limits.bound_mb * 1e6:
            raise RecordingFailedError(
                f"recording {str(self._sink.path)!r}: the disk is too slow",
                got=f"{len(data) / 1e6:.0f} MB at once",
                expected=f"at most {self._limits.bound_mb:g}",
            )
        self._sink.write(data)

    def _finish(self) -> None:
        with self._lock:
            for number in self._open:
                self._encoder.end_stream(number)
            data = self._encoder.take()
        try:
            self._sink.write(data)
            self._sink.sync()
        finally:
            self._sink.close()
