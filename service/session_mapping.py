"""What became of a session's devices, and whether a person has confirmed it."""

import asyncio
from collections.abc import Callable, Mapping
from typing import ClassVar

import structlog

from hadua.adapters.devices.identity import MappingIdentity, mapping_identity
from hadua.adapters.sources.source import StreamSpec
from hadua.models.errors import HaduaError
from hadua.models.features import Modality
from hadua.service.mapping_book import MappingBook, MappingState
from hadua.service.wire import MappingStatus

_log = structlog.get_logger("hadua.mapping")


class MappingChangedError(HaduaError):
    """The mapping that is to be confirmed is not the one that the session has."""

    code: ClassVar[str] = "mapping-changed"


class SessionMapping:
    """The mappings of one session's streams; on the event loop but for `confirm`'s file.

    Args:
        book: What was confirmed before.
        changed: Called after a confirmation.
    """

    def __init__(self, book: MappingBook, *, changed: Callable[[], None]) -> None:
        self._book = book
        self._changed = changed
        self._reports: dict[Modality, Mapping[str, object]] = {}
        self._streams: dict[Modality, StreamSpec] = {}
        self._identities: dict[Modality, MappingIdentity] = {}
        self._all_confirmed = asyncio.Event()

    def set(
        self,
        streams: Mapping[Modality, StreamSpec],
        reports: Mapping[str, Mapping[str, object]],
    ) -> None:
        """Take over what the streams were mapped to; a modality without a report has no mapping."""
        self._streams = {m: spec for m, spec in streams.items() if str(m) in reports}
        self._reports = {m: reports[str(m)] for m in self._streams}
        self._identities = {
            m: mapping_identity(spec, self._reports[m], modality=m)
            for m, spec in self._streams.items()
        }
        for modality, status in self.statuses().items():
            _log.info(
                "stream mapped",
                modality=modality,
                stream=self._streams[Modality(modality)].name,
                device=status.device,
                coverage=status.coverage,
                mapping=status.state,
            )
        self._look()

    def statuses(self) -> dict[str, MappingStatus]:
        """Each stream's mapping, by modality."""
        return {str(m): self._status(m) for m in self._streams}

    def unconfirmed(self) -> list[str]:
        """Modalities whose mapping nobody has confirmed."""
        states = self.statuses()
        return [m for m, status in states.items() if status.state != MappingState.CONFIRMED]

    def confirm(self, modality: Modality, key: str) -> MappingStatus:
        """Remember that a person has looked at this mapping and found it right; blocks.

        Raises:
            MappingChangedError: the session has no mapping of that key for this modality.
        """
        mine = self._status(modality) if modality in self._streams else None
        if mine is None or mine.key != key:
            raise MappingChangedError(
                f"mapping of {modality}",
                got=f"key {key!r}",
                expected=f"{mine.key!r}" if mine else "none: the session has no such stream",
                hint="Look at it again: the device may have come back with other channels.",
            )
        report, stream = self._reports[modality], self._streams[modality]
        self._book.confirm(
            self._identities[modality],
            modality=str(modality),
            stream=stream.name,
            title=str(report.get("device", "")),
            summary=str(report.get("summary", "")),
        )
        return self._status(modality)

    def noticed(self) -> None:
        """After a confirmation, on the event loop: say so, and let go whoever waits for it."""
        self._look()
        self._changed()

    async def confirmed(self) -> None:
        """Wait until every mapping is confirmed, or `release`."""
        await self._all_confirmed.wait()

    def release(self) -> None:
        """Let go whoever waits: the session ends."""
        self._all_confirmed.set()

    def _look(self) -> None:
        if not self.unconfirmed():
            self._all_confirmed.set()

    def _status(self, modality: Modality) -> MappingStatus:
        identity, report = self._identities[modality], self._reports[modality]
        coverage = report.get("coverage")
        return MappingStatus(
            state=str(self._book.state(identity)),
            key=identity.key,
            preset=str(report.get("preset", "")),
            device=str(report.get("device", "")),
            coverage=coverage if isinstance(coverage, float) else None,
            interpolated=_names(report, "interpolated"),
            missing=_names(report, "missing"),
        )


def _names(report: Mapping[str, object], key: str) -> tuple[str, ...]:
    """Names of channels in a report, which lists them alone or with more about each."""
    listed = report.get(key, ())
    if not isinstance(listed, list | tuple):
        return ()
    return tuple(str(c["name"] if isinstance(c, dict) else c) for c in listed)
