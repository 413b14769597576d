"""The profile that a participant's session begins with."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import structlog

from hadua.calibration.profile import AS_SHIPPED, Profile
from hadua.calibration.store import ProfileStore
from hadua.models.bundle import Bundle, Normalisation
from hadua.models.errors import ProfileError
from hadua.models.features import Modality
from hadua.models.runtime import DeviceName, Float32Array, Runtime, RuntimeName, load_runtime
from hadua.service.engine import Engine

_log = structlog.get_logger("hadua.serving")


@dataclass(frozen=True, slots=True, eq=False)
class Serving:
    """What a pipeline answers with.

    Args:
        runtime: One person's network, loaded; the pipeline's to close.
        normalisation: What replaces the bundle's, by modality.
        version: Of the profile; 0 is the bundle as shipped, whose normalisation is the session's.
        model: The network as ONNX, for recordings; empty where the bundle's own answers.
        weights: What of it differs from the bundle's, likewise.
    """

    runtime: Runtime
    normalisation: Mapping[Modality, Normalisation]
    version: int
    model: bytes = field(default=b"", repr=False)
    weights: Mapping[str, Float32Array] = field(default_factory=dict, repr=False)


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
        serving = self._of(profile)
        pipeline.use(serving)
        facts = {**engine.facts, "profile_version": profile.version}
        return replace(engine, facts=facts, serving=serving)

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
        runtime = personal_runtime(
            self._bundle,
            model=profile.model,
            weights=profile.weights,
            name=self._name,
            device=self._device,
        )
        return Serving(
            runtime, profile.normalisation, profile.version, profile.model, profile.weights
        )

    def _has(self, participant: str) -> bool:
        return participant in self.profiles.participants()


def personal_runtime(
    bundle: Bundle,
    *,
    model: bytes,
    weights: Mapping[str, Float32Array],
    name: RuntimeName,
    device: DeviceName,
) -> Runtime:
    """One person's network, loaded: from its ONNX where that can be, else from its weights.

    Raises:
        BundleError: it cannot be run.
        RuntimeUnavailableError: the runtime or the device is not there.
    """
    if name == "onnx" and model:
        return load_runtime(bundle, name="onnx", device=device, model=model)
    if not weights:
        return load_runtime(bundle, name=name, device=device)
    from hadua.models.personal import runtime_with  # with torch, which ONNX does without

    return runtime_with(bundle, weights, name=name, device=device)
