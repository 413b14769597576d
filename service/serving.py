"""The profile that a participant's session begins with."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import structlog

from hadua.calibration.profile import AS_SHIPPED, Profile
from hadua.calibration.store import ProfileStore
from hadua.models.bundle import Bundle, Normalisation
from hadua.models.errors import ProfileError
from hadua.models.features import Modality
from hadua.models.runtime import DeviceName, Runtime, RuntimeName, load_runtime
from hadua.service.engine import Engine

_log = structlog.get_logger("hadua.serving")


@dataclass(frozen=True, slots=True, eq=False)
class Serving:
    """What a pipeline answers with.

    Args:
        runtime: One person's network, loaded; the pipeline's to close.
        normalisation: What replaces the bundle's, by modality.
        version: Of the profile; 0 is the bundle as shipped, whose normalisation is the session's.
    """

    runtime: Runtime
    normalisation: Mapping[Modality, Normalisation]
    version: int


@runtime_checkable
class Personable(Protocol):
    """A pipeline that can answer with one person's network."""

    @property
    def measured(self) -> Collection[Modality]:
        """What is connected and of use to the bundle."""
        ...

    def use(self, serving: Serving) -> None:
        """From the next window on."""
        ...


Personalise = Callable[[Engine, str], Engine]
"""The engine of a participant's session from that of anybody's."""


def as_shipped(engine: Engine, participant: str) -> Engine:
    """Nobody has a profile."""
    del participant
    return engine


class Personal:
    """Lets the profile in force serve. A profile that cannot is named in the log and left alone.

    Args:
        profiles: All profiles.
        bundle: The bundle that serves.
        name: Runtime.
        device: Where it runs.
    """

    def __init__(
        self, profiles: ProfileStore, bundle: Bundle, *, name: RuntimeName, device: DeviceName
    ) -> None:
        self.profiles = profiles
        self._bundle = bundle
        self._name = name
        self._device = device

    def __call__(self, engine: Engine, participant: str) -> Engine:
        """The engine with the participant's profile in force, if there is one. Blocks."""
        pipeline = engine.pipeline
        if not isinstance(pipeline, Personable) or not self._has(participant):
            return engine
        try:
            profile = self.profiles.load_active(participant, bundle=self._bundle)
        except ProfileError as error:
            _log.warning("profile not used: the bundle serves as shipped", error=str(error))
            return engine
        if profile is None:
            return engine
        pipeline.use(self._of(profile))
        return replace(engine, facts={**engine.facts, "profile_version": profile.version})

    def serving(self, participant: str, version: int) -> Serving:
        """A version of a participant's profile, loaded. Blocks.

        Raises:
            ProfileError: not there, damaged, or of another bundle or participant.
        """
        if version == AS_SHIPPED:
            shipped = load_runtime(self._bundle, name=self._name, device=self._device)
            return Serving(shipped, {}, AS_SHIPPED)
        return self._of(self.profiles.load(participant, version, bundle=self._bundle))

    def _of(self, profile: Profile) -> Serving:
        return Serving(self._runtime(profile), profile.normalisation, profile.version)

    def _has(self, participant: str) -> bool:
        return participant in self.profiles.participants()

    def _runtime(self, profile: Profile) -> Runtime:
        if self._name == "onnx" and profile.model:
            return load_runtime(self._bundle, name="onnx", device=self._device, model=profile.model)
        if not profile.weights:
            return load_runtime(self._bundle, name=self._name, device=self._device)
        from hadua.models.personal import runtime_with  # with torch, which ONNX does without

        return runtime_with(self._bundle, profile.weights, name=self._name, device=self._device)
