"""A booth's view of its pool: whether it is worth asking now, what became of what was asked.

The pool is asked how it is every two seconds, in a thread of its own. Between two such looks a pool
that failed is not asked again, so that no window pays for one that is away.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum

import structlog

from hadua.models.errors import HaduaError
from hadua.service.cluster.remote import PoolLateError, PoolRefusedError

_log = structlog.get_logger("hadua.pool")
LOOK_S = 2.0
LATE_IN_A_ROW = 3
"""So often late, and it is not asked until the next look."""


class PoolState(StrEnum):
    """What a booth knows of its pool."""

    CONNECTING = "connecting"  # not known yet
    ANSWERING = "answering"
    LATE = "late"  # answers, but not in time
    AWAY = "away"  # does not answer
    REFUSED = "refused"  # says no, or answers otherwise than this booth's own model


class Outcome(StrEnum):
    """What became of a window."""

    POOL = "pool"
    LATE = "late"
    FAILED = "failed"
    BUSY = "busy"  # the request before it was still on its way
    AWAY = "away"  # nobody was asked


class PoolLink:
    """State and counts; called from the threads of sessions and from that of the looks.

    Args:
        address: Of the pool.
        look: Sees how the pool is, and raises a `HaduaError` if it is not well.
    """

    def __init__(self, address: str, *, look: Callable[[], None]) -> None:
        self.address = address
        self.state, self.reason = PoolState.CONNECTING, "not asked yet"
        self.outcomes: Counter[Outcome] = Counter()
        self._look = look
        self._counted: Callable[[Outcome], None] = _nobody
        self._told: Callable[[dict[str, int]], None] = _nobody
        self._late = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self.looked = threading.Event()
        self._thread = threading.Thread(target=self._looks, name="pool-link", daemon=True)

    def count_into(
        self, counted: Callable[[Outcome], None], told: Callable[[dict[str, int]], None]
    ) -> None:
        """Tell of every outcome, and of every change of state: 1 for it, 0 for the others."""
        self._counted, self._told = counted, told

    def counts(self) -> dict[Outcome, int]:
        """What became of windows so far."""
        with self._lock:
            return dict(self.outcomes)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """End the looks."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    @property
    def worth_asking(self) -> bool:
        """Whether an answer may be expected."""
        return self.state is PoolState.ANSWERING

    def note(self, outcome: Outcome, error: HaduaError | None = None) -> None:
        """Count what became of a window, and draw conclusions."""
        with self._lock:
            self.outcomes[outcome] += 1
            self._late = 0 if outcome is Outcome.POOL else self._late + (outcome is Outcome.LATE)
            if outcome is Outcome.FAILED:
                self._become(PoolState.AWAY, str(error))
            elif self._late >= LATE_IN_A_ROW and self.worth_asking:
                self._become(PoolState.LATE, f"{LATE_IN_A_ROW} answers in a row came too late")
        self._counted(outcome)

    def _looks(self) -> None:
        while not self._stop.is_set():
            began_s = time.monotonic()
            try:
                self._look()
            except PoolLateError as error:
                self._say(PoolState.LATE, str(error))
            except PoolRefusedError as error:
                self._say(PoolState.REFUSED, str(error))
            except HaduaError as error:  # also of the own network, which the look compares with
                self._say(PoolState.AWAY, str(error))
            else:
                self._say(PoolState.ANSWERING, "")
            self.looked.set()
            self._stop.wait(max(0.1, LOOK_S - (time.monotonic() - began_s)))

    def _say(self, state: PoolState, reason: str) -> None:
        with self._lock:
            self._late = 0
            self._become(state, reason)

    def _become(self, state: PoolState, reason: str) -> None:
        if state is not self.state:
            _log.warning("the pool is " + state, pool=self.address, reason=reason)
        self.state, self.reason = state, reason
        self._told({str(each): int(each is state) for each in PoolState})


def _nobody(_: object) -> None:
    """Nobody is told."""
