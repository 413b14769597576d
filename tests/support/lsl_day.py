"""Random days of a real process whose EEG comes from LSL senders that are processes, too."""

import random
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from subprocess import Popen
from time import sleep

from support.lsl_outlets import frozen, sender_process
from support.real_booth import eventually
from support.real_scenario import WEIGHTS, RealDay

HEADSET = ("FP1", "FPZ", "FP2", "F7", "F3", "FZ", "F4", "F8", "C3", "CZ", "C4", "P3", "PZ", "P4")
DEVICES = (
    (HEADSET, 250.0),
    (tuple(reversed(HEADSET)), 250.0),
    (HEADSET[:4], 250.0),
    (HEADSET, 125.0),
    (("A", "B", "C"), 40.0),
)
"""Labels and rates; the first comes first, and the last maps to nothing."""
LSL_WEIGHTS = {**WEIGHTS, "sender": 4.0, "lose": 2.0, "freeze": 2.0, "swap": 3.0}
Sender = tuple[ExitStack, Popen[str]]


@dataclass
class LslDay(RealDay):
    """A day in whose sessions the EEG is each person's own LSL stream, by its `source_id`.

    Args:
        name: No other streams are called so.
        answered: How often windows were answered while a sender was there.
    """

    weights: Mapping[str, float] = field(default_factory=lambda: LSL_WEIGHTS)
    name: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    answered: int = 0
    _senders: dict[str, Sender] = field(default_factory=dict)

    def play(self, steps: int, *, first: tuple[str, ...] = ()) -> None:
        """As any day; the senders are gone in the end."""
        try:
            super().play(steps, first=first)
        finally:
            for who in list(self._senders):
                self._lose(who)

    def _wait(self, who: str) -> None:
        """Until there are more predictions, where a sender is there: it is found, or back."""
        path = f"s-{who}"
        if who not in self._senders or not self.it.http.get(f"/api/v1/sessions/{path}").is_success:
            return
        n = self.it.predicted(path)
        eventually(
            lambda: (
                self.it.predicted(path) > n
                or self.it.state(path) in ("stopped", "stopping", "failed")
            )
        )
        self.answered += self.it.predicted(path) > n

    def _eeg(self, who: str, chance: random.Random) -> str:
        del chance
        return f"lsl:source_id=id-{self._stream(who)}"

    def _stream(self, who: str) -> str:
        return f"{self.name}-{who}"

    def _acts(self, who: str, chance: random.Random) -> dict[str, Callable[[], object]]:
        return {
            **super()._acts(who, chance),
            "sender": lambda: self._send(who, 0),
            "lose": lambda: self._lose(who),
            "freeze": lambda: self._freeze_sender(who, chance),
            "swap": lambda: self._swap(who, chance),
        }

    def _send(self, who: str, device: int) -> None:
        if who in self._senders:
            return
        labels, rate_hz = DEVICES[device]
        stack = ExitStack()
        sender = sender_process(self._stream(who), rate_hz=rate_hz, labels=labels)
        self._senders[who] = (stack, stack.enter_context(sender))

    def _lose(self, who: str) -> None:
        if who in self._senders:
            self._senders.pop(who)[0].close()

    def _freeze_sender(self, who: str, chance: random.Random) -> None:
        if who in self._senders:
            with frozen(self._senders[who][1]):
                sleep(chance.uniform(0.1, 2.0))  # it is the fault's length

    def _swap(self, who: str, chance: random.Random) -> None:
        """Another device comes back under the same id."""
        self._lose(who)
        self._send(who, chance.randrange(len(DEVICES)))
