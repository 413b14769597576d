"""A service in a thread, for tests that drive a browser and do not wait on a loop of their own."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from support.service import Parts, Running, running

WAIT_S = 20.0


@contextmanager
def threaded(parts: Parts) -> Iterator[Running]:
    """The service of these parts, until the block is left; its loop runs in a thread."""
    ready: Future[tuple[Running, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        async with running(parts) as service:
            end = asyncio.Event()
            ready.set_result((service, asyncio.get_running_loop(), end))
            await end.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    thread = threading.Thread(target=run)
    thread.start()
    service, loop, end = ready.result(WAIT_S)
    try:
        yield service
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(WAIT_S)
