"""What learning needs of the service around it."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self, TypeVar

from hadua.calibration.store import ProfileStore
from hadua.models.bundle import Bundle
from hadua.service.config import Settings
from hadua.service.learning.figures import LearningFigures
from hadua.service.learning.fitting import Elsewhere
from hadua.service.learning.nursery import Nursery
from hadua.service.serving import Personal, Serving

T = TypeVar("T")

Servings = Callable[[str, int], Serving]
"""What answers with a version of a participant's profile, loaded; blocks."""


class InThread(Protocol):
    """Makes a call that blocks in the one thread that learning has."""

    async def __call__(self, call: Callable[[], T]) -> T:
        """What the call gives."""
        ...


class Audit(Protocol):
    """Notes who did what to a participant's profile, and syncs that to the disk; blocks."""

    def __call__(
        self, action: str, *, participant: str, actor: str, detail: Mapping[str, str | int | float]
    ) -> None:
        """Note it."""
        ...


class Spawn(Protocol):
    """Starts a task in the task group of the sessions."""

    def __call__(self, work: Coroutine[object, object, None], *, name: str) -> asyncio.Task[None]:
        """The task."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Tools:
    """What learning needs.

    Args:
        bundle: The bundle that serves.
        profiles: All profiles.
        serving: Loads a version.
        audit: Notes decisions.
        figures: Counted into.
        clock: Seconds, monotonic.
        unix_clock: Unix seconds now.
        source: Folder of the source's windows; None to use the bundle's embeddings.
        policy: Name of who decides about a calibration if nobody says otherwise.
        adapt: Whether adaptation is on from the start of a session.
        person_guard: Whether it asks if the person is still the profile's.
        elsewhere: Where calibrations are fitted if that works; None: here.
        nursery: Where the processes that follow come from.
    """

    bundle: Bundle
    profiles: ProfileStore
    serving: Servings
    audit: Audit
    figures: LearningFigures
    clock: Callable[[], float]
    unix_clock: Callable[[], float]
    source: Path | None = None
    policy: str = "operator"
    adapt: bool = False
    person_guard: bool = True
    elsewhere: Elsewhere | None = None
    nursery: Nursery = field(default_factory=Nursery)

    @classmethod
    def of(
        cls,
        settings: Settings,
        *,
        bundle: Bundle,
        personal: Personal,
        audit: Audit,
        figures: LearningFigures,
        clock: Callable[[], float],
        unix_clock: Callable[[], float],
        elsewhere: Elsewhere | None = None,
    ) -> Self:
        """As the settings want it."""
        return cls(
            bundle=bundle,
            profiles=personal.profiles,
            serving=personal.serving,
            audit=audit,
            figures=figures,
            clock=clock,
            unix_clock=unix_clock,
            source=settings.source_windows,
            policy=settings.calibration_policy,
            adapt=settings.adaptation,
            person_guard=settings.person_guard,
            elsewhere=elsewhere,
        )
