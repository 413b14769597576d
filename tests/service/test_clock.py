"""The service's clock, as a client that times its own events asks for it."""

import asyncio

import pytest
from support.service import Parts, async_test, running


@async_test
async def test_the_clock_is_read_between_the_question_and_the_answer() -> None:
    async with running(Parts()) as service:
        now = asyncio.get_running_loop().time  # the fake service's LSL clock
        before_s = now()
        reading = (await service.http.get("/api/v1/clock")).json()
        after_s = now()
    assert before_s <= reading["received_s"] <= reading["sent_s"] <= after_s
    assert reading["sent_unix_s"] - reading["sent_s"] == pytest.approx(
        1_700_000_000.0, rel=0.0, abs=1e-2
    )
