"""The one thread that owns a source: open, read until told to stop, close.

A stream that is lost is looked for, as long as it takes: whoever stumbles over a cable plugs it in
again, and the session goes on.
"""

import threading
from collections.abc import Callable
from math import inf

import structlog

from hadua.adapters.sources.source import (
    KeepingSource,
    MarkedSource,
    SampleChunk,
    Source,
    SourceHealth,
    StreamSpec,
)
from hadua.models.errors import (
    HaduaError,
    StreamAmbiguousError,
    StreamInvalidError,
    StreamLostError,
    StreamNotFoundError,
    StreamSilentError,
)
from hadua.models.features import Modality
from hadua.service.bridge import Arrival, Ended, Item, Marked
from hadua.service.held import HOLD_S, Held
from hadua.service.lives import Lives
from hadua.service.rests import LONGEST_S, Due, NextEnd, Rests
from hadua.service.threads import SureThread
from hadua.service.watch import StreamWatch

READ_TIMEOUT_S = 0.2
FIND_AGAIN_S = 2.0
LOOK_AGAIN_S = 0.1
_MAY_COME_BACK = (StreamNotFoundError, StreamAmbiguousError, StreamInvalidError, StreamLostError)

_log = structlog.get_logger("hadua.reader")


def _never(stamp_s: float) -> bool:
    return False


