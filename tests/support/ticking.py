"""A person who never ends: one prediction every fiftieth of a second, as long as it is asked."""

import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from support.service import EEG, FakeSource, Parts, Running, ramp, running, settings_for_tests

from hadua.adapters.sources.source import SampleChunk
from hadua.models.features import Modality


class TickingSource(FakeSource):
    """Samples without end, in their own time."""

    def __init__(self) -> None:
        super().__init__([])
        self._starts = itertools.count(0, 2)

    def read(self, timeout_s: float) -> SampleChunk | None:
        time.sleep(0.02)
        start = next(self._starts)
        return ramp(EEG, start, start + 2)


@asynccontextmanager
async def demo_session() -> AsyncIterator[Running]:
    """A service whose session `demo` predicts all the time."""
    startup = {Modality.EEG: TickingSource()}
    async with running(Parts(startup=startup, settings=settings_for_tests(demo=True))) as service:
        yield service


def marks(service: Running) -> list[str]:
    """The texts of the markers that the session has said, in their order."""
    said = service.service.sessions.get("demo").publisher.journal.after(0)
    return [item.text for item in said if item.kind == "marker"]
