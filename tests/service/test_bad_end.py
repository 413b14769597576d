"""A session that cannot even end in good order takes nobody else with it."""

import asyncio
import threading
from collections.abc import Mapping

from support.service import (
    EEG,
    FakePipeline,
    FakeSource,
    Parts,
    async_test,
    eventually,
    ramps,
    running,
)

from hadua.models.features import Modality
from hadua.service.session_state import SessionState


class Forgetful(FakePipeline):
    """Cannot tell one of its sessions what was lost, once that is to be."""

    broken = False

    def losses(self) -> Mapping[str, int]:
        task = asyncio.current_task()
        if self.broken and task is not None and task.get_name() == "session-a":
            raise RuntimeError("of a pipeline that nobody has tested")
        return {}


@async_test
async def test_the_other_session_goes_on_and_the_one_that_broke_is_over() -> None:
    pipeline, go = Forgetful(), threading.Event()
    sources = {
        name: FakeSource([go, *ramps(EEG, 3), threading.Event()], spec=EEG) for name in ("a", "b")
    }
    async with running(Parts(sources=sources, pipeline=pipeline)) as service:
        sessions = service.service.sessions
        for name, source in sources.items():
            sessions.start({Modality.EEG: source}, session_id=name)
        first, second = sessions.get("a"), sessions.get("b")
        await first.running.wait()
        await second.running.wait()
        pipeline.broken = True
        first.stop()
        await first.over.wait()

        go.set()
        await eventually(lambda: second.publisher.predictions == 3)
        assert (first.state, second.state.over) == (SessionState.FAILED, False)
        assert "could not be ended" in first.reason
        shown = (await service.http.get("/api/v1/sessions/a")).json()
        assert shown["status"]["state"] == "failed"
        service.service.storage.flush()
        kept = service.service.storage.session("a")
        assert kept is not None
        assert kept.state == "failed"
