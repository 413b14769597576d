"""What is asked of a process is cancelled when it is, whatever comes at that moment."""

import asyncio
import io
from dataclasses import dataclass, field

import pytest
from support.service import async_test

from hadua.service.line_process import LineProcess, WorkerDiedError


@dataclass
class Scripted:
    """A process that says what the test wants, when the test wants it."""

    stdout: asyncio.StreamReader = field(default_factory=asyncio.StreamReader)
    stdin: None = None
    pid: int = 0
    returncode: int | None = None

    def kill(self) -> None:
        self.returncode = -9

    async def wait(self) -> int | None:
        return self.returncode


@pytest.mark.parametrize("turns", range(5))
@async_test
async def test_a_cancellation_that_comes_with_the_line_is_not_lost(turns: int) -> None:
    process = Scripted()
    asked = asyncio.create_task(LineProcess(process, io.BytesIO()).line(60.0, doing="adapt"))
    for _ in range(5):
        await asyncio.sleep(0)
    process.stdout.feed_data(b"{}\n")
    for _ in range(turns):
        await asyncio.sleep(0)
    late = asked.done()
    asked.cancel()
    await asyncio.wait([asked])
    assert asked.cancelled() is not late


@async_test
async def test_a_socket_that_breaks_off_is_a_process_that_died() -> None:
    process = Scripted()
    process.stdout.set_exception(ConnectionResetError())
    errors = io.BytesIO(b"Traceback\nMemoryError: none\n\n")
    with pytest.raises(WorkerDiedError, match="MemoryError: none"):
        await LineProcess(process, errors).line(60.0, doing="adapt")
