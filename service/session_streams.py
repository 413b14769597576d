"""The streams of one session: their readers, what is told about them, and what is logged."""

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from math import inf

import structlog

from hadua.adapters.sources.source import Source, StreamSpec
from hadua.models.features import Modality
from hadua.service.bridge import Arrival, Bridge
from hadua.service.config import Settings
from hadua.service.engine import Foreseeing
from hadua.service.metrics import Metrics
from hadua.service.reader import ReaderThread
from hadua.service.rehearsal import WORKED
from hadua.service.status import stream_status, trouble
from hadua.service.watch import StreamState, StreamWatch
from hadua.service.wire import StreamStatus

JOIN_TIMEOUT_S = 1.0
AHEAD_S = 0.01
"""Of EEG, whose windows are begun before their last samples are there: what there is of one should
be at hand when the gaze is complete, which wakes whoever steps."""

InWorker = Callable[[Callable[[], bool]], Awaitable[bool]]

_log = structlog.get_logger("hadua.streams")


class SessionStreams:
    """Owns a reader for each source; on the event loop.

    Args:
        sources: One or two.
        session_id: For the log.
        bridge: Where the readers deliver to.
        settings: Times.
        metrics: Counted into.
        clock: LSL seconds now.
    """

    def __init__(
        self,
        sources: Mapping[Modality, Source],
        *,
        session_id: str,
        bridge: Bridge,
        settings: Settings,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._session_id = session_id
        self._bridge = bridge
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._found: dict[Modality, StreamSpec | Exception] = {}
        self._found_changed = asyncio.Event()
        self._stopped = False
        self._gone: dict[Modality, bool] = dict.fromkeys(sources, False)
        self._twins: dict[Modality, int] = dict.fromkeys(sources, 0)
        self._gate = threading.Lock()  # of what is withheld
        self._withheld: set[Modality] = set()
        self._n_withheld: Counter[Modality] = Counter()
        self._readers = {m: self._reader(m, source) for m, source in sources.items()}

    def __len__(self) -> int:
        return len(self._readers)

    def start(self) -> None:
        """Begin to look for the streams."""
        self._metrics.streams.add(self.statuses)
        for reader in self._readers.values():
            reader.start()

    def pace(self, pipeline: object) -> None:
        """From now on it is stepped: let readers rest while no sample completes a window."""
        for m, reader in self._readers.items():
            if isinstance(pipeline, Foreseeing):
                due, next_end = partial(pipeline.due_s, m), partial(pipeline.next_end_s, m)
                ahead_s = AHEAD_S if m is Modality.EEG else -inf
                may_wait = partial(self._may_wait, pipeline, m)
                reader.pace(due, next_end, ahead_s=ahead_s, may_wait=may_wait)
            else:
                reader.pace()

    def _may_wait(self, pipeline: Foreseeing, modality: Modality, stamp_s: float) -> bool:
        """Only where many are served: there it is to be cheap, elsewhere to be at hand early."""
        return WORKED.often(self._clock()) and stamp_s < pipeline.useful_s(modality)

    def keep(self, seconds: Callable[[Modality], float]) -> None:
        """Keep so many seconds of each stream at least, the latest, for a look at its quality."""
        for modality, reader in self._readers.items():
            reader.watch.keep(seconds(modality))

    async def found(self) -> dict[Modality, StreamSpec]:
        """The streams, once all are found; some of them, if `stop` is called before.

        Raises:
            HaduaError: one cannot be found, or used.
        """
        while not self._stopped and len(self._found) < len(self._readers):
            await self._found_changed.wait()
            self._found_changed.clear()
            for found in self._found.values():
                if isinstance(found, Exception):
                    raise found
        return self.specs

    @property
    def specs(self) -> dict[Modality, StreamSpec]:
        """The streams as their latest samples are."""
        return {m: found for m, found in self._found.items() if isinstance(found, StreamSpec)}

    def let_through(self, arrivals: Sequence[Arrival]) -> tuple[list[Arrival], set[Modality]]:
        """Those that may reach the pipeline, and whose stream has become another one.

        Where mappings have to be confirmed, the first samples of a stream that came back changed
        are let through, so that it is mapped; the others are withheld, and counted, until
        `release`. In the thread that steps the pipeline.
        """
        passed, changed = [], set()
        with self._gate:
            for arrival in arrivals:
                modality, now = arrival.modality, arrival.chunk.spec
                if modality in self._withheld:
                    self._n_withheld[modality] += 1
                    continue
                known = self._found.get(modality)
                if now is not known and now != known:
                    self._found[modality] = now
                    changed.add(modality)
                    if self._settings.require_confirmed_mapping:
                        self._withheld.add(modality)
                passed.append(arrival)
        return passed, changed

    def release(self, confirmed: Callable[[Modality], bool]) -> None:
        """Let the samples of those streams through again of which that is true, and of no other."""
        if self._settings.require_confirmed_mapping:
            with self._gate:
                self._withheld = {m for m in self._found if not confirmed(m)}

    def statuses(self) -> dict[str, StreamStatus]:
        """Each stream as it is now, by modality."""
        return {
            str(m): stream_status(
                reader,
                chunks_dropped=self._bridge.dropped(m),
                chunks_before_start=self._bridge.dropped_before_start(m),
                chunks_withheld=self._n_withheld[m],
            )
            for m, reader in self._readers.items()
        }

    @property
    def readers(self) -> Mapping[Modality, ReaderThread]:
        """Who reads each stream, for a look at it."""
        return self._readers

    def uncertainty_ms(self) -> float | None:
        """The greatest clock uncertainty of the streams; None where no clock is remote."""
        known = [reader.clock_uncertainty_s for reader in self._readers.values()]
        return max((u * 1e3 for u in known if u is not None), default=None)

    def look(self) -> str:
        """Log what has gone and what is back, once each; what is wrong now, in words.

        A stream whose samples do not reach the pipeline is named, too.
        """
        statuses = self.statuses()
        for modality, reader in self._readers.items():
            status = statuses[str(modality)]
            self._look_at(modality, StreamState(status.state), reader.watch, status)
        troubles = [trouble(m, s) for m, s in statuses.items()]
        with self._gate:
            names = " and ".join(sorted(self._withheld))
        if names:
            troubles.append(f"the new mapping of {names} is to be confirmed")
        return "; ".join(filter(None, troubles))

    def stop(self) -> None:
        """Tell the readers to end; `found` returns."""
        self._stopped = True
        self._found_changed.set()
        self._metrics.streams.remove(self.statuses)
        for reader in self._readers.values():
            reader.stop()

    async def join(self, in_worker: InWorker) -> None:
        """Wait a little for the readers to end."""
        timeout_s = JOIN_TIMEOUT_S / len(self._readers)
        for modality, reader in self._readers.items():
            if not await in_worker(partial(reader.join, timeout_s)):
                _log.warning(
                    "reader does not end", session=self._session_id, modality=str(modality)
                )

    def _look_at(
        self, modality: Modality, state: StreamState, watch: StreamWatch, status: StreamStatus
    ) -> None:
        about = {"session": self._session_id, "modality": str(modality)}
        if state.gone and not self._gone[modality]:
            self._gone[modality] = True
            _log.warning("stream gone", state=str(state), why=status.last_error or "", **about)
        elif state.flows and self._gone[modality]:
            self._gone[modality] = False
            away_s = round(watch.last_outage_s, 1)
            _log.warning("stream back", away_s=away_s, changed=status.change, **about)
        if status.twins != self._twins[modality]:
            self._twins[modality] = status.twins
            _log.warning("other senders of the same source_id", n=status.twins, **about)

    def _reader(self, modality: Modality, source: Source) -> ReaderThread:
        return ReaderThread(
            source,
            modality=modality,
            opened=self._on_found_in_thread,
            deliver=self._bridge.put,
            watch=StreamWatch(stale_s=self._settings.stale_s, clock=self._clock),
            clock=self._clock,
            wait_s=self._settings.wait_s,
        )

    def _on_found_in_thread(self, modality: Modality, found: StreamSpec | Exception) -> None:
        self._loop.call_soon_threadsafe(self._on_found, modality, found)

    def _on_found(self, modality: Modality, found: StreamSpec | Exception) -> None:
        self._found[modality] = found
        self._found_changed.set()
