"""Looks at everything that a session needs, before it begins or while one runs.

The checks are those of `hadua doctor`. What hardly changes (the computer, the network, the bundle)
is looked at once a minute; the streams are looked at each time. Streams that sessions read are not
opened again: their latest seconds are looked at.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from hadua.adapters.devices.screen import Screen
from hadua.adapters.sources.lsl_config import FoundConfig
from hadua.models.bundle import Bundle
from hadua.models.errors import HaduaError
from hadua.service.config import Settings
from hadua.service.doctor.checks import checks
from hadua.service.doctor.examination import Check, examine
from hadua.service.doctor.finding import Finding, State
from hadua.service.doctor.surroundings import Surroundings
from hadua.service.doctor.visit import Measured, Request, Visit
from hadua.service.found_devices import Examiner, FoundDevice
from hadua.service.mapping_book import MappingBook, MappingState
from hadua.service.session import Session
from hadua.service.workers import DaemonExecutor

COMPUTER_S = 60.0
"""For so long what was found out about the computer counts."""

_OF_THE_STREAMS = frozenset(
    {
        "streams",
        "expected",
        "source-ids",
        "rates",
        "labels",
        "units",
        "clock",
        "coverage",
        "quality",
    }
)
_NOT_NOW = frozenset({"settings", "service-port"})  # the service runs: both have been settled

Blocking = Callable[[DaemonExecutor, Callable[[], "Look"]], Awaitable["Look"]]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one look found.

    Args:
        began_s: LSL time.
        seconds: How long streams were listened to.
        visit: What the checks left behind.
        findings: All of them.
        devices: What the bundle could make of each stream, by what it is called.
    """

    began_s: float
    seconds: float
    visit: Visit
    findings: tuple[Finding, ...]
    devices: dict[str, FoundDevice]


@dataclass(frozen=True, slots=True)
class _Computer:
    """What was found out about the computer, and when."""

    at_s: float
    findings: tuple[Finding, ...]
    config: FoundConfig
    session_id: str
    bundle: Bundle | None


class Preflight:
    """One look at a time; whoever asks meanwhile gets the next one together.

    Args:
        settings: Of the service.
        here: The computer.
        book: Which mappings were confirmed.
        screen: Where gaze lands.
        clock: LSL seconds now.
    """

    def __init__(
        self,
        settings: Settings,
        here: Surroundings,
        *,
        book: MappingBook,
        screen: Screen,
        clock: Callable[[], float],
    ) -> None:
        self._settings, self._here = settings, here
        self._book, self._screen, self._clock = book, screen, clock
        self._computer: _Computer | None = None
        self.pool = DaemonExecutor("preflight")
        self._last: Look | None = None
        self._one_at_a_time = asyncio.Lock()

    async def look(
        self, sessions: Callable[[], Sequence[Session]], *, seconds: float, blocking: Blocking
    ) -> Look:
        """Look, or share the look of somebody who asked at the same time."""
        asked_s = self._clock()
        async with self._one_at_a_time:
            last = self._last
            if last is None or last.began_s < asked_s or last.seconds < seconds:
                running = tuple(m for s in sessions() for m in heard_in(s))
                self._last = last = await blocking(
                    self.pool, lambda: self.look_now(running, seconds=seconds)
                )
        return last

    def look_now(self, running: tuple[Measured, ...], *, seconds: float) -> Look:
        """Look; blocks for some seconds."""
        began_s = self._clock()
        every = checks(seconds=seconds)
        visit = Visit(Request(seconds=seconds), self._here, self._settings, running=running)
        computer = self._look_at_computer(visit, every)
        of_streams = [check for check in every if check.name in _OF_THE_STREAMS]
        findings = [*computer, *examine(visit, of_streams)]
        devices = dict(self._devices(visit))
        findings += [f for f in map(self._confirmation, devices.items()) if f is not None]
        return Look(began_s, seconds, visit, tuple(findings), devices)

    def close(self) -> None:
        """Look no more."""
        self.pool.shutdown()

    def _look_at_computer(self, visit: Visit, every: Sequence[Check]) -> tuple[Finding, ...]:
        known = self._computer
        if known is None or self._clock() - known.at_s > COMPUTER_S:
            mine = [c for c in every if c.name not in _OF_THE_STREAMS | _NOT_NOW]
            found = tuple(examine(visit, mine))
            known = self._computer = _Computer(
                self._clock(), found, visit.config, visit.session_id, visit.bundle
            )
        visit.config, visit.session_id, visit.bundle = known.config, known.session_id, known.bundle
        return known.findings

    def _devices(self, visit: Visit) -> list[tuple[str, FoundDevice]]:
        if visit.bundle is None:
            return []
        examiner = Examiner(visit.bundle, self._screen, self._book)
        found = []
        for stream in visit.measured:
            if stream.spec is not None:
                try:
                    device = examiner.one(stream.spec, stream.modality, source=stream.text)
                except HaduaError:  # the coverage check has said so
                    continue
                found.append((stream.called, device))
        return found

    def _confirmation(self, item: tuple[str, FoundDevice]) -> Finding | None:
        called, device = item
        simulated = device.source.startswith("sim:")
        if simulated or device.state in (None, MappingState.CONFIRMED):
            return None
        asked = self._settings.require_confirmed_mapping
        found = "its mapping is to be confirmed"
        if device.state is MappingState.CHANGED:
            found = "its mapping is another one than was confirmed"
        fix = "Look at the list of its channels on the live page, and confirm it: once per device."
        state = State.WARNING if asked else State.NOTE
        words = f"{found}; a session waits for that" if asked else found
        return Finding("mapping", state, called, words, fix)


def heard_in(session: Session) -> list[Measured]:
    """The streams of a session that runs, with what came of them in the latest seconds."""
    if session.over.is_set():
        return []
    heard = []
    for modality, reader in session.readers.items():
        watch = reader.watch
        heard.append(
            Measured(
                reader.description,
                modality,
                wanted=True,
                spec=watch.spec,
                error=watch.change or (str(watch.error) if watch.error else ""),
                effective_hz=watch.effective_rate_hz,
                health=reader.health(),
                state=watch.state,
                age_s=watch.sample_age_s,
                chunks=tuple(c for c in watch.recent if c.spec == watch.spec),
                session_id=session.id,
            )
        )
    return heard
