"""Plays a scenario step by step, with every invariant looked at after each."""

from collections.abc import Iterable
from pathlib import Path

from support.happenings import Happenings
from support.invariants import Checks
from support.scenario import Step
from support.world import World


class Play:
    """A world to which steps happen.

    Args:
        folder: Of its service.
        people: How many sessions there may be.
    """

    def __init__(self, folder: Path, *, people: int = 3) -> None:
        self.world = World(folder, people=people)
        self.happenings = Happenings(self.world)
        self.checks = Checks(self.world, self.happenings)
        self.steps: list[Step] = []

    async def begin(self) -> None:
        """Start the service."""
        await self.world.start()

    async def do(self, step: Step) -> None:
        """One step; raises where an invariant is broken."""
        self.steps.append(step)
        with self.checks.lag_watched(bounded=step.name != "restart"):  # importing, and schemas
            await self.happenings.do(step)
        await self.checks.after(self.world.people[step.who % len(self.world.people)])

    async def end(self, *, sound: bool = True) -> None:
        """Stop everything; nothing may be left. `sound`: nothing was broken so far."""
        try:
            if sound:
                await self.checks.at_the_end()
        finally:
            await self.happenings.close()
            await self.world.stop()


async def play(folder: Path, steps: Iterable[Step], *, people: int = 3) -> Play:
    """All of the steps; what was looked at."""
    scene = Play(folder, people=people)
    await scene.begin()
    sound = False
    try:
        for step in steps:
            await scene.do(step)
        sound = True
    finally:
        await scene.end(sound=sound)
    return scene
