"""Whoever sits in a session: what answers them, and the one thread that changes what is theirs."""

import asyncio
import functools
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import structlog

from hadua.calibration.profile import AS_SHIPPED
from hadua.models.features import Modality
from hadua.service.engine import Engine
from hadua.service.in_turn import InTurn
from hadua.service.learning.claims import Claims
from hadua.service.learning.errors import NoParticipantError, NotRunningError
from hadua.service.learning.swap import Swap
from hadua.service.learning.tools import Tools
from hadua.service.serving import Personable
from hadua.service.workers import DaemonExecutor, InWorker

CLOSE_TIMEOUT_S = 5.0

T = TypeVar("T")

_log = structlog.get_logger("hadua.learning")

LEARNING = InTurn()
"""The turns of the threads that load and keep what was learnt, in this process."""


class Seat:
    """Of one session.

    Args:
        participant: Pseudonym, or None: nothing is learnt then.
        session_id: The session.
        tools: Of the service.
        claims: Who is being learnt.
    """

    def __init__(
        self, participant: str | None, *, session_id: str, tools: Tools, claims: Claims
    ) -> None:
        self.participant, self.session_id, self.tools = participant, session_id, tools
        self.profile_version = AS_SHIPPED
        self.measured: frozenset[Modality] | None = None
        self.ending = False  # nothing begins any more; what was begun is being ended
        self.closed = False
        self._claims = claims
        self._swap = Swap()
        self._thread = DaemonExecutor(f"learn-{session_id}")

    def begin(self, engine: Engine) -> str | None:
        """Note the pipeline; the participant, if there is one and nobody else learns of them."""
        self.profile_version = _version(engine)
        if self.participant is None or not isinstance(engine.pipeline, Personable):
            return None
        self.measured = frozenset(engine.pipeline.measured)
        return self.participant if self._claims.claim(self.participant, self) else None

    def require(self) -> str:
        """The participant.

        Raises:
            NoParticipantError, NotRunningError, ParticipantBusyError: there is nobody to learn for.
        """
        if self.participant is None:
            raise NoParticipantError(
                f"session {self.session_id!r} is nobody's",
                expected="a session that was started with a participant",
                hint="Start it with the pseudonym of whoever sits there.",
            )
        if self.closed or self.measured is None:
            raise NotRunningError(
                f"session {self.session_id!r} learns nothing now",
                got="a session that is over" if self.closed else "one that does not run yet",
                expected="a session that runs",
            )
        self._claims.require(self.participant, self)
        return self.participant

    def require_staying(self) -> None:
        """Nothing may begin that nobody would end.

        Raises:
            NotRunningError: the session is ending, or over.
        """
        if self.ending or self.closed:
            raise NotRunningError(
                f"session {self.session_id!r} learns nothing any more",
                got="a session that is ending",
                expected="a session that runs",
                hint="What was begun goes on with the participant's next session.",
            )

    async def in_thread(self, call: Callable[[], T]) -> T:
        """Make a call that blocks in learning's own thread, after those that were asked before.

        Of all sessions one at a time: each that runs beside a window's thread can hold it up for
        as long as Python lets a thread run, again and again.
        """
        in_turn = functools.partial(_in_turn, call)
        return await asyncio.get_running_loop().run_in_executor(self._thread, in_turn)

    async def audit(self, action: str, actor: str, **detail: str | int | float) -> None:
        """Note who did what; it is on the disk when this returns."""
        note = functools.partial(
            self.tools.audit,
            action,
            participant=self.participant or "",
            actor=actor,
            detail=detail,
        )
        await self.in_thread(note)

    async def serve(self, version: int, reason: str) -> None:
        """Load a version in learning's thread, and let it answer from the next window on."""
        participant = self.require()
        load = functools.partial(self.tools.serving, participant, version)
        await self._swap.ask(await self.in_thread(load))
        _log.info("profile answers", session=self.session_id, version=version, reason=reason)

    async def require_servable(self, version: int) -> None:
        """Load a version once before anything is decided, so that it can answer."""
        load = functools.partial(self.tools.serving, self.require(), version)
        (await self.in_thread(load)).runtime.close()

    async def swap_if_asked(self, engine: Engine, in_worker: InWorker) -> Engine:
        """Between two steps: let another profile answer, if that was asked for."""
        after = await self._swap.if_asked(engine, in_worker)
        if after is not engine:
            self.profile_version = _version(after)
            self.tools.figures.swaps.inc()
        return after

    async def close(self) -> None:
        """Wait a little until what was begun is done, and let go."""
        with suppress(TimeoutError, RuntimeError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self.in_thread(lambda: None)
        self.let_go()

    def let_go(self) -> None:
        """Release everything without waiting."""
        self.ending = self.closed = True
        self._swap.close()
        if self.participant is not None:
            self._claims.release(self.participant, self)
        self._thread.shutdown()


async def cancelled(task: asyncio.Task[None] | None) -> None:
    """Cancel a task and wait a little for its end."""
    if task is not None:
        task.cancel()
        await asyncio.wait([task], timeout=CLOSE_TIMEOUT_S)


def _in_turn(call: Callable[[], T]) -> T:
    with LEARNING.turn():
        return call()


def _version(engine: Engine) -> int:
    version = engine.facts.get("profile_version", AS_SHIPPED)
    return version if isinstance(version, int) else AS_SHIPPED
