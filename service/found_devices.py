"""Which devices are on the network, and what a bundle could make of each."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hadua.adapters.devices.gaze import map_gaze
from hadua.adapters.devices.identity import MappingIdentity, mapping_identity
from hadua.adapters.devices.mapping import map_eeg
from hadua.adapters.devices.preset_library import GENERIC, preset_of
from hadua.adapters.devices.screen import Screen
from hadua.adapters.features.eeg_definitions import eeg_channels
from hadua.adapters.sources.lsl_headers import StreamHeader
from hadua.adapters.sources.source import StreamSpec
from hadua.models.bundle import Bundle
from hadua.models.features import Modality
from hadua.service.mapping_book import MappingBook, MappingState


@dataclass(frozen=True, slots=True)
class FoundDevice:
    """A stream that may be a device.

    Args:
        stream: Its name.
        type: Its type.
        hostname: Its computer.
        n_channels: Number of channels.
        rate_hz: Declared rate; 0: none.
        source: SOURCE text that picks it; empty where it cannot be told from another.
        modality: What it is taken for; None: not a device for this service.
        preset: Name of its preset.
        device: The device in words.
        coverage: Share of the bundle's input that it gives.
        needed: Share that the bundle asks for; None: the bundle has no such input.
        state: Whether its mapping was confirmed.
        identity: By which it is known again; None where there is no mapping.
        summary: What would become of its channels, or why nothing.
        notes: What the operator should know.
    """

    stream: str
    type: str
    hostname: str
    n_channels: int
    rate_hz: float
    source: str
    modality: Modality | None
    preset: str = ""
    device: str = ""
    coverage: float | None = None
    needed: float | None = None
    state: MappingState | None = None
    identity: MappingIdentity | None = None
    summary: str = ""
    notes: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether the bundle can be fed with it."""
        enough = self.coverage is not None and self.needed is not None
        return bool(self.source) and enough and (self.coverage or 0.0) >= (self.needed or 0.0)


@dataclass(frozen=True, slots=True)
class Examiner:
    """Says of streams what a bundle could make of them.

    Args:
        bundle: The bundle.
        screen: Where the gaze lands.
        book: Which mappings were confirmed.
    """

    bundle: Bundle
    screen: Screen
    book: MappingBook

    def all(self, headers: Iterable[StreamHeader]) -> Iterator[FoundDevice]:
        """Each stream that was found."""
        for header in headers:
            summary, spec = header.summary, header.spec
            modality = None if spec is None else modality_of(spec)
            if spec is None or modality is None:
                yield FoundDevice(
                    *(summary.name, summary.type, summary.hostname, summary.n_channels),
                    *(summary.rate_hz, summary.source, None),
                    summary=header.problem or "neither EEG nor gaze, as far as it says",
                )
            else:
                yield self.one(spec, modality, source=summary.source, notes=header.notes)

    def one(
        self, spec: StreamSpec, modality: Modality, *, source: str, notes: tuple[str, ...] = ()
    ) -> FoundDevice:
        """One stream, taken for what is said."""
        report = self._report(spec, modality)
        identity = mapping_identity(spec, report, modality=modality)
        coverage = report["coverage"]
        known = report.get("notes", ())
        return FoundDevice(
            *(spec.name, spec.type, spec.fact("hostname"), len(spec.channels)),
            *(spec.rate_hz, source, modality),
            preset=str(report["preset"]),
            device=str(report["device"]),
            coverage=coverage if isinstance(coverage, float) else None,
            needed=self._needed(modality),
            state=self.book.state(identity),
            identity=identity,
            summary=str(report["summary"]),
            notes=(*notes, *(map(str, known) if isinstance(known, list | tuple) else ())),
        )

    def _needed(self, modality: Modality) -> float | None:
        if modality not in self.bundle.specs:
            return None
        return self.bundle.manifest.min_coverage[modality]

    def _report(self, spec: StreamSpec, modality: Modality) -> Mapping[str, object]:
        if modality is Modality.EYE:
            return map_gaze(spec, screen=self.screen).report.to_dict()
        features = self.bundle.specs.get(Modality.EEG)
        channels = eeg_channels(features) if features is not None else ("CZ",)
        return map_eeg(spec, channels).report.to_dict()


def modality_of(spec: StreamSpec) -> Modality | None:
    """What a stream is, by its preset or its type; None if neither says."""
    preset = preset_of(spec)
    if preset.name != GENERIC:
        return preset.modalities[0]
    kind = spec.type.lower()
    if "eeg" in kind:
        return Modality.EEG if spec.rate_hz else None
    return Modality.EYE if kind in ("gaze", "eye", "eyes", "eyetracking", "eye tracking") else None
