"""A calibration's fit: at the pool where that is wanted and works, else in a process here.

Both give the same profile, so the second may follow the first whatever became of that.
"""

import asyncio
import functools
import threading
from collections.abc import Callable
from typing import Protocol

import structlog

from hadua.calibration.fit_request import FitRequest, Working
from hadua.service.cluster.remote import HERE, PoolError
from hadua.service.fit_worker import FitWorker
from hadua.service.line_process import WorkerDiedError
from hadua.service.modest import StarvedError
from hadua.service.workers import DaemonExecutor

_log = structlog.get_logger("hadua.calibration")


class Elsewhere(Protocol):
    """`PoolFits`, as far as it is used here."""

    def fit(
        self, request: FitRequest, *, on_place: Callable[[int], None], stop: threading.Event
    ) -> str:
        """Have a profile put into the calibration's folder; who fitted it. Blocks.

        Raises:
            PoolError: why it was not.
        """
        ...


class Fitting:
    """Fits of one session.

    Args:
        elsewhere: Asked first; None: nobody is.
        on_stage: Told what is done next.
    """

    def __init__(self, elsewhere: Elsewhere | None, *, on_stage: Callable[[str], None]) -> None:
        self._elsewhere, self._on_stage = elsewhere, on_stage

    async def fit(self, worker: FitWorker, request: FitRequest) -> str:
        """Fit; where that was, in words. The profile is in the calibration's folder then.

        Args:
            worker: Fits here.
            request: What is asked for.

        Raises:
            CalibrationError: it could not be fitted here, either.
        """
        where = HERE
        if self._elsewhere is not None and request.source is None:
            try:
                return await self._there(self._elsewhere, request)
            except PoolError as error:
                where = f"{HERE}: pool {error.word}"
                _log.warning("fitting here and not at the pool", because=str(error))
        await self._here(worker, request)
        return where

    async def _there(self, elsewhere: Elsewhere, request: FitRequest) -> str:
        loop, stop = asyncio.get_running_loop(), threading.Event()
        thread = DaemonExecutor("pool-fit")  # of its own: it may be waited for long

        def note(stage: str) -> None:
            if not stop.is_set():  # else the calibration is at something else, or over
                self._on_stage(stage)

        def on_place(place: int) -> None:
            stage = f"waiting at the pool, place {place}" if place else "learning at the pool"
            loop.call_soon_threadsafe(note, stage)

        try:
            call = functools.partial(elsewhere.fit, request, on_place=on_place, stop=stop)
            return await loop.run_in_executor(thread, call)
        finally:
            stop.set()
            thread.shutdown()

    async def _here(self, worker: FitWorker, request: FitRequest) -> None:
        try:
            await worker.fit(request, on_stage=self._note)
        except (WorkerDiedError, StarvedError) as error:
            _log.warning("learning once more", because=str(error))
            await worker.stop()
            another = await FitWorker.start(last=False)
            try:
                await another.fit(request, on_stage=self._note)
            finally:
                await another.stop()

    def _note(self, working: Working) -> None:
        self._on_stage(working.stage)
