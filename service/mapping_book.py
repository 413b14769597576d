"""The mappings that an operator has confirmed, remembered from session to session."""

import logging
import threading
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

import msgspec

from hadua.adapters.devices.identity import MappingIdentity
from hadua.models.errors import HaduaError
from hadua.service.atomic_file import write_whole
from hadua.service.confirmed_mapping import ConfirmedMapping as ConfirmedMapping

_log = logging.getLogger(__name__)


class MappingState(StrEnum):
    """Whether a person has confirmed a mapping."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    CHANGED = "changed"  # another mapping of the same device was confirmed


class MappingUnknownError(HaduaError):
    """No mapping of that key is remembered."""

    code: ClassVar[str] = "mapping-unknown"


class _Book(msgspec.Struct, kw_only=True):
    version: int = 1
    mappings: dict[str, ConfirmedMapping] = msgspec.field(default_factory=dict)


class MappingBook:
    """Confirmed mappings in one small file, written whole; usable from any thread.

    A file that cannot be read is put aside under another name, and said: every device is then to be
    confirmed again.

    Args:
        path: The file; None keeps nothing beyond this process.
        unix_clock: Unix seconds now.
    """

    def __init__(self, path: Path | None, *, unix_clock: Callable[[], float]) -> None:
        self._path = path
        self._unix_clock = unix_clock
        self._lock = threading.Lock()
        self._book = self._read()

    def state(self, identity: MappingIdentity) -> MappingState:
        """Whether this very mapping was confirmed, or another one of the device."""
        with self._lock:
            if identity.key in self._book.mappings:
                return MappingState.CONFIRMED
            known = any(m.device == identity.device for m in self._book.mappings.values())
        return MappingState.CHANGED if known else MappingState.UNCONFIRMED

    def confirm(
        self, identity: MappingIdentity, *, modality: str, stream: str, title: str, summary: str
    ) -> ConfirmedMapping:
        """Remember a mapping; blocks while the file is written."""
        mapping = ConfirmedMapping(
            key=identity.key,
            device=identity.device,
            modality=modality,
            stream=stream,
            title=title,
            summary=summary,
            confirmed_unix_s=self._unix_clock(),
        )
        with self._lock:
            self._write(self._book.mappings | {identity.key: mapping})
        return mapping

    def forget(self, key: str) -> None:
        """Forget a mapping; blocks while the file is written.

        Raises:
            MappingUnknownError: there is none of that key.
        """
        with self._lock:
            if key not in self._book.mappings:
                raise MappingUnknownError(
                    f"no confirmed mapping {key!r}", hint="GET /api/v1/mappings lists them."
                )
            self._write({k: m for k, m in self._book.mappings.items() if k != key})

    def all(self) -> list[ConfirmedMapping]:
        """Every confirmed mapping, oldest first."""
        with self._lock:
            return sorted(self._book.mappings.values(), key=lambda m: m.confirmed_unix_s)

    def _write(self, mappings: dict[str, ConfirmedMapping]) -> None:
        book = _Book(mappings=mappings)
        if self._path is not None:
            write_whole(self._path, msgspec.json.format(msgspec.json.encode(book)))
        self._book = book

    def _read(self) -> _Book:
        if self._path is None or not self._path.exists():
            return _Book()
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Book)
        except (OSError, msgspec.DecodeError) as error:
            aside = self._path.with_name(f"{self._path.name}.damaged-{int(self._unix_clock())}")
            self._path.replace(aside)
            _log.warning(
                "confirmed mappings cannot be read (%s) and were put aside as %s: confirm each "
                "device again",
                error,
                aside.name,
            )
            return _Book()
