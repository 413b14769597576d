"""Another profile between two windows: the session's loop is asked, and puts it in its place."""

import asyncio
import functools
from dataclasses import replace

from hadua.models.errors import CalibrationError
from hadua.service.engine import Engine
from hadua.service.serving import Personable, Serving
from hadua.service.workers import InWorker

TIMEOUT_S = 10.0


class Swap:
    """At most one exchange waits; whoever asks for it waits until it is done."""

    def __init__(self) -> None:
        self._asked: tuple[Serving, asyncio.Future[None]] | None = None
        self._closed = False

    async def ask(self, serving: Serving) -> None:
        """Let something else answer from the next window on; returns when it does.

        Raises:
            CalibrationError: the session ends, or does not come to it in time; it lets go of
                what it was given then.
        """
        done = asyncio.get_running_loop().create_future()
        self._asked = (serving, done)
        if self._closed:
            self.close()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await done
        except TimeoutError:
            self._give_up()
            raise CalibrationError(
                f"profile {serving.version} is in force, but does not answer yet",
                got=f"no step of the session within {TIMEOUT_S:g} s",
                hint="It will from the next session on.",
            ) from None

    async def if_asked(self, engine: Engine, in_worker: InWorker) -> Engine:
        """Make the exchange that was asked for; the engine afterwards. Between two steps only."""
        if self._asked is None or not isinstance(engine.pipeline, Personable):
            return engine
        (serving, done), self._asked = self._asked, None
        await in_worker(functools.partial(engine.pipeline.use, serving))
        if not done.done():
            done.set_result(None)
        facts = {**engine.facts, "profile_version": serving.version}
        return replace(engine, facts=facts, serving=serving)

    def close(self) -> None:
        """Nothing is exchanged any more."""
        self._closed = True
        asked = self._give_up()
        if asked is not None and not asked.done():
            asked.set_exception(
                CalibrationError(
                    "the profile is in force, but the session has ended",
                    hint="It answers from the next session on.",
                )
            )

    def _give_up(self) -> asyncio.Future[None] | None:
        if self._asked is None:
            return None
        (serving, done), self._asked = self._asked, None
        serving.runtime.close()
        return done
