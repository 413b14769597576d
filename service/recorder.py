"""One recording: what is put is written by a thread of its own, all of it, or it fails loudly.

Nothing is dropped on the way. When more waits than there is room for, or the disk refuses, the
recording has failed, and whoever owns it ends with it.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import structlog

from hadua.adapters.recordings.layout import MODALITIES
from hadua.models.errors import HaduaError
from hadua.service.bridge import Arrival, Item
from hadua.service.recording_file import RecordingFailedError, Sink
from hadua.service.recording_log import Entry, Note, RecordingLog, Said
from hadua.service.threads import SureThread
from hadua.service.unforeseen import unforeseen
from hadua.service.wire import RecordingStatus

WRITE_EVERY_S = 0.25  # after a kill, no more than this is missing at the end
LOOK_EVERY_S = 2.0
WARN_AT = 2.0  # times `min_free_mb`
_ENTRY_BYTES = 512  # what an entry without samples is reckoned to take while it waits

_log = structlog.get_logger("hadua.recorder")


class RecordingState(StrEnum):
    """The life of a recording."""

    RECORDING = "recording"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a recording warns, stops or fails.

    Args:
        min_free_mb: Room on the disk below which it stops; below twice that it warns.
        bound_mb: What may wait to be written.
        free_mb: Tells the room on the disk.
    """

    min_free_mb: float
    bound_mb: float
    free_mb: Callable[[], float]


class Recorder:
    """Owns a file and the thread that writes it; `put` from any thread.

    Args:
        sink: The file.
        log: What makes XDF of the entries.
        limits: When to warn, stop or fail.
        clock: LSL seconds now.
        on_bytes: Told how many bytes were written, in the thread.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        log: RecordingLog,
        limits: Limits,
        clock: Callable[[], float],
        on_bytes: Callable[[int], object] = lambda _: None,
    ) -> None:
        self.started_s = clock()
        self.reason = ""
        self.warning = ""
        self.error: HaduaError | None = None
        self._sink = sink
        self._record = log
        self._limits = limits
        self._clock = clock
        self._on_bytes = on_bytes
        self._free_mb = limits.free_mb()
        self._ended_s: float | None = None
        self._look_at_s = self.started_s + LOOK_EVERY_S
        self._changed = threading.Condition()
        self._waiting: list[Entry] = []
        self._waiting_bytes = 0
        self._closing = False
        self._thread = SureThread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, entry: Entry) -> None:
        """Take an entry; nothing happens once the recording is over."""
        size = _bytes_of(entry)
        with self._changed:
            if self._closing or self.over:
                return
            self._waiting.append(entry)
            self._waiting_bytes += size
            too_much = self._waiting_bytes > self._limits.bound_mb * 1e6
            if too_much:
                self._fail(self._overrun())

    def hear(self, item: Item) -> None:
        """Take what a bridge is given, as far as it is samples."""
        if isinstance(item, Arrival):
            self.put(item)

    def stop(self, reason: str, *, last: Sequence[Entry] = ()) -> None:
        """End the recording after what waits and `last`; returns at once."""
        for entry in last:
            self.put(entry)
        with self._changed:
            if not self.over and not self._closing:
                self.reason = reason
                self._closing = True
                self._changed.notify()

    def join(self, timeout_s: float) -> bool:
        """Wait for the file to be closed; False if it is not yet."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def path(self) -> Path:
        """The file."""
        return self._sink.path

    @property
    def over(self) -> bool:
        """Whether nothing is written any more."""
        return self._ended_s is not None

    @property
    def state(self) -> RecordingState:
        """The state at this moment."""
        if self.error is not None:
            return RecordingState.FAILED
        return RecordingState.STOPPED if self.over else RecordingState.RECORDING

    def status(self) -> RecordingStatus:
        """The recording as it is now."""
        until_s = self._clock() if self._ended_s is None else self._ended_s
        return RecordingStatus(
            state=str(self.state),
            path=self._sink.path.name,
            size_bytes=self._sink.size_bytes,
            duration_s=until_s - self.started_s,
            free_mb=self._free_mb,
            waiting_mb=self._waiting_bytes / 1e6,
            samples={str(m): self._record.samples[m] for m in MODALITIES},
            predictions=self._record.predictions,
            markers=self._record.markers,
            note=str(self.error) if self.error else self.warning or self.reason,
        )

    def _run(self) -> None:
        try:
            self._write_all()
        except HaduaError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - the one place where a recorder's faults end
            _log.exception("recording failed unexpectedly", path=str(self._sink.path))
            self._fail(unforeseen(error, where=f"recording {self._sink.path.name!r}"))
        finally:
            self._sink.close()
            self._ended_s = self._clock()

    def _write_all(self) -> None:
        closing = False
        while not closing and self.error is None:
            with self._changed:
                self._changed.wait_for(self._is_closing, WRITE_EVERY_S)
                entries, self._waiting = self._waiting, []
                closing = self._closing
            self._write(entries)
            with self._changed:
                self._waiting_bytes -= sum(map(_bytes_of, entries))
            if self._clock() >= self._look_at_s:
                self._look()
        if self.error is None:
            self._record.end()
            self._flush()
            self._sink.sync()

    def _is_closing(self) -> bool:
        return self._closing or self.error is not None

    def _write(self, entries: Sequence[Entry]) -> None:
        if entries:
            self._record.add(entries)
            self._record.encoder.boundary()
            self._flush()

    def _flush(self) -> None:
        data = self._record.encoder.take()
        self._sink.write(data)
        self._on_bytes(len(data))

    def _look(self) -> None:
        """See that the file grows, and how much room there is for it."""
        self._look_at_s = self._clock() + LOOK_EVERY_S
        self._sink.sync()
        self._free_mb, least_mb = self._limits.free_mb(), self._limits.min_free_mb
        low = self._free_mb < WARN_AT * least_mb
        text = f"{self._free_mb:.0f} MB left on the disk: recording stops at {least_mb:.0f} MB"
        if low and not self.warning:
            _log.warning("disk is nearly full", path=str(self._sink.path), free_mb=self._free_mb)
        self.warning = text if low else ""
        if self._free_mb < least_mb:
            self.warning = ""
            self.stop(f"the disk is nearly full: {self._free_mb:.0f} MB left")
            _log.error("recording stopped: disk is nearly full", path=str(self._sink.path))

    def _fail(self, error: HaduaError) -> None:
        with self._changed:
            if self.error is None:
                self.error = error
                self._waiting.clear()
                _log.error("recording failed", error=str(error))
            self._changed.notify()

    def _overrun(self) -> RecordingFailedError:
        return RecordingFailedError(
            f"recording {self._sink.path.name!r}: the disk is too slow",
            got=f"{self._waiting_bytes / 1e6:.0f} MB waiting to be written",
            expected=f"at most record_buffer_mb={self._limits.bound_mb:g}",
            hint="Record to a local disk, not to a network folder.",
        )


def _bytes_of(entry: Entry) -> int:
    if isinstance(entry, Arrival):
        return entry.chunk.x.nbytes + entry.chunk.t_s.nbytes
    if isinstance(entry, Note | Said):
        return _ENTRY_BYTES + len(entry.text)
    return _ENTRY_BYTES
