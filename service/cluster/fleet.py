"""Every booth that has announced itself to this service, and whether it still does.

Liveness is a heartbeat of our own: a booth says every two seconds how it is. Every booth that lives
says it again to a pool that was restarted; of those that do not, the latest word is kept elsewhere
and given back here.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Annotated

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from hadua.service.cluster.fits import FitsInfo

SILENT_S = 6.0
"""Three heartbeats missed."""
MOST = 1000
BOOTH = r"^[A-Za-z0-9_.-]{1,64}$"
_NO_FITS = FitsInfo()
_Count = Annotated[int, Field(ge=0, le=1 << 53, strict=True)]
_Word = Annotated[str, Field(max_length=200)]


class BoothState(StrEnum):
    """Whether a booth is there."""

    ALIVE = "alive"
    SILENT = "silent"


class Heartbeat(BaseModel):
    """What a booth says of itself: counts and states, and nothing of anybody's signals."""

    model_config = ConfigDict(extra="forbid")

    booth: str = Field(pattern=BOOTH)
    version: _Word
    bundle: _Word
    sessions: _Count
    predictions: _Count
    pool: _Word
    outcomes: dict[_Word, _Count] = Field(max_length=16)


class BoothInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A booth. `pool` is what it knows of the pool; `outcomes` counts windows by who answered."""

    booth: str
    state: str
    heard_s_ago: float
    version: str
    bundle: str
    sessions: int
    predictions: int
    pool: str
    outcomes: dict[str, int]


class PoolInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The pool that this service asks itself: its state, why, and its own windows by outcome."""

    address: str
    state: str
    reason: str
    outcomes: dict[str, int]


class FleetInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Every booth by name; `replicas` compute for them, 0 where this service does so itself.

    `fits` are calibrations that they have sent.
    `pool` is what this service, as a booth, knows of its own pool; null if it asks none.
    """

    booths: tuple[BoothInfo, ...]
    replicas: int
    fits: FitsInfo
    pool: PoolInfo | None = None


class Fleet:
    """Keeps the latest word of each booth; the one silent longest gives way when there are many.

    Args:
        clock: Seconds, monotonic.
    """

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._heard: dict[str, tuple[float, Heartbeat]] = {}
        self._new: set[str] = set()

    def hear(self, heartbeat: Heartbeat) -> None:
        """Take a booth's word."""
        self._heard.pop(heartbeat.booth, None)  # the order is that of the latest words
        if len(self._heard) >= MOST:
            self._heard.pop(next(iter(self._heard)))
        self._heard[heartbeat.booth] = self._clock(), heartbeat
        self._new.add(heartbeat.booth)

    def forget(self, booth: str) -> bool:
        """Let go of one; whether it was known."""
        self._new.discard(booth)
        return self._heard.pop(booth, None) is not None

    def news(self) -> list[tuple[float, Heartbeat]]:
        """The words that came since this was last asked, and how long ago in seconds each did."""
        new, self._new = self._new, set()
        now_s, heard = self._clock(), [self._heard[b] for b in new if b in self._heard]
        return [(now_s - at_s, word) for at_s, word in heard]

    def restore(self, words: Iterable[tuple[float, Heartbeat]]) -> None:
        """Take what was said so many seconds ago; a word that has come since holds."""
        now_s = self._clock()
        before = {word.booth: (now_s - ago_s, word) for ago_s, word in words}
        self._heard = {b: said for b, said in before.items() if b not in self._heard} | self._heard

    def info(
        self, *, replicas: int, fits: FitsInfo = _NO_FITS, pool: PoolInfo | None = None
    ) -> FleetInfo:
        """All of them as clients are told."""
        now_s = self._clock()
        told = (_told(now_s - at_s, word) for at_s, word in self._heard.values())
        booths = tuple(sorted(told, key=lambda b: b.booth))
        return FleetInfo(booths=booths, replicas=replicas, fits=fits, pool=pool)


def _told(ago_s: float, word: Heartbeat) -> BoothInfo:
    state = BoothState.ALIVE if ago_s <= SILENT_S else BoothState.SILENT
    return BoothInfo(
        booth=word.booth,
        state=str(state),
        heard_s_ago=round(ago_s, 3),
        version=word.version,
        bundle=word.bundle,
        sessions=word.sessions,
        predictions=word.predictions,
        pool=word.pool,
        outcomes=dict(word.outcomes),
    )
