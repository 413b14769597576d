"""Begins recordings: where, under which names, within which limits, with which first note."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from hadua.adapters.recordings.xdf_encoder import XdfEncoder
from hadua.models.features import Modality
from hadua.service.config import Settings
from hadua.service.machine import machine
from hadua.service.metrics import Metrics
from hadua.service.recorded_files import FOLDER, RecordedFiles
from hadua.service.recorder import Limits, Recorder
from hadua.service.recording_file import DiskFullError, RecordingFile, free_mb
from hadua.service.recording_log import Note, RecordingLog


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Whose recording it is."""

    session_id: str
    epoch: int
    participant: str | None
    modalities: tuple[Modality, ...]
    task: str | None = None


class Recordings:
    """Opens the files of recordings.

    Args:
        settings: Folder, task, limits.
        classes: Class names of the bundle that sessions run.
        metrics: Counted into.
        clock: LSL seconds now.
        unix_clock: Unix seconds now.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        classes: tuple[str, ...],
        metrics: Metrics,
        clock: Callable[[], float],
        unix_clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._classes = classes
        self._metrics = metrics
        self._clock = clock
        self._unix_clock = unix_clock
        self.files = RecordedFiles(settings.data_dir, *filter(None, [settings.record]))
        """Those that lie on the disk."""

    @property
    def folder(self) -> Path:
        """Where recordings go."""
        return self._settings.record or self._settings.data_dir / FOLDER

    @property
    def from_the_start(self) -> bool:
        """Whether every session is recorded without being asked."""
        return self._settings.record is not None

    def begin(self, about: About) -> Recorder:
        """Make a file and the recorder that will write it; blocks, on the disk.

        Raises:
            DiskFullError: there is less room than `min_free_mb`.
            RecordingFailedError: the file cannot be made.
        """
        self._require_room()
        self.files.remember(self.folder)
        started = datetime.fromtimestamp(self._unix_clock(), UTC).isoformat(timespec="milliseconds")
        facts = {
            "session_id": about.session_id,
            "participant": about.participant or "",
            "started": started,
        }
        sink = RecordingFile.named(
            self.folder,
            participant=about.participant,
            session=about.session_id,
            task=about.task or self._settings.record_task,
            suffix="eeg" if Modality.EEG in about.modalities else "gaze",
        )
        recorder = Recorder(
            sink,
            log=RecordingLog(XdfEncoder(datetime=started), self._classes, facts, self._clock()),
            limits=Limits(
                min_free_mb=self._settings.min_free_mb,
                bound_mb=self._settings.record_buffer_mb,
                free_mb=functools.partial(free_mb, sink.path.parent),
            ),
            clock=self._clock,
            on_bytes=self._metrics.recorded_bytes.inc,
        )
        recorder.put(self._first_note(about, started))
        return recorder

    def _require_room(self) -> None:
        free = free_mb(self.folder)
        if free < self._settings.min_free_mb:
            raise DiskFullError(
                "recording: the disk is nearly full",
                got=f"{free:.0f} MB left",
                expected=f"at least min_free_mb={self._settings.min_free_mb:g}",
                hint="Make room, or record to another disk.",
            )

    def _first_note(self, about: About, started: str) -> Note:
        now_s = self._clock()
        return note(
            now_s,
            "recording",
            session_id=about.session_id,
            epoch=about.epoch,
            participant=about.participant,
            started=started,
            started_lsl_s=now_s,
            machine=machine(),
        )


def note(t_s: float, event: str, **facts: object) -> Note:
    """A document of the session stream."""
    return Note(t_s, msgspec.json.encode({"event": event, **facts}).decode())
