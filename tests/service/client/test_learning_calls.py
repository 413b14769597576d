"""Both clients calibrate, adapt, label and roll back."""

import asyncio
import threading

import pytest
from support.learning import begin_session, learning_parts
from support.profiles import grow
from support.service import Running, async_test, running
from support.toy_bundle import toy_bundle
from support.toy_calibration import PERSON

from hadua.service.client import AsyncClient, Client, RefusedError


async def prepared(service: Running) -> None:
    grow(service.service.people.profiles, toy_bundle(), versions=2)
    await begin_session(service.http)
    await service.service.sessions.get("s-1").running.wait()


@async_test
async def test_with_asyncio() -> None:
    async with (
        running(learning_parts([threading.Event()])) as service,
        AsyncClient(service.url) as hadua,
    ):
        await prepared(service)
        assert (await hadua.calibration("s-1")).calibration is None
        begun = await hadua.calibrate("s-1", seconds=200.0, baseline_s=0.0)
        assert begun.calibration is not None
        assert (begun.calibration.state, begun.calibration.plan.windows) == ("collecting", 200)
        with pytest.raises(RefusedError, match="cannot end yet"):
            await hadua.decide("s-1", "finish")
        over = (await hadua.decide("s-1", "cancel")).calibration
        assert over is not None
        assert (over.state, over.reason) == ("failed", "cancelled")
        label = await hadua.label("s-1", "low", from_s=1.0, until_s=2.0)
        assert (label.from_s, label.until_s) == (1.0, 2.0)
        assert (await hadua.adapt("s-1", on=True)).state == "starting"
        assert (await hadua.adapt("s-1", on=False)).state == "off"
        back = await hadua.roll_back("s-1", reason="worse")
        assert (back.profile_version, back.roll_back.reason) == (1, "worse")
        history = await hadua.profiles(PERSON)
        assert (history.active, [v.version for v in history.versions]) == (1, [1, 2])


@async_test
async def test_without_asyncio() -> None:
    def ask(url: str) -> tuple[str, str, int]:
        with Client(url) as hadua:
            hadua.calibrate("s-1", policy="cautious")
            over = hadua.decide("s-1", "cancel").calibration
            state = hadua.adapt("s-1", on=False).state
            hadua.roll_back("s-1", version=0)
            assert hadua.label("s-1", "high", from_s=0.0, until_s=9.0).label == "high"
            assert hadua.calibration("s-1").calibration == over
            return "" if over is None else over.policy, state, hadua.profiles(PERSON).active

    async with running(learning_parts([threading.Event()])) as service:
        await prepared(service)
        assert await asyncio.to_thread(ask, service.url) == ("cautious", "off", 0)
