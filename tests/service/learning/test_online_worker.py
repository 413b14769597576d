"""The process that adapts, as the service sees it: slow ones that go last are told apart."""

from functools import partial

import pytest
from support.service import async_test

from hadua.models.errors import CalibrationError
from hadua.service.learning import online_worker
from hadua.service.learning.nursery import Nursery
from hadua.service.learning.online_messages import Begin
from hadua.service.learning.online_worker import LEAST_SHARE, OnlineWorker
from hadua.service.line_process import WorkerDiedError
from hadua.service.modest import PATIENCE_S, StarvedError

BEGIN = Begin(bundle="", profiles="", participant="P", version=0, folder="")
CLOCK_TICK_S = 0.01  # to which the processor's time is known

slow_test = partial(async_test, timeout_s=60.0)


@pytest.mark.parametrize("last", [True, False])
@slow_test
async def test_one_that_goes_last_and_takes_too_long_may_be_tried_less_modestly(
    last: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(online_worker, "START_TIMEOUT_S", 0.05)
    worker = await OnlineWorker.start(Nursery(), last=last)
    try:
        with pytest.raises(CalibrationError, match=r"takes too long: expected 0\.05 s") as caught:
            await worker.begin(BEGIN)
        assert isinstance(caught.value, StarvedError) is last
        with pytest.raises(WorkerDiedError):  # nobody waits for it any more
            await worker.begin(BEGIN)
    finally:
        await worker.stop()


def test_what_is_asked_of_it_can_be_told_by_the_clock() -> None:
    assert LEAST_SHARE * PATIENCE_S >= 5 * CLOCK_TICK_S
