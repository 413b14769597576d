"""What becomes of a turn: its markers and answers are said, its samples counted, its ends noted."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from hadua.adapters.sources.source import EndOfStreamError
from hadua.models.features import Modality
from hadua.service.bridge import Ended, Marked
from hadua.service.engine import Stepper, Timed
from hadua.service.garbage import GARBAGE
from hadua.service.learning.session_learning import SessionLearning
from hadua.service.metrics import Metrics
from hadua.service.publisher import Publisher
from hadua.service.session_streams import SessionStreams
from hadua.service.turns import Turn

InWorker = Callable[[Callable[[], list[Timed]]], Awaitable[list[Timed]]]


class Outcomes:
    """Of one session's turns, one after the other; on the event loop.

    Args:
        stepper: Stepped in the worker.
        in_worker: Calls there.
        publisher: Says it.
        streams: Of the session.
        learning: What the session learns; None: nothing.
        metrics: Counted into.
        changed: Called between the markers and answers of a turn and those that come after a
            stream has become another one.
    """

    def __init__(
        self,
        stepper: Stepper,
        in_worker: InWorker,
        *,
        publisher: Publisher,
        streams: SessionStreams,
        learning: SessionLearning | None,
        metrics: Metrics,
        changed: Callable[[], None],
    ) -> None:
        self._stepper, self._in_worker = stepper, in_worker
        self._publisher, self._streams, self._learning = publisher, streams, learning
        self._metrics, self._changed = metrics, changed
        self._ended: set[Modality] = set()

    @property
    def all_ended(self) -> bool:
        """Whether no stream gives anything any more."""
        return len(self._ended) == len(self._streams)

    async def of(self, turn: Turn) -> None:
        """Say what came of a turn.

        Raises:
            Exception: why a stream has ended, if that was not orderly.
        """
        marked = [item for item in turn.items if isinstance(item, Marked)]
        self._publisher.hold_markers(marker for each in marked for marker in each.markers)
        await self._publish(turn.timed)
        for modality in {arrival.modality for arrival in turn.arrivals}:
            came = sum(len(a.chunk) for a in turn.arrivals if a.modality is modality)
            self._metrics.samples.labels(str(modality)).inc(came)
        if turn.changed:
            self._changed()
        self._publisher.release_markers()
        for item in turn.items:
            if isinstance(item, Marked):
                item.note_said()
            elif isinstance(item, Ended):
                await self._end(item)

    async def _publish(self, timed: Sequence[Timed]) -> None:
        uncertainty_ms = self._streams.uncertainty_ms() if timed else None
        for each in timed:
            self._publisher.prediction(each, clock_uncertainty_ms=uncertainty_ms)
            await asyncio.sleep(0)  # many at once must not overrun the slots of clients that read
        if self._learning is not None:
            self._learning.offer(timed)
        if timed:
            GARBAGE.between_windows(self._stepper.clock())

    async def _end(self, item: Ended) -> None:
        if not isinstance(item.error, EndOfStreamError):
            raise item.error
        self._ended.add(item.modality)
        await self._publish(await self._in_worker(partial(self._stepper.end, item.modality)))
