"""A process that is asked and answers in lines, as the service sees it.

It runs at a low priority, so that predictions go first; it may die or be killed at any time; and
nobody waits for it without an end.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol, Self

from hadua.models.errors import CalibrationError

STOP_TIMEOUT_S = 2.0
LINE_BYTES = 2**16


class WorkerDiedError(CalibrationError):
    """The learning process is gone, for a reason of its own: it may be asked again."""


class Child(Protocol):
    """A process with an input and an output, as asyncio has them."""

    @property
    def pid(self) -> int:
        """Its id."""
        ...

    @property
    def returncode(self) -> int | None:
        """How it ended."""
        ...

    @property
    def stdin(self) -> asyncio.StreamWriter | None:
        """Its input."""
        ...

    @property
    def stdout(self) -> asyncio.StreamReader | None:
        """Its output."""
        ...

    def kill(self) -> None:
        """End it, without waiting."""
        ...

    async def wait(self) -> int | None:
        """Wait until it has ended."""
        ...


class LineProcess:
    """A child process; make it with `start`, end it with `stop`.

    Args:
        process: Started, with its input and output.
        errors: Where its standard error goes.
        line_bytes: Most that a line of its may have.
    """

    def __init__(self, process: Child, errors: IO[bytes], line_bytes: int = LINE_BYTES) -> None:
        self._process, self._errors, self._line_bytes = process, errors, line_bytes

    @classmethod
    async def start(cls, module: str, *arguments: str, line_bytes: int = LINE_BYTES) -> Self:
        """Start `python -m module`, which does not outlive this process; nobody waits for it."""
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe would have to be emptied
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "hadua.service.leashed", str(os.getpid()), module, *arguments),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                limit=line_bytes,
                creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
            )
        except BaseException:
            errors.close()
            raise
        return cls(process, errors, line_bytes)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def processor_s(self) -> float | None:
        """Seconds that it has had of a processor; None where nobody says so, and of the dead."""
        return processor_s(self.pid)

    async def send(self, line: bytes, *, doing: str) -> None:
        """Send a line.

        Raises:
            WorkerDiedError: it is gone.
        """
        stdin = self._process.stdin
        try:
            if stdin is not None:
                stdin.write(line)
                await stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise await self._died(doing) from None

    async def line(self, timeout_s: float, *, doing: str) -> bytes:
        """The next line that it says.

        Raises:
            WorkerDiedError: it is gone.
            CalibrationError: a line that is too long.
            TimeoutError: nothing in time.
        """
        stdout = self._process.stdout
        try:
            # Not `wait_for`, which in Python 3.11 loses a cancellation that comes with the line.
            async with asyncio.timeout(timeout_s):
                line = await stdout.readline() if stdout else b""
        except ValueError as error:
            raise CalibrationError(
                "the learning process says too much", expected=f"{self._line_bytes} bytes a line"
            ) from error
        except ConnectionError:  # a socket's way to say that something was left unread
            line = b""
        if not line:
            raise await self._died(doing)
        return line

    async def stop(self) -> None:
        """End the process; idempotent, and never longer than twice `STOP_TIMEOUT_S`."""
        self.kill()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await self._process.wait()
        finally:
            self._errors.close()

    def kill(self) -> None:
        """End the process without waiting."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def _died(self, doing: str) -> WorkerDiedError:
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._process.wait()
        return WorkerDiedError(
            f"the learning process died when it was to {doing}",
            got=f"exit {self._process.returncode}, {self._last_words()}",
            hint="It may be started again: what was collected is kept.",
        )

    def _last_words(self) -> str:
        return last_words(self._errors)


def processor_s(pid: int) -> float | None:
    """Seconds that a process has had of a processor; None where nobody says so, and of the dead."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    user, system = stat.rpartition(")")[2].split()[11:13]  # its name may hold anything
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def last_words(errors: IO[bytes]) -> str:
    """The end of what a process wrote to its standard error."""
    if errors.closed:
        return "stopped"
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - LINE_BYTES))
    lines = errors.read().decode(errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "without a word")
