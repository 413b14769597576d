"""Learning's threads: one each, and of all of them one at a time."""

import asyncio
import threading
import time
from typing import cast

from support.service import async_test

from hadua.service.learning.claims import Claims
from hadua.service.learning.seat import Seat
from hadua.service.learning.tools import Tools

SEATS = 4


@async_test
async def test_threads_that_keep_what_was_learnt_do_so_one_after_the_other() -> None:
    claims, at_it, most = Claims(), list[str](), list[int]()
    seats = [
        Seat(f"P{k}", session_id=f"s-{k}", tools=cast("Tools", None), claims=claims)
        for k in range(SEATS)
    ]

    def keep() -> str:
        at_it.append(threading.current_thread().name)
        most.append(len(at_it))
        time.sleep(0.02)
        at_it.remove(threading.current_thread().name)
        return threading.current_thread().name

    try:
        names = await asyncio.gather(*(seat.in_thread(keep) for seat in seats for _ in range(2)))
    finally:
        for seat in seats:
            seat.let_go()
    assert most == [1] * (2 * SEATS)
    assert len(set(names)) == SEATS  # a thread each: one that hangs keeps nobody else for ever
