"""The learning process as the service sees it: started early, asked once, killed when cancelled.

One line of JSON each way. It goes last, so that no prediction waits for it, and nothing here waits
without an end: one that is left nothing by others is given up, for another that is merely of low
priority. Its death in the middle of a fit loses nothing but the time: what it reads is on the disk,
and what it writes appears whole.
"""

import asyncio
from base64 import b64decode
from collections.abc import Callable
from typing import Self

from pydantic import ValidationError

from hadua.calibration.fit_request import ANSWER, Done, Failed, FitRequest, Ready, Working
from hadua.calibration.parcel_request import ParcelRequest
from hadua.calibration.worker import LAST
from hadua.models.errors import CalibrationError
from hadua.service.line_process import LINE_BYTES, LineProcess
from hadua.service.modest import modest_line

START_TIMEOUT_S = 120.0
FIT_TIMEOUT_S = 900.0
LEAST_SHARE = 0.2
"""Of a processor, below which one that goes last would not come to an end of its fit."""
_PARCEL_BYTES = 2**28  # all that a profile's files may have, in base64

OnStage = Callable[[Working], None]


class FitWorker:
    """A worker process; make it with `start`, end it with `stop`.

    Args:
        process: Started.
        last: Whether it goes last altogether.
    """

    def __init__(self, process: LineProcess, *, last: bool) -> None:
        self._process, self._last = process, last
        self._ready = False

    @classmethod
    async def start(cls, *, last: bool = True, parcels: bool = False) -> Self:
        """Start the process; it warms up while collecting goes on, and nobody waits for it.

        Args:
            last: Whether it goes last altogether, or is merely of low priority.
            parcels: Whether it will be asked for `fit_parcel`, whose answers are long.
        """
        arguments = (LAST,) if last else ()
        process = await LineProcess.start(
            "hadua.calibration.worker",
            *arguments,
            line_bytes=_PARCEL_BYTES if parcels else LINE_BYTES,
        )
        return cls(process, last=last)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    async def ready(self, *, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until everything slow has been imported.

        Raises:
            StarvedError: others leave it nothing.
            CalibrationError: it died, or takes too long.
        """
        if self._ready:
            return
        answer = await self._answer(timeout_s, doing="start")
        if not isinstance(answer, Ready):
            raise CalibrationError("the learning process", got=f"{answer}", expected="ready")
        self._ready = True

    async def fit(
        self,
        request: FitRequest,
        *,
        on_stage: OnStage = lambda working: None,
        timeout_s: float = FIT_TIMEOUT_S,
    ) -> None:
        """Fit; the profile is in the calibration's folder afterwards. Cancelling kills the process.

        Args:
            request: What is asked for.
            on_stage: Told what is done next.
            timeout_s: For all of it.

        Raises:
            StarvedError: others leave it nothing.
            CalibrationError: why there is no profile; the windows are still there.
        """
        await self._asked(request.to_line(), on_stage, timeout_s)

    async def fit_parcel(
        self, request: ParcelRequest, *, timeout_s: float = FIT_TIMEOUT_S
    ) -> dict[str, bytes]:
        """The profile's files; nothing is kept. Otherwise as `fit`."""
        done = await self._asked(request.to_line(), lambda _: None, timeout_s)
        return {name: b64decode(content) for name, content in done.files.items()}

    async def _asked(self, line: str, on_stage: OnStage, timeout_s: float) -> Done:
        try:
            async with asyncio.timeout(timeout_s):
                await self.ready(timeout_s=timeout_s)
                await self._process.send(line.encode(), doing="fit")
                while True:
                    answer = await self._answer(timeout_s, doing="fit")
                    if isinstance(answer, Working):
                        on_stage(answer)
                    elif isinstance(answer, Failed):
                        raise CalibrationError(answer.what.rstrip("."))
                    elif isinstance(answer, Done):
                        return answer
        except TimeoutError:
            await self.stop()
            raise CalibrationError(
                "the learning process takes too long",
                expected=f"{timeout_s:g} s",
                hint="Fit again when the computer is less busy: the windows are still there.",
            ) from None
        except asyncio.CancelledError:
            self._process.kill()
            raise

    async def stop(self) -> None:
        """End the process; idempotent, and it never takes long."""
        await self._process.stop()

    async def _answer(self, timeout_s: float, *, doing: str) -> Ready | Working | Done | Failed:
        line = await self._line(timeout_s, doing=doing)
        try:
            answer = ANSWER.validate_json(line)
        except ValidationError:
            answer = None
        if isinstance(answer, Ready | Working | Done | Failed):
            return answer
        raise CalibrationError("the learning process", got=f"{line[:80]!r}", expected="an answer")

    async def _line(self, timeout_s: float, *, doing: str) -> bytes:
        if self._last:
            return await modest_line(self._process, timeout_s, doing=doing, least_share=LEAST_SHARE)
        return await self._process.line(timeout_s, doing=doing)
