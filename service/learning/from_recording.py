"""A recording in place of a session: its windows go to learning as fast as they can be made."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from hadua.adapters.recordings.session_file import StreamEnd, Took
from hadua.adapters.sources.source import Source
from hadua.models.features import Modality
from hadua.service.engine import Engine, EngineFactory, StepResult, Timed
from hadua.service.learning.session_learning import SessionLearning
from hadua.service.replaying import in_order
from hadua.service.workers import DaemonExecutor

READ_S = 1.0
CHUNKS = 64  # per turn of the loop
POLL_S = 0.02

T = TypeVar("T")


class Feeder:
    """Steps a pipeline through streams that end; between two turns a profile may be swapped.

    Args:
        sources: Not opened yet; they do not wait.
        make_engine: Builds the pipeline.
        learning: What gets the windows.
    """

    def __init__(
        self,
        sources: Mapping[Modality, Source],
        *,
        make_engine: EngineFactory,
        learning: SessionLearning,
    ) -> None:
        self._sources, self._make_engine, self._learning = sources, make_engine, learning
        self._thread = DaemonExecutor("feed")
        self._engine: Engine | None = None
        self._taken: Iterator[Took | StreamEnd] = iter(())

    async def open(self) -> None:
        """Open the streams and build the pipeline.

        Raises:
            HaduaError: a stream that cannot be read or used.
        """
        self._engine = await self._in_worker(self._opened)
        self._taken = in_order(self._sources)
        await self._learning.begin(self._engine)

    async def some(self) -> bool:
        """Give the windows of a few chunks; False once the streams have ended."""
        results = await self._in_worker(self._step)
        if results is None:
            return False
        self._learning.offer([Timed(result, 0.0, 0.0, 0.0) for result in results])
        while self._learning.is_behind:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(POLL_S)
        return True

    async def turn(self) -> None:
        """Let another profile answer, if that was asked for."""
        if self._engine is not None:
            self._engine = await self._learning.swap_if_asked(self._engine, self._in_worker)
        await asyncio.sleep(POLL_S)

    async def close(self) -> None:
        """Let go of everything."""
        await self._learning.close()
        await self._in_worker(self._let_go)
        self._thread.shutdown()

    def _opened(self) -> Engine:
        return self._make_engine({m: s.open(READ_S) for m, s in self._sources.items()})

    def _step(self) -> Sequence[StepResult] | None:
        """The results of some chunks; None at the end."""
        if self._engine is None:
            return None
        pipeline, results, some = self._engine.pipeline, list[StepResult](), False
        for event in islice(self._taken, CHUNKS):
            some = True
            if isinstance(event, StreamEnd):
                results += pipeline.end(event.modality)
            else:
                results += pipeline.step(event.modality, event.chunk)
        return results if some else None

    def _let_go(self) -> None:
        for source in self._sources.values():
            source.close()
        if self._engine is not None:
            self._engine.close()

    async def _in_worker(self, call: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, call)
