"""One examination: what it was asked, and what earlier checks leave for later ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hadua.adapters.devices.described import Device, describe
from hadua.adapters.sources.lsl_config import FoundConfig
from hadua.adapters.sources.lsl_discovery import StreamSummary
from hadua.adapters.sources.source import SourceHealth, StreamSpec
from hadua.models.bundle import Bundle
from hadua.models.features import Modality
from hadua.service.config import Settings
from hadua.service.doctor.finding import State
from hadua.service.doctor.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Request:
    """What to examine.

    Args:
        flags: Settings given on the command line, as for `hadua-serve`.
        config: Settings file, or None.
        seconds: How long each stream is listened to.
        network: Whether anything but this computer is looked at.
    """

    flags: Mapping[str, object] = field(default_factory=dict)
    config: Path | None = None
    seconds: float = 3.0
    network: bool = True


@dataclass(frozen=True, slots=True)
class Measured:
    """A stream that was opened and listened to.

    Args:
        text: Its SOURCE text.
        modality: What it would be taken for.
        wanted: Whether it was asked for; otherwise it is only there.
        spec: The stream, or None where it could not be opened.
        error: Why it could not.
        fix: What to do about that.
        effective_hz: Samples per second by their time stamps, or None with fewer than two.
        health: What the source says about itself.
    """

    text: str
    modality: Modality
    wanted: bool
    spec: StreamSpec | None = None
    error: str = ""
    fix: str = ""
    effective_hz: float | None = None
    health: SourceHealth = field(default_factory=SourceHealth)

    def device(self) -> Device | None:
        """The stream with what its preset knows; None where it could not be opened."""
        return None if self.spec is None else describe(self.spec, modality=self.modality)

    def bad(self) -> State:
        """How bad it is if this stream cannot be used."""
        return State.PROBLEM if self.wanted else State.WARNING


@dataclass(slots=True)
class Visit:
    """What the checks know.

    Args:
        request: What was asked.
        here: The computer.
        settings: As far as they could be read; the defaults before that.
        config: liblsl's settings file.
        session_id: SessionID that liblsl really uses; empty while that is unknown.
        listed: Streams on the network.
        measured: Streams listened to.
        bundle: The bundle, if it could be loaded.
    """

    request: Request
    here: Surroundings
    settings: Settings = field(default_factory=Settings.model_construct)
    config: FoundConfig = field(default_factory=FoundConfig)
    session_id: str = ""
    listed: tuple[StreamSummary, ...] = ()
    measured: tuple[Measured, ...] = ()
    bundle: Bundle | None = None

    @property
    def wanted(self) -> dict[Modality, str]:
        """SOURCE texts that were asked for."""
        texts = {Modality.EEG: self.settings.eeg, Modality.EYE: self.settings.gaze}
        return {m: text for m, text in texts.items() if text is not None}

    @property
    def uses_lsl(self) -> bool:
        """Whether a session would need Lab Streaming Layer, as far as is known."""
        if self.settings.demo:
            return False
        return not self.wanted or any(t.startswith("lsl:") for t in self.wanted.values())