class ReaderThread:
    """Reads a source in a thread of its own and delivers what it gives.

    Args:
        source: Owned by the thread from `start` to its end.
        modality: What its samples are.
        opened: Called in the thread, once: with the stream as found, or why it was not.
        deliver: Called in the thread with each `Arrival` of an opened stream, and with its
            markers before the chunk in whose time they lie, then `Ended`. An exception of any kind
            ends there, but for a stream that is lost; only a reader told to stop ends silently.
        watch: Follows the stream.
        clock: LSL seconds now, for the time of arrival.
        wait_s: How long to wait for the stream to be found.
    """

    def __init__(
        self,
        source: Source,
        *,
        modality: Modality,
        opened: Callable[[Modality, StreamSpec | Exception], None],
        deliver: Callable[[Item], None],
        watch: StreamWatch,
        clock: Callable[[], float],
        wait_s: float,
    ) -> None:
        self._source = source
        self._marked = source if isinstance(source, MarkedSource) else None
        self._modality = modality
        self._opened = opened
        self._deliver = deliver
        self._watch = watch
        self._clock = clock
        self._wait_s = wait_s
        self._keeping = source if isinstance(source, KeepingSource) else None
        # Not so long that the rest itself would look like silence.
        self._rests = Rests(longest_s=min(LONGEST_S, 0.25 * watch.stale_s))
        self._may_wait: Callable[[float], bool] = _never
        self._held = Held()
        self._delivered = 0
        self._lives = Lives()
        self._stop = threading.Event()
        self._woken = threading.Event()  # from a rest
        # A daemon: liblsl may block for long inside `open`, and must not hold up an exit.
        self._thread = SureThread(target=self._run, name=f"read-{modality}", daemon=True)

    def pace(
        self,
        due: Due | None = None,
        next_end: NextEnd | None = None,
        *,
        ahead_s: float = -inf,
        may_wait: Callable[[float], bool] = _never,
    ) -> None:
        """Let samples that complete nothing wait in a source that keeps them.

        Args:
            due: As for `Rests.pace`, from any thread; None: it cannot be told.
            next_end: The same.
            ahead_s: The same.
            may_wait: Whether a sample of this stamp is of no use yet, and is better delivered with
                one that is; from any thread.
        """
        if due is None or next_end is None:
            self._rests.pace()
        else:
            self._rests.pace(due, next_end, ahead_s=ahead_s)
            self._may_wait = may_wait
        self._woken.set()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Tell the thread to end after the read it is in."""
        self._stop.set()
        self._woken.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of the thread; True if it has ended, or never started."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def description(self) -> str:
        """The SOURCE text."""
        return self._source.description

    @property
    def watch(self) -> StreamWatch:
        """What is known of the stream."""
        return self._watch

    @property
    def clock_uncertainty_s(self) -> float | None:
        """Of the clock that stamps the samples; None where that is not remote."""
        return self._source.health().clock_uncertainty_s

    def health(self) -> SourceHealth:
        """What the source says about itself, counted since the first time it was opened."""
        return self._lives.all_of(self._source.health())

    def _run(self) -> None:
        try:
            self._read_all()
        except HaduaError as error:
            self._end_surely(error)
        except Exception as error:  # noqa: BLE001 - the one place where a reader's faults end
            self._end_surely(error)
            where = self._source.description
            _log.error("source failed unexpectedly", source=where, exc_info=error)
        finally:
            self._source.close()

    def _read_all(self) -> None:
        spec = self._source.open(self._wait_s)
        if self._stop.is_set():  # the loop may be gone by now
            return
        self._watch.saw_open(spec)
        self._opened(self._modality, spec)
        while not self._stop.is_set():
            resting = self._rests.resting
            try:
                chunk = self._source.read(self._patience_s(resting=resting))
            except StreamLostError as error:
                self._give_held()
                self._find_again(error)
                self._rests.awake()
                continue
            if chunk is None and resting:
                self._rests.awake()
            elif chunk is None:  # of one that sends it does not matter
                self._give_held()
                self._watch.saw_answer(self._source.health().answers)
            elif (chunk := self._lives.go_on(chunk)) is not None:
                self._take(chunk)

    def _patience_s(self, *, resting: bool) -> float:
        """How long to wait for samples; not at all for those that came in a rest."""
        if resting:
            return 0.0
        return HOLD_S if self._held else READ_TIMEOUT_S

    def _take(self, chunk: SampleChunk) -> None:
        arrived_s = now_s = self._clock()
        if len(chunk):
            oldest_s, newest_s = float(chunk.t_s[0]), float(chunk.t_s[-1])
            arrived_s = self._rests.arrived_s(oldest_s, newest_s, now_s)
        if self._keeping is None or not self._keeping.rests or not len(chunk):
            self._give(chunk, now_s, arrived_s=arrived_s)
            return
        # Of irregular samples the last one of a window is known by the one after it.
        may_wait = chunk.spec.rate_hz > 0.0 and self._may_wait(newest_s)
        if not may_wait:
            self._give(chunk, now_s, arrived_s=arrived_s)
        rest_s = self._rests.after(newest_s, now_s=now_s)
        if may_wait:
            hold = rest_s == 0.0 and self._held.hold(chunk, now_s=now_s, arrived_s=arrived_s)
            if not hold:
                self._give(chunk, now_s, arrived_s=arrived_s)
        if rest_s > 0.0 and self._woken.wait(rest_s):
            self._woken.clear()

    def _give(self, chunk: SampleChunk, now_s: float, *, arrived_s: float) -> None:
        """Deliver it, with what is held."""
        for each, came_s in self._held.release(chunk, arrived_s=arrived_s):
            self._deliver_chunk(each, now_s, arrived_s=came_s)

    def _give_held(self) -> None:
        """Deliver what is held alone: what it waited for does not come."""
        for each, came_s in self._held.release():
            self._deliver_chunk(each, self._clock(), arrived_s=came_s)

    def _deliver_chunk(self, chunk: SampleChunk, now_s: float, *, arrived_s: float) -> None:
        self._watch.saw_chunk(chunk, arrived_s=now_s)
        self._deliver_markers(chunk)
        self._deliver(Arrival(self._modality, chunk, arrived_s, self._delivered))
        self._delivered += len(chunk)

    def _find_again(self, error: StreamLostError) -> None:
        """Look for a stream that is lost until it is back, or the reader is told to stop."""
        if not isinstance(error, StreamSilentError):
            self._watch.saw_lost(error)
        self._lives.end(self._source.health())
        while not self._stop.is_set():
            try:
                spec = self._source.open(FIND_AGAIN_S)
            except _MAY_COME_BACK as why:
                self._watch.saw_lost(why)
                self._stop.wait(LOOK_AGAIN_S)
            else:
                self._lives.begin()
                self._watch.saw_open(spec)
                return

    def _deliver_markers(self, chunk: SampleChunk) -> None:
        """Markers up to the end of the chunk: no window that it completes ends later."""
        if self._marked is None or not len(chunk):
            return
        rate_hz = chunk.spec.rate_hz
        # Half a sample more, so that rounding of the end puts no marker behind its window.
        end_s = float(chunk.t_s[-1]) + (1.5 / rate_hz if rate_hz > 0.0 else 0.0)
        if markers := self._marked.markers(end_s):
            self._deliver(Marked(tuple(markers)))

    def _end_surely(self, error: Exception) -> None:
        """Tell of the end; again where there is no memory even for that."""
        told = False
        while not told:
            try:
                self._end(error)
                told = True
            except MemoryError:
                self._stop.wait(LOOK_AGAIN_S)

    def _end(self, error: Exception) -> None:
        self._give_held()
        self._watch.saw_end(error)
        if self._stop.is_set():
            return
        if self._watch.spec is None:
            self._opened(self._modality, error)
        else:
            self._deliver(Ended(self._modality, error))
