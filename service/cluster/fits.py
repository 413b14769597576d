"""The pool's side of calibrations: a bounded line, fair to booths, and whatever fits.

Nothing is written down. A parcel is let go of when it has been fitted, and its profile when the
booth says that it has it, or asks for it no more.
"""

import asyncio
import base64
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

import msgspec
import structlog

from hadua.calibration.fit_parcel import FitParcel
from hadua.models.errors import HaduaError
from hadua.service.cluster.fair_queue import FairQueue
from hadua.service.cluster.fitters import FittedThere, Fitter
from hadua.service.cluster.versions import differences, versions_here
from hadua.service.sessions import LimitReachedError

MOST_WAITING = 64
MOST_OF_A_BOOTH = 4
ABANDONED_S = 30.0
"""A booth that has not asked for so long does not want it any more."""
_TIDY_S = 2.0

_log = structlog.get_logger("hadua.fits")


class FitUnknownError(HaduaError):
    """A ticket that the pool does not have, or has let go of."""

    code: ClassVar[str] = "fit-unknown"


class FitRefusedError(HaduaError):
    """A fit that would not be the booth's own, or that this service does not make."""

    code: ClassVar[str] = "fit-refused"


class FitState(StrEnum):
    """Where a fit is."""

    WAITING = "waiting"
    FITTING = "fitting"
    DONE = "done"
    FAILED = "failed"


class FitTold(msgspec.Struct, frozen=True, kw_only=True):
    """A fit as its booth is told.

    `state` is `waiting`, `fitting`, `done` or `failed`; `place` is 1 for whoever is next, 0 for one
    that does not wait. `reason` says why it failed, `computed` who fitted it. `files` are the
    profile's, by name, in base64; empty before it is `done`.
    """

    ticket: str
    state: str
    place: int = 0
    reason: str = ""
    computed: str = ""
    files: dict[str, str] = msgspec.field(default_factory=dict)


class FitsInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Calibrations that booths have sent: how many wait, are fitted now, and came to which end."""

    waiting: int = 0
    fitting: int = 0
    ended: dict[str, int] = msgspec.field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Fit:
    booth: str
    asked_s: float
    state: FitState = FitState.WAITING
    reason: str = ""
    made: FittedThere | None = None
    task: "asyncio.Task[FittedThere | str] | None" = field(default=None)


class Fits:
    """All fits of one service; to be used on the event loop.

    Args:
        fitter: Fits.
        bundle_digest: The only bundle that is fitted here.
        at_once: How many are fitted at a time; 0: none is taken.
        clock: Seconds, monotonic.
        versions: What this service computes with.
    """

    def __init__(
        self,
        fitter: Fitter,
        *,
        bundle_digest: str,
        at_once: int,
        clock: Callable[[], float],
        versions: Callable[[], Mapping[str, str]] = versions_here,
    ) -> None:
        self._fitter, self._digest, self._at_once = fitter, bundle_digest, at_once
        self._clock, self._versions = clock, versions
        self._line: FairQueue[str] = FairQueue()
        self._fits: dict[str, _Fit] = {}
        self._parcels: dict[str, FitParcel] = {}  # of those that wait
        self._ended: Counter[str] = Counter()
        self._come = asyncio.Event()

    def put(self, booth: str, parcel: FitParcel, versions: Mapping[str, str]) -> FitTold:
        """Take a parcel; sent once more, it is the same one.

        Raises:
            FitRefusedError: it would not give the profile that the booth itself would fit.
            LimitReachedError: too many wait.
        """
        if parcel.ticket not in self._fits:
            self._require_same(parcel, versions)
            self._require_room(booth)
            self._fits[parcel.ticket] = _Fit(booth, self._clock())
            self._parcels[parcel.ticket] = parcel
            self._line.put(booth, parcel.ticket)
            self._come.set()
        return self.told(parcel.ticket)

    def told(self, ticket: str) -> FitTold:
        """How a fit stands.

        Raises:
            FitUnknownError: no such ticket.
        """
        fit = self._known(ticket)
        fit.asked_s = self._clock()
        made = fit.made
        files = {} if made is None else made.files
        return FitTold(
            ticket=ticket,
            state=str(fit.state),
            place=self._line.place(ticket) or 0,
            reason=fit.reason,
            computed="" if made is None else made.who,
            files={name: base64.b64encode(content).decode() for name, content in files.items()},
        )

    def forget(self, ticket: str) -> None:
        """Let go of a fit, whatever has become of it.

        Raises:
            FitUnknownError: no such ticket.
        """
        fit = self._known(ticket)
        self._line.remove(ticket)
        self._parcels.pop(ticket, None)
        if fit.task is not None:
            fit.task.cancel()
        del self._fits[ticket]

    def info(self) -> FitsInfo:
        """Counts."""
        fitting = sum(fit.state is FitState.FITTING for fit in self._fits.values())
        return FitsInfo(waiting=len(self._line), fitting=fitting, ended=dict(self._ended))

    async def run(self) -> None:
        """Fit what comes, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._at_once):
                tasks.create_task(self._work())
            tasks.create_task(self._tidy())

    async def _work(self) -> None:
        while True:
            while not len(self._line):
                self._come.clear()
                await self._come.wait()
            ticket = self._line.take()
            # Without a name here, which would keep both until the next one comes.
            await self._fit(self._fits[ticket], self._parcels.pop(ticket))

    async def _fit(self, fit: _Fit, parcel: FitParcel) -> None:
        fit.state = FitState.FITTING
        async with asyncio.TaskGroup() as alone:
            fit.task = alone.create_task(self._made(parcel))
        if fit.task.cancelled():
            self._ended["cancelled"] += 1
            return
        made = fit.task.result()
        if isinstance(made, FittedThere):
            fit.state, fit.made = FitState.DONE, made
        else:
            fit.state, fit.reason = FitState.FAILED, made
            _log.warning("a booth's fit failed", booth=fit.booth, error=made)
        self._ended[str(fit.state)] += 1

    async def _made(self, parcel: FitParcel) -> FittedThere | str:
        """The profile, or why there is none."""
        try:
            return await self._fitter(parcel)
        except HaduaError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - one booth's fault ends nobody else's fit
            _log.exception("a booth's fit failed unexpectedly")
            return f"internal error: {type(error).__name__}"

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(_TIDY_S)
            until_s = self._clock() - ABANDONED_S
            for ticket in [t for t, fit in self._fits.items() if fit.asked_s < until_s]:
                self.forget(ticket)

    def _known(self, ticket: str) -> _Fit:
        fit = self._fits.get(ticket)
        if fit is None:
            raise FitUnknownError("this ticket is not known", hint="Fit it at the booth.")
        return fit

    def _require_same(self, parcel: FitParcel, versions: Mapping[str, str]) -> None:
        if not self._at_once:
            raise FitRefusedError("no fits are made here", expected="a pool with pool_fits above 0")
        if parcel.bundle_digest != self._digest:
            raise FitRefusedError(
                "windows for another bundle",
                got=parcel.bundle_digest[:12],
                expected=self._digest[:12],
            )
        differing = differences(versions, self._versions())
        if differing:
            raise FitRefusedError(
                "this pool would fit something else",
                got=", ".join(f"{name} {there}" for name, there, _ in differing),
                expected=", ".join(f"{name} {here}" for name, _, here in differing),
                hint="Install the same versions in both places.",
            )

    def _require_room(self, booth: str) -> None:
        own = self._line.of(booth)
        if len(self._line) >= MOST_WAITING or own >= MOST_OF_A_BOOTH:
            raise LimitReachedError(
                "calibrations that wait",
                got=f"{len(self._line)}, {own} of this booth",
                expected=f"less than {MOST_WAITING}, and {MOST_OF_A_BOOTH} of one booth",
                hint="Fit it at the booth.",
            )
