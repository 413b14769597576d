"""Finds devices and looks at them, for the command line."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hadua.adapters.sources.lsl_headers import read_headers
from hadua.models.features import Modality
from hadua.service.assembly import open_mapping_book
from hadua.service.config import Settings
from hadua.service.found_devices import Examiner, FoundDevice
from hadua.service.meant import open_bundle, screen_of
from hadua.service.sources import live_source

_ANSWER_S = 2.0


class DeviceSearch:
    """What is there, and what the settings' bundle could make of it.

    Args:
        settings: Bundle, screen, data folder and how long to wait for a stream.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.bundle = open_bundle(settings)
        self._book = open_mapping_book(settings)
        self._examiner = Examiner(self.bundle, screen_of(settings), self._book)

    def on_network(self, *, search_s: float) -> list[FoundDevice]:
        """Every stream, those that can be used first."""
        found = self._examiner.all(read_headers(search_s=search_s, answer_s=_ANSWER_S))
        return sorted(found, key=lambda device: (not device.usable, device.modality is None))

    def named(self, sources: Mapping[Modality, str]) -> list[FoundDevice]:
        """The streams of these SOURCE texts.

        Raises:
            UsageError, StreamNotFoundError, StreamAmbiguousError, StreamInvalidError,
            RecordingError.
        """
        found: list[FoundDevice] = []
        for modality, text in sources.items():
            source = live_source(text, modality=modality)
            try:
                spec = source.open(self._settings.wait_s)
                notes = source.health().notes
            finally:
                source.close()
            found.append(self._examiner.one(spec, modality, source=text, notes=notes))
        return found

    def confirm(self, found: Sequence[FoundDevice]) -> list[FoundDevice]:
        """Remember these mappings as right."""
        return [self._confirmed(device) for device in found]

    def _confirmed(self, device: FoundDevice) -> FoundDevice:
        if device.identity is None:
            return device
        self._book.confirm(
            device.identity,
            modality=str(device.modality),
            stream=device.stream,
            title=device.device,
            summary=device.summary,
        )
        return replace(device, state=self._book.state(device.identity))
