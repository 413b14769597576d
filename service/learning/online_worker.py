"""The process that adapts, as the service sees it."""

from typing import Self, TypeVar

import msgspec

from hadua.models.errors import CalibrationError
from hadua.service.learning.nursery import Nursery
from hadua.service.learning.online_messages import (
    Begin,
    Begun,
    Failed,
    Kept,
    Ready,
    Relearnt,
    Said,
    See,
    Seen,
    Tell,
    line,
)
from hadua.service.line_process import LineProcess
from hadua.service.modest import StarvedError, modest_line

MODULE = "hadua.service.learning.online_process"
START_TIMEOUT_S = 120.0
STEP_TIMEOUT_S = 60.0
RELEARN_TIMEOUT_S = 900.0
LEAST_SHARE = 0.02
"""Of a processor: a hundredth keeps up, and many that begin at once share what is left."""

T = TypeVar("T", Ready, Begun, Seen, Relearnt)

_decoder = msgspec.json.Decoder(Said)


class OnlineWorker:
    """A process that follows one participant; make it with `start`, end it with `stop`.

    Args:
        process: Started.
        last: Whether it goes last altogether.
    """

    def __init__(self, process: LineProcess, *, last: bool) -> None:
        self._process, self._last = process, last

    @classmethod
    async def start(cls, nursery: Nursery, *, last: bool = True) -> Self:
        """Start the process.

        Args:
            nursery: Where it comes from if it goes last and the system can.
            last: Whether it goes last altogether, or is merely of low priority.
        """
        forked = last and nursery.available
        return cls(await (nursery.fork() if forked else LineProcess.start(MODULE)), last=last)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    async def begin(self, begin: Begin) -> Begun:
        """Follow a participant; waits until everything slow has been imported.

        Raises:
            StarvedError: it goes last, and others leave it nothing.
            CalibrationError: it cannot, it died, or it takes too long.
        """
        await self._hear(Ready, START_TIMEOUT_S)
        await self._process.send(line(begin), doing="begin")
        return await self._hear(Begun, START_TIMEOUT_S)

    async def see(self, window: See) -> Seen:
        """Show it a window that has been answered; raises as `begin`."""
        await self._process.send(line(window), doing="adapt")
        return await self._hear(Seen, STEP_TIMEOUT_S)

    async def relearnt(self) -> Relearnt:
        """What came of learning anew, which a window has brought about; raises as `begin`."""
        return await self._hear(Relearnt, RELEARN_TIMEOUT_S)

    async def tell(self, told: Tell | Kept) -> None:
        """Tell it something that has no answer."""
        await self._process.send(line(told), doing="adapt")

    async def stop(self) -> None:
        """End the process; idempotent."""
        await self._process.stop()

    async def _hear(self, kind: type[T], timeout_s: float) -> T:
        try:
            text = await self._line(timeout_s)
        except TimeoutError:
            self._process.kill()
            error = StarvedError if self._last else CalibrationError
            raise error(
                "the process that adapts takes too long", expected=f"{timeout_s:g} s"
            ) from None
        try:
            said = _decoder.decode(text)
        except msgspec.MsgspecError:
            said = Failed(what=f"it said {text[:80]!r}")
        if isinstance(said, Failed):
            raise CalibrationError(said.what.rstrip("."))
        if not isinstance(said, kind):
            raise CalibrationError("the process that adapts", got=f"{said}", expected=kind.__name__)
        return said

    async def _line(self, timeout_s: float) -> bytes:
        if self._last:
            return await modest_line(
                self._process, timeout_s, doing="adapt", least_share=LEAST_SHARE
            )
        return await self._process.line(timeout_s, doing="adapt")
