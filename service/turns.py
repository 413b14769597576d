"""What a session's worker does again and again: take what has come, and step the pipeline.

The worker waits for samples itself. That a sample is there need not go by the event loop, which
would only pass it on, and a window's last sample is not held up by whatever the loop is at.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from hadua.models.features import Modality
from hadua.service.bridge import Arrival, Bridge, Item
from hadua.service.engine import Foreseeing, Stepper, Timed
from hadua.service.rehearsal import WORKED, Rehearsal, Rehearsing, Worked

TICK_S = 0.25
"""The loop has its turn so often, even if nothing comes."""

LetThrough = Callable[[Sequence[Arrival]], tuple[list[Arrival], set[Modality]]]


@dataclass(frozen=True, slots=True)
class Turn:
    """One time round.

    Args:
        items: What was taken, in its order.
        arrivals: Of these, what reached the pipeline.
        changed: Whose stream has become another one.
        timed: The results.
    """

    items: Sequence[Item]
    arrivals: Sequence[Arrival]
    changed: set[Modality]
    timed: Sequence[Timed]


class Turns:
    """Of one session; in its worker's thread.

    Args:
        bridge: What the readers deliver.
        let_through: Which of it may reach the pipeline, and whose stream has changed with it.
        stepper: Steps the pipeline.
        loop: Where the results go.
        worked: Told of every window.
    """

    def __init__(
        self,
        bridge: Bridge,
        let_through: LetThrough,
        stepper: Stepper,
        *,
        loop: asyncio.AbstractEventLoop,
        worked: Worked = WORKED,
    ) -> None:
        self._bridge, self._let_through, self._stepper = bridge, let_through, stepper
        self._worked = worked
        if isinstance(stepper.pipeline, Foreseeing):
            bridge.hold(partial(self._worth_s, stepper.pipeline))
        self._rehearsal: Rehearsal | None = None
        if isinstance(stepper.pipeline, Rehearsing):
            self._rehearsal = Rehearsal(
                stepper.pipeline,
                clock=stepper.clock,
                rouse=lambda: loop.call_soon_threadsafe(_nothing),
                worked=worked,
            )

    def next(self) -> Turn:
        """Work until there is something for the loop, for `TICK_S` at most.

        To pass it on costs as much as a step that gives nothing.
        """
        self._stepper.require_sound()
        clock, items, taken = self._stepper.clock, list[Item](), list[Arrival]()
        until_s = clock() + TICK_S
        while True:
            self._rehearse(until_s)
            come = self._bridge.take(max(until_s - clock(), 0.0))
            items += come
            arrivals, changed = self._let_through([i for i in come if isinstance(i, Arrival)])
            taken += arrivals
            timed = self._stepper.step(arrivals) if arrivals else []
            if timed:
                self._worked.note(clock())
            if self._rehearsal is not None:
                self._rehearsal.saw(arrivals)
            only_samples = len(come) > 0 and all(isinstance(item, Arrival) for item in come)
            if timed or changed or not only_samples or clock() >= until_s:
                return Turn(items, taken, changed, timed)

    def _worth_s(self, pipeline: Foreseeing, modality: Modality) -> float:
        """From which stamp on a step is worth its cost: early work is not where many are served."""
        many = self._worked.often(self._stepper.clock())
        return pipeline.due_s(modality) if many else pipeline.useful_s(modality)

    def _rehearse(self, until_s: float) -> None:
        """Right before the last sample of a window; what has come by then goes before."""
        in_s = None if self._rehearsal is None else self._rehearsal.in_s()
        if self._rehearsal is None or in_s is None or in_s > until_s - self._stepper.clock():
            return
        if not self._bridge.wait(in_s):
            self._rehearsal.hold()


def _nothing() -> None:
    """That it is called is all."""
