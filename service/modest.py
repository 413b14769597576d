"""What a process that goes last says, as long as others leave it anything to say it with.

Whatever else wakes up interrupts it at once, so that no prediction waits for it. On a computer
that is busy with other things that may leave it nothing: then it is given up.
"""

import asyncio
import time

from hadua.models.errors import CalibrationError
from hadua.service.line_process import LineProcess

PATIENCE_S = 5.0
"""How long one that goes last may say nothing before it is looked at what it was left."""


class StarvedError(CalibrationError):
    """The learning process goes last, and others leave it nothing: one that is less modest may."""


async def modest_line(
    process: LineProcess, timeout_s: float, *, doing: str, least_share: float
) -> bytes:
    """The next line of a process that goes last.

    Args:
        process: Asked before.
        timeout_s: For all of it.
        doing: What it was asked for, in errors.
        least_share: Of a processor, that is enough for it. Others that go last count, too.

    Raises:
        StarvedError: others leave it nothing.
        WorkerDiedError, CalibrationError: as `LineProcess.line`.
        TimeoutError: nothing in time.
    """
    async with asyncio.timeout(timeout_s):
        while True:
            began_s, had_s = time.monotonic(), process.processor_s()
            try:
                return await process.line(PATIENCE_S, doing=doing)
            except TimeoutError:
                has_s, waited_s = process.processor_s(), time.monotonic() - began_s
                if had_s is not None and has_s is not None:
                    _require(has_s - had_s, waited_s, doing=doing, least_share=least_share)


def _require(left_s: float, waited_s: float, *, doing: str, least_share: float) -> None:
    if left_s < least_share * waited_s:
        raise StarvedError(
            f"the learning process was left nothing when it was to {doing}",
            got=f"{left_s:.2f} s of a processor in {waited_s:.1f} s",
            expected=f"{least_share:.0%} or more",
            hint="The computer is very busy: one of higher priority may do it.",
        )
