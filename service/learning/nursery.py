"""Where those that follow come from, as the service sees it: forks of one process, on Linux.

Each of its own would import torch: two seconds of a core and 160 MB, for each person. Forks of a
process that has are ready at once and share its pages, and are as much apart as ever: one that dies
takes nobody with it. The process that forks is there as long as one of its forks is.
"""

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections import deque
from contextlib import suppress
from typing import IO, Self

import msgspec

from hadua.service.learning.nursery_messages import Began, Refused, Word
from hadua.service.line_process import LINE_BYTES, LineProcess, last_words, processor_s

MODULE = "hadua.service.learning.nursery_process"
GONE_TIMEOUT_S = 2.0

_decoder = msgspec.json.Decoder(Word)


class Nursery:
    """Forks those that follow; of one event loop. Nothing runs before the first fork."""

    def __init__(self) -> None:
        self._running: _Running | None = None
        self._starting = asyncio.Lock()

    @property
    def available(self) -> bool:
        """Whether this system has such forks; elsewhere a process begins from nothing."""
        return sys.platform == "linux"

    async def fork(self) -> LineProcess:
        """A process that follows; it says when it is ready, and nobody waits for that here."""
        own, its = socket.socketpair()
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe would have to be emptied
        try:
            with its:
                async with self._starting:
                    if self._running is None or self._running.over:
                        self._running = await _Running.start()
                    fork = self._running.ask(its.fileno(), errors.fileno())
        except BaseException:
            own.close()
            errors.close()
            raise
        try:  # last: from here on the socket is the transport's, who alone may close it
            fork.stdout, fork.stdin = await asyncio.open_connection(sock=own, limit=LINE_BYTES)
        except BaseException:
            fork.kill()
            fork.nursery.let_go(fork)
            errors.close()
            raise
        return _Forked(fork, errors)


class _Running:
    """The process that forks, while there is one."""

    def __init__(
        self, process: asyncio.subprocess.Process, control: socket.socket, errors: IO[bytes]
    ) -> None:
        self.pid = process.pid
        self.over = False
        self._process, self._control, self._errors = process, control, errors
        self._asked: deque[_Fork] = deque()
        self._forks: set[_Fork] = set()
        self._hearing = asyncio.create_task(self._hear(), name="nursery")

    @classmethod
    async def start(cls) -> Self:
        control, its = socket.socketpair()
        control.setblocking(False)  # the event loop waits for nobody
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process has gone
        try:
            with its:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", MODULE, str(its.fileno())),
                    pass_fds=(its.fileno(),),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=errors,
                )
        except BaseException:
            control.close()
            errors.close()
            raise
        return cls(process, control, errors)

    def ask(self, lines: int, errors: int) -> "_Fork":
        fork = _Fork(self)
        self._forks.add(fork)
        try:
            socket.send_fds(self._control, [b"+"], [lines, errors])
        except OSError as error:  # it has died, or hundreds wait already: it may be asked again
            fork.end(None, f"it could not be forked: {error}")
        else:
            self._asked.append(fork)
        return fork

    def let_go(self, fork: "_Fork") -> None:
        """One is not held any more; with the last one all of it goes."""
        self._forks.discard(fork)
        if not self._forks:
            self.over = True
            with suppress(ProcessLookupError):
                self._process.kill()

    async def gone(self) -> None:
        """Wait a little until it has gone, if it is to go."""
        if self.over:
            await asyncio.wait([self._hearing], timeout=GONE_TIMEOUT_S)

    async def _hear(self) -> None:
        stdout = self._process.stdout
        try:
            while stdout is not None and (line := await stdout.readline()):
                with suppress(msgspec.MsgspecError):  # what a library prints as it is imported
                    self._heard(_decoder.decode(line))
            await self._process.wait()
        finally:
            self.over = True
            self._control.close()
            words = last_words(self._errors)
            for fork in self._forks:
                fork.lost(words)
            self._errors.close()

    def _heard(self, word: Word) -> None:
        if isinstance(word, Began):
            self._asked.popleft().begun(word.pid)
        elif isinstance(word, Refused):
            self._asked.popleft().refused(word.why)
        else:
            for fork in self._forks:
                if fork.pid == word.pid:
                    fork.end(word.code)


class _Fork:
    """A process that is forked, or about to be."""

    def __init__(self, nursery: _Running) -> None:
        self.nursery = nursery
        self.pid = 0  # it is not there yet
        self.returncode: int | None = None
        self.words = ""
        self.stdin: asyncio.StreamWriter | None = None
        self.stdout: asyncio.StreamReader | None = None
        self._ended, self._unwanted = asyncio.Event(), False

    def begun(self, pid: int) -> None:
        self.pid = pid
        if self._unwanted:
            self._kill()

    def refused(self, why: str) -> None:
        """It will not be there, or nobody is to wait for it."""
        self.end(None, why)
        if self.stdin is not None:
            self.stdin.close()

    def lost(self, words: str) -> None:
        """Nobody says any more what becomes of it: it would leave by itself, but not at once."""
        if self.pid and not self._ended.is_set():
            self._kill()
        self.refused(words)

    def end(self, code: int | None, words: str = "") -> None:
        """It has ended; with what code, if anybody knows. What is said first counts."""
        if not self._ended.is_set():
            self.returncode, self.words = code, words
            self._ended.set()

    def kill(self) -> None:
        self._unwanted = True
        if not self.pid:  # nobody waits until it begins only to be ended
            self.refused("")
        elif not self._ended.is_set():
            self._kill()

    async def wait(self) -> int | None:
        await self._ended.wait()
        return self.returncode

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


class _Forked(LineProcess):
    """A fork that is asked and answers in lines."""

    def __init__(self, fork: _Fork, errors: IO[bytes]) -> None:
        super().__init__(fork, errors)
        self._fork = fork

    def processor_s(self) -> float | None:
        """Of the process that forks, too: before there is a fork, it is at work for it."""
        before = processor_s(self._fork.nursery.pid)
        return None if before is None else before + (processor_s(self._fork.pid) or 0.0)

    async def stop(self) -> None:
        try:
            await super().stop()
        finally:  # whoever stops it may be cancelled meanwhile
            if self._fork.stdin is not None:
                self._fork.stdin.close()
            self._fork.nursery.let_go(self._fork)
        await self._fork.nursery.gone()

    def _last_words(self) -> str:
        return self._fork.words or super()._last_words()
