"""The marker streams that a session listens to: any number, also those that come later.

One thread looks which there are; each stream is read by a thread of its own, so that one whose
sender hangs does not hold up the others.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from hadua.adapters.sources.lsl_library import LslInfo
from hadua.adapters.sources.lsl_markers import MarkerClock, MarkerFinder, MarkerInlet, Query
from hadua.adapters.sources.source import Marker
from hadua.models.errors import HaduaError
from hadua.service.threads import SureThread
from hadua.service.wire import MarkerStreamStatus

LOOK_EVERY_S = 0.5
OPEN_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 0.2

_log = structlog.get_logger("hadua.markers")

Deliver = Callable[[tuple[Marker, ...]], None]


class Finder(Protocol):
    """`MarkerFinder`."""

    def found(self) -> Mapping[str, LslInfo]:
        """The streams that there are now, by unique id."""
        ...


class Inlet(Protocol):
    """`MarkerInlet`."""

    @property
    def clock(self) -> MarkerClock:
        """How far the sender's clock is from ours."""
        ...

    def open(self, timeout_s: float) -> None:
        """Connect."""
        ...

    def read(self, timeout_s: float) -> list[Marker]:
        """The markers that have come; waits for some."""
        ...

    def close(self) -> None:
        """Disconnect."""
        ...


@dataclass(slots=True)
class _Stream:
    """One stream, and the thread that reads it."""

    name: str
    source_id: str
    hostname: str
    inlet: Inlet
    state: str = "found"
    markers: int = 0
    error: str | None = None
    thread: threading.Thread = field(default_factory=threading.Thread)

    def status(self) -> MarkerStreamStatus:
        clock = self.inlet.clock
        uncertainty_s = clock.uncertainty_s
        return MarkerStreamStatus(
            name=self.name,
            source_id=self.source_id,
            hostname=self.hostname,
            state=self.state,
            markers=self.markers,
            clock_offset_ms=clock.offset_s * 1e3,
            clock_uncertainty_ms=None if uncertainty_s is None else uncertainty_s * 1e3,
            last_error=self.error,
        )


class MarkerStreams:
    """Finds, reads and loses marker streams until it is stopped.

    Args:
        queries: A stream that answers to any of them is read.
        deliver: Called in the streams' threads with what came.
        make_finder: Made in the thread that looks.
        make_inlet: Reads a stream that was found.
    """

    def __init__(
        self,
        queries: Sequence[Query],
        *,
        deliver: Deliver,
        make_finder: Callable[[Sequence[Query]], Finder] = MarkerFinder,
        make_inlet: Callable[[LslInfo], Inlet] = MarkerInlet,
    ) -> None:
        self._queries = queries
        self._deliver = deliver
        self._make_finder = make_finder
        self._make_inlet = make_inlet
        self._stop = threading.Event()
        self._streams: dict[str, _Stream] = {}  # by unique id; only the finder adds and forgets
        self._error: str | None = None
        # Daemons: liblsl may block for long, and must not hold up an exit.
        self._thread = SureThread(target=self._look, name="find-markers", daemon=True)

    def start(self) -> None:
        """Start looking."""
        self._thread.start()

    def stop(self) -> None:
        """Tell all threads to end after the read they are in."""
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of all threads; True if it is reached, or nothing was started."""
        for thread in (self._thread, *(s.thread for s in self._streams.values())):
            if thread.ident is not None:
                thread.join(timeout_s)
        return not any(s.thread.is_alive() for s in self._streams.values())

    def statuses(self) -> tuple[MarkerStreamStatus, ...]:
        """The streams known by now, those that were lost too, each sender once."""
        known = sorted(list(self._streams.values()), key=lambda s: s.thread.is_alive())
        newest = {(s.name, s.source_id, s.hostname): s for s in known}
        return tuple(stream.status() for stream in newest.values())

    @property
    def error(self) -> str | None:
        """Why nothing is looked for any more, or None."""
        return self._error

    def _look(self) -> None:
        try:
            finder = self._make_finder(self._queries)
            while not self._stop.wait(LOOK_EVERY_S):
                for uid, info in finder.found().items():
                    known = self._streams.get(uid)
                    if known is None or not known.thread.is_alive():  # it did not answer: again
                        self._begin(uid, info)
        except HaduaError as error:
            self._end(str(error))
        except Exception as error:  # noqa: BLE001 - the one place where the finder's faults end
            _log.exception("looking for markers failed unexpectedly")
            self._end(f"internal error: {type(error).__name__}")

    def _end(self, error: str) -> None:
        self._error = error
        _log.error("no markers are looked for", error=error)

    def _begin(self, uid: str, info: LslInfo) -> None:
        stream = _Stream(info.name(), info.source_id(), info.hostname(), self._make_inlet(info))
        stream.thread = SureThread(
            target=self._read, args=(stream,), name=f"markers-{info.name()}", daemon=True
        )
        self._streams[uid] = stream
        stream.thread.start()

    def _read(self, stream: _Stream) -> None:
        try:
            stream.inlet.open(OPEN_TIMEOUT_S)
            stream.state = "live"
            _log.info("markers", stream=stream.name)
            while not self._stop.is_set():
                if markers := stream.inlet.read(READ_TIMEOUT_S):
                    stream.markers += len(markers)
                    self._deliver(tuple(markers))
        except HaduaError as error:
            self._lose(stream, str(error))
        except Exception as error:  # noqa: BLE001 - the one place where a stream's faults end
            _log.exception("marker stream failed unexpectedly", stream=stream.name)
            self._lose(stream, f"internal error: {type(error).__name__}")
        finally:
            stream.inlet.close()

    def _lose(self, stream: _Stream, error: str) -> None:
        stream.state, stream.error = "lost", error
        _log.warning("marker stream is lost", stream=stream.name, error=error)
