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

from hadua.service.learning.nursery_messages import Began, Word
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
            reader, writer = await asyncio.open_connection(sock=own, limit=LINE_BYTES)
            with its:
                async with self._starting:
                    if self._running is None or self._running.over:
                        self._running = await _Running.start()
                    fork = self._running.ask(its.fileno(), errors.fileno())
        except BaseException:
            for one in (own, its, errors):
                one.close()
            raise
        fork.stdout, fork.stdin = reader, writer
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
        with suppress(BrokenPipeError, ConnectionResetError):  # it has died: `_hear` tells the fork
            socket.send_fds(self._control, [b"+"], [lines, errors])
        self._asked.append(fork)
        self._forks.add(fork)
        return fork

    async def let_go(self, fork: "_Fork") -> None:
        """One is gone; with the last one all of it goes."""
        self._forks.discard(fork)
        if self._forks:
            return
        self.over = True
        with suppress(ProcessLookupError):
            self._process.kill()
        await asyncio.wait([self._hearing], timeout=GONE_TIMEOUT_S)

    async def _hear(self) -> None:
        stdout = self._process.stdout
        try:
            while stdout is not None and (line := await stdout.readline()):
                self._heard(_decoder.decode(line))
            await self._process.wait()
        finally:
            self.over = True
            self._control.close()
            words = last_words(self._errors)
            for fork in self._forks:
                fork.end(None, words)
            self._errors.close()

    def _heard(self, word: Word) -> None:
        if isinstance(word, Began):
            self._asked.popleft().begun(word.pid)
            return
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

    def end(self, code: int | None, words: str = "") -> None:
        """It has ended; with what code, if anybody knows."""
        self.returncode, self.words = code, words
        self._ended.set()

    def kill(self) -> None:
        self._unwanted = True
        if not self.pid:  # nobody waits until it begins only to be ended
            self.end(None)
            if self.stdin is not None:
                self.stdin.close()
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
        await super().stop()
        if self._fork.stdin is not None:
            self._fork.stdin.close()
        await self._fork.nursery.let_go(self._fork)

    def _last_words(self) -> str:
        return self._fork.words or super()._last_words()
