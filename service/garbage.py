"""Python's garbage collector, kept off the way of a window.

Left alone it collects whenever so many objects were made, which is as often as not while a window
is worked on, and now and then goes through all that the service ever loaded. So what is loaded is
set aside, automatic collections are made rare, and what has gathered is collected right after a
window's answers have gone out. Once nobody waits for a window, everything is. The memory that this
and the sessions leave unused goes back to the system then, and now and then while sessions run: the
heaps of a service that is always busy would grow for hours, with nothing in what grows.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hadua.service.arenas import give_back

YOUNG_EVERY_S = 1.0
ALL_EVERY_S = 60.0
GIVE_BACK_EVERY_S = 600.0
"""While sessions run: it takes tens of milliseconds (`service.arenas`)."""
RARELY = (50_000, 20, 20)
"""Still there for a service without a session: of such garbage nobody waits for a window."""


class Garbage:
    """When to collect; one for the process, as the collector is.

    Args:
        collect: `gc.collect`.
        give_back: Gives unused memory to the system.
    """

    def __init__(
        self,
        collect: Callable[[int], object] = gc.collect,
        give_back: Callable[[], object] = give_back,
    ) -> None:
        self._collect = collect
        self._give_back = give_back
        self._kept_off = False
        self._young_s = self._all_s = 0.0
        self._given_back_s: float | None = None

    @contextmanager
    def kept_off(self) -> Iterator[None]:
        """From here on, until the block ends: rarely, or `between_windows`."""
        thresholds, enabled = gc.get_threshold(), gc.isenabled()
        gc.set_threshold(*RARELY)
        gc.enable()
        self._kept_off = True
        self.set_aside()
        try:
            yield
        finally:
            self._kept_off = False
            gc.unfreeze()
            gc.set_threshold(*thresholds)
            if not enabled:
                gc.disable()

    def set_aside(self) -> None:
        """Never go again through what is there now; it takes no time."""
        if self._kept_off:
            gc.freeze()

    def between_windows(self, now_s: float) -> None:
        """Collect, if it is time to; answers have just gone out, and the next window is not due."""
        if not self._kept_off or now_s < self._young_s + YOUNG_EVERY_S:
            return
        self._young_s = now_s
        if now_s < self._all_s + ALL_EVERY_S:
            self._collect(1)
        else:
            self._all_s = now_s
            self._collect(2)
            if self._given_back_s is None:
                self._given_back_s = now_s
            if now_s >= self._given_back_s + GIVE_BACK_EVERY_S:
                self._given_back_s = now_s
                self._give_back()

    def after_the_last_session(self) -> None:
        """Nobody waits for a window any more."""
        if self._kept_off:
            self._collect(2)
            self._give_back()


GARBAGE = Garbage()
