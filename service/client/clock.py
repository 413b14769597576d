"""LSL time by the client's own clock, from a few exchanges with the service."""

import threading
import time
from collections.abc import Callable

from hadua.service.answers import MarkerAnswer
from hadua.service.client import calls
from hadua.service.client.http import Http
from hadua.service.clock_echo import ClockOffset, Echo, estimate

EXCHANGES = 8
FRESH_S = 30.0  # quartz clocks part by up to 50 us in a second: 1.5 ms by then


class ServiceClock:
    """Asks for the service's clock, and remembers how far it is from ours.

    Args:
        http: To ask with.
        clock: Seconds of the clock whose times are to be converted.
    """

    def __init__(self, http: Http, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._http = http
        self._clock = clock
        self._lock = threading.Lock()
        self._best: tuple[Echo, ...] = ()

    def sync(self, n: int = EXCHANGES) -> ClockOffset:
        """Ask `n` times and keep the best; blocks for that long.

        Raises:
            UnreachableError: the service does not answer.
        """
        echoes = [self._exchange() for _ in range(n)]
        best = min(echoes, key=lambda echo: echo.offset.uncertainty_s)
        with self._lock:
            self._best = (best,)
        return best.offset

    def echo(self) -> Echo:
        """A fresh exchange, asked for anew if the last is older than half a minute."""
        with self._lock:
            best = self._best
        if not best or self._clock() - best[0].heard_s > FRESH_S:
            self.sync()
            return self.echo()
        return best[0]

    def now_s(self) -> float:
        """LSL seconds now."""
        now_s = self._clock()
        return now_s + estimate((self.echo(),)).offset_s

    def local_s(self) -> float:
        """Our own clock, now; never waits."""
        return self._clock()

    def mark(
        self, session_id: str, text: str, *, t_s: float | None, client_s: float
    ) -> MarkerAnswer:
        """Mark a session at the LSL time `t_s`, or at `client_s` of our own clock.

        Raises:
            RefusedError: there is no such session, or it is over.
            UnreachableError: the service does not answer.
        """
        if t_s is not None:
            return self._http.perform(calls.mark(session_id, text, t_s=t_s))
        call = calls.mark_by(session_id, text, client_s=client_s, echoes=(self.echo(),))
        return self._http.perform(call)

    def _exchange(self) -> Echo:
        asked_s = self._clock()
        reading = self._http.perform(calls.clock())
        return Echo(asked_s, reading.received_s, reading.sent_s, self._clock())
