"""The learning process as the service sees it: started early, asked once, killed when cancelled.

One line of JSON each way. It runs at a low priority, so that predictions go first, and nothing here
waits without an end. Its death in the middle of a fit loses nothing but the time: what it reads is
on the disk, and what it writes appears whole.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Self

from pydantic import ValidationError

from hadua.calibration.fit_request import ANSWER, Done, Failed, FitRequest, Ready, Working
from hadua.models.errors import CalibrationError

START_TIMEOUT_S = 120.0
FIT_TIMEOUT_S = 900.0
STOP_TIMEOUT_S = 2.0
LINE_BYTES = 2**16

OnStage = Callable[[Working], None]


class WorkerDiedError(CalibrationError):
    """The learning process is gone, for a reason of its own: it may be asked again."""


class FitWorker:
    """A worker process; make it with `start`, end it with `stop`.

    Args:
        process: Started, with pipes to its input and from its output.
        errors: Where its standard error goes.
    """

    def __init__(self, process: asyncio.subprocess.Process, errors: IO[bytes]) -> None:
        self._process, self._errors = process, errors
        self._ready = False

    @classmethod
    async def start(cls) -> Self:
        """Start the process; it warms up while collecting goes on, and nobody waits for it."""
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe would have to be emptied
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "hadua.calibration.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            limit=LINE_BYTES,
            creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
        )
        return cls(process, errors)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    async def ready(self, *, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until everything slow has been imported.

        Raises:
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
            CalibrationError: why there is no profile; the windows are still there.
        """
        try:
            async with asyncio.timeout(timeout_s):
                await self.ready(timeout_s=timeout_s)
                await self._send(request.to_line())
                while True:
                    answer = await self._answer(timeout_s, doing="fit")
                    if isinstance(answer, Working):
                        on_stage(answer)
                    elif isinstance(answer, Failed):
                        raise CalibrationError(answer.what.rstrip("."))
                    elif isinstance(answer, Done):
                        return
        except TimeoutError:
            await self.stop()
            raise CalibrationError(
                "the learning process takes too long",
                expected=f"{timeout_s:g} s",
                hint="Fit again when the computer is less busy: the windows are still there.",
            ) from None
        except asyncio.CancelledError:
            self._kill()
            raise

    async def stop(self) -> None:
        """End the process; idempotent, and never longer than twice `STOP_TIMEOUT_S`."""
        self._kill()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
        self._errors.close()

    def _kill(self) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def _send(self, line: str) -> None:
        stdin = self._process.stdin
        try:
            if stdin is not None:
                stdin.write(line.encode())
                await stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise await self._died("fit") from None

    async def _answer(self, timeout_s: float, *, doing: str) -> Ready | Working | Done | Failed:
        stdout = self._process.stdout
        try:
            line = await asyncio.wait_for(stdout.readline(), timeout_s) if stdout else b""
        except ValueError as error:
            raise CalibrationError(
                "the learning process says too much", expected=f"{LINE_BYTES} bytes a line"
            ) from error
        if not line:
            raise await self._died(doing)
        try:
            answer = ANSWER.validate_json(line)
        except ValidationError:
            answer = None
        if isinstance(answer, Ready | Working | Done | Failed):
            return answer
        raise CalibrationError("the learning process", got=f"{line[:80]!r}", expected="an answer")

    async def _died(self, doing: str) -> WorkerDiedError:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
        return WorkerDiedError(
            f"the learning process died when it was to {doing}",
            got=f"exit {self._process.returncode}, {self._last_words()}",
            hint="Fit again: the windows are still there.",
        )

    def _last_words(self) -> str:
        """The end of standard error."""
        if self._errors.closed:
            return "stopped"
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - LINE_BYTES))
        lines = self._errors.read().decode(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "without a word")
