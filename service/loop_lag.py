"""How late the event loop is: the one figure that shows that something blocks it."""

import asyncio
from collections.abc import Callable

PERIOD_S = 0.02


async def observe_lag(observe: Callable[[float], object]) -> None:
    """Sleep a little, again and again, and tell by how many seconds each sleep was too long."""
    loop = asyncio.get_running_loop()
    while True:
        due_s = loop.time() + PERIOD_S
        await asyncio.sleep(PERIOD_S)
        observe(max(0.0, loop.time() - due_s))
