"""One examination: what it was asked, and what earlier checks leave for later ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hadua.adapters.devices.described import Device, describe
from hadua.adapters.sources.lsl_config import FoundConfig
from hadua.adapters.sources.lsl_discovery import StreamSummary
from hadua.adapters.sources.source import SampleChunk, SourceHealth, StreamSpec
from hadua.models.bundle import Bundle
from hadua.models.features import Modality
from hadua.service.config import Settings
from hadua.service.doctor.finding import State
from hadua.service.doctor.surroundings import Surroundings
from hadua.service.expected import ExpectedStream
from hadua.service.judging import Judged
from hadua.service.wanted import Wanted, wanted_streams
from hadua.service.watch import StreamState


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
        required: Whether a session is not to begin without it.
        expected: What the settings expect of it, or None.
        state: As an operator would see it; None before anybody looked.
        age_s: Since when nothing has come, where something had.
        chunks: What was heard, or of that the last seconds.
        session_id: The running session that reads it; empty if it was opened for the look.
        name: What it is called where its text is not only its own.
    """

    text: str
    modality: Modality
    wanted: bool
    spec: StreamSpec | None = None
    error: str = ""
    fix: str = ""
    effective_hz: float | None = None
    health: SourceHealth = field(default_factory=SourceHealth)
    required: bool = True
    expected: ExpectedStream | None = None
    state: StreamState | None = None
    age_s: float | None = None
    chunks: tuple[SampleChunk, ...] = ()
    session_id: str = ""
    name: str = ""

    @property
    def called(self) -> str:
        """By which the findings name it."""
        return self.name or self.text

    def device(self) -> Device | None:
        """The stream with what its preset knows; None where it could not be opened."""
        return None if self.spec is None else describe(self.spec, modality=self.modality)

    def bad(self) -> State:
        """How bad it is if this stream cannot be used."""
        return State.PROBLEM if self.wanted and self.required else State.WARNING


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
        running: Streams that sessions read at this moment: they are not opened again.
        judged: How good those that were heard are, by what they are called.
    """

    request: Request
    here: Surroundings
    settings: Settings = field(default_factory=Settings.model_construct)
    config: FoundConfig = field(default_factory=FoundConfig)
    session_id: str = ""
    listed: tuple[StreamSummary, ...] = ()
    measured: tuple[Measured, ...] = ()
    bundle: Bundle | None = None
    running: tuple[Measured, ...] = ()
    judged: dict[str, Judged] = field(default_factory=dict)

    @property
    def wanted(self) -> tuple[Wanted, ...]:
        """Streams that were asked for."""
        return wanted_streams(self.settings)

    @property
    def uses_lsl(self) -> bool:
        """Whether a session would need Lab Streaming Layer, as far as is known."""
        if self.settings.demo:
            return False
        return not self.wanted or any(w.text.startswith("lsl:") for w in self.wanted)
