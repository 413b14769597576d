"""A recorded pipeline, made again and stepped by the events of its file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from hadua.adapters.recordings.layout import PROFILES_KEPT
from hadua.adapters.recordings.session_file import Event, Noted, StreamEnd, Swapped, Took
from hadua.adapters.sources.source import StreamSpec
from hadua.models.errors import RecordingError
from hadua.models.features import Modality
from hadua.service.engine import Engine, StepResult
from hadua.service.recorded_profile import RecordedProfile
from hadua.service.recorded_state import RecordedState

T = TypeVar("T")


class Rebuild(msgspec.Struct, frozen=True):
    """What is needed to make a recorded pipeline again; the rest of its document is not.

    Args:
        streams: What it was made for.
        settings: What may change a prediction.
        bundle: Its id, hash and place.
        runtime: Its name and device.
        steps_before: Steps that it had made when the recording began.
        profile_version: Whose profile answered then; 0 is the bundle as shipped.
        swapped: Of an earlier version: a profile was changed, and nobody knows where.
        phase_s: Where its windows ended within a hop.
        state: What it remembered when the recording began; None at its very beginning.
        participant: Whose session it is.
    """

    streams: dict[Modality, StreamSpec]
    settings: dict[str, object]
    bundle: dict[str, str]
    runtime: dict[str, str]
    steps_before: int = 0
    profile_version: int = 0
    swapped: bool = False
    phase_s: float = 0.0
    state: RecordedState | None = None
    participant: str = ""


class Rebuilder(Protocol):
    """Makes a recorded pipeline again."""

    @property
    def notes(self) -> Sequence[str]:
        """What is to be said of how it was done."""
        ...

    def engine(self, needs: Rebuild, profile: RecordedProfile | None) -> Engine:
        """The pipeline as it was when the recording began, with the profile that answered."""
        ...

    def swap(self, engine: Engine, needs: Rebuild, profile: RecordedProfile | None) -> None:
        """Let another profile answer from the next window on; None for the bundle as shipped."""
        ...


class RecordedPipeline:
    """Takes the events of a file in their order.

    Args:
        path: The file, for errors.
        rebuilder: Makes the pipeline.
    """

    def __init__(self, path: Path, rebuilder: Rebuilder) -> None:
        self.engine: Engine | None = None
        self.needs: Rebuild | None = None
        self._path, self._rebuilder = path, rebuilder
        self._participant = ""
        self._profiles: dict[int, RecordedProfile] = {}

    def take(self, event: Event) -> Sequence[StepResult]:
        """The results of an event, if it is one of those that step a pipeline.

        Raises:
            HaduaError: the pipeline cannot be made, or a profile is not in the file.
        """
        match event:
            case Noted(document, streams):
                self._note(document, streams)
            case Took(modality, chunk) if self.engine is not None:
                return self.engine.pipeline.step(modality, chunk)
            case StreamEnd(modality) if self.engine is not None:
                return self.engine.pipeline.end(modality)
            case Swapped(version) if self.engine is not None and self.needs is not None:
                self._rebuilder.swap(self.engine, self.needs, self._profile(version))
        return ()

    def close(self) -> None:
        """Let go of the pipeline."""
        if self.engine is not None:
            self.engine.close()

    def _note(self, document: Mapping[str, object], streams: Mapping[Modality, StreamSpec]) -> None:
        event = document.get("event")
        if event == "recording":
            self._participant = str(document.get("participant") or "")
        elif event == "profile":
            profile = self._convert(document, RecordedProfile)
            self._profiles.pop(profile.version, None)
            self._profiles[profile.version] = profile
            if len(self._profiles) > PROFILES_KEPT:
                del self._profiles[next(iter(self._profiles))]
        elif event == "pipeline":
            self._build(self._convert(document, Rebuild), streams)

    def _build(self, needs: Rebuild, streams: Mapping[Modality, StreamSpec]) -> None:
        self.close()
        self.needs = needs = msgspec.structs.replace(
            needs, streams=dict(streams), participant=self._participant
        )
        self.engine = self._rebuilder.engine(needs, self._profiles.get(needs.profile_version))

    def _profile(self, version: int) -> RecordedProfile | None:
        """That version; None for the bundle as shipped."""
        if version and version not in self._profiles:
            raise RecordingError(
                f"recording {str(self._path)!r}: a profile that answered is not in it",
                got=f"version {version}",
                expected=f"one of {', '.join(map(str, self._profiles)) or 'none'}",
                hint="The file was changed after it was written: take the original.",
            )
        return self._profiles.get(version)

    def _convert(self, document: Mapping[str, object], kind: type[T]) -> T:
        try:
            return msgspec.convert(document, kind)
        except (msgspec.ValidationError, RecursionError) as error:
            raise RecordingError(
                f"recording {str(self._path)!r} does not say what its pipeline was made with",
                got=str(error),
            ) from error
