"""The file of a recording: made once, written whole pieces at a time, and watched."""

import os
import re
import shutil
from pathlib import Path
from typing import ClassVar, Protocol, Self

from hadua.models.errors import HaduaError

RUNS_AT_MOST = 999
_NOT_A_LABEL = re.compile(r"[^A-Za-z0-9]+")


class RecordingFailedError(HaduaError):
    """What is to be recorded is not on the disk."""

    code: ClassVar[str] = "recording-failed"


class DiskFullError(HaduaError):
    """There is too little room on the disk to begin."""

    code: ClassVar[str] = "disk-full"


class Sink(Protocol):
    """Where a recording goes."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def size_bytes(self) -> int:
        """What was written so far."""
        ...

    def write(self, data: bytes) -> None:
        """Write all of it; what was written is safe from the end of this process."""
        ...

    def sync(self) -> None:
        """Make what was written safe from a loss of power, and see that it is there."""
        ...

    def close(self) -> None:
        """Let go of it; idempotent."""
        ...


class RecordingFile:
    """A new file on a disk.

    It is not buffered in this process, so that after a kill the file ends with the last `write`.

    Args:
        path: Made with its folders.

    Raises:
        RecordingFailedError: it cannot be made.
        FileExistsError: it is there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(path, "xb", buffering=0, opener=_append)  # noqa: SIM115 - kept
        except FileExistsError:
            raise
        except OSError as error:
            raise self._failed(f"cannot be made in {str(path.parent)!r}", error) from error

    @classmethod
    def named(
        cls, folder: Path, *, participant: str | None, session: str, task: str, suffix: str
    ) -> Self:
        """Make the file of the next run: `sub-P01/ses-a1/sub-P01_ses-a1_task-t_run-001_eeg.xdf`.

        Names follow BIDS, whose labels are letters and digits: others are left out of them.

        Raises:
            RecordingFailedError: it cannot be made.
        """
        subject, session, task = (label(t) for t in (participant or "", session, task))
        stem = f"sub-{subject}_ses-{session}"
        place = folder / f"sub-{subject}" / f"ses-{session}"
        for run in range(1, RUNS_AT_MOST + 1):
            try:
                return cls(place / f"{stem}_task-{task}_run-{run:03d}_{suffix}.xdf")
            except FileExistsError:
                continue
        raise RecordingFailedError(
            f"recording of {stem!r}",
            got=f"{RUNS_AT_MOST} runs of task {task!r} already",
            expected="a run number that is free",
            hint="Record under another session or task.",
        )

    def write(self, data: bytes) -> None:
        """Write all of it; what was written is safe from the end of this process.

        Raises:
            RecordingFailedError: the disk does not take it.
        """
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise self._failed("cannot be written", error) from error
        self.size_bytes += len(data)

    def sync(self) -> None:
        """Make what was written safe from a loss of power, and see that it is there.

        Raises:
            RecordingFailedError: the file was moved, removed or cut, or the disk fails.
        """
        try:
            os.fsync(self._file.fileno())
            mine, there = os.fstat(self._file.fileno()), self.path.stat()
        except OSError as error:
            raise self._failed("is not there any more", error) from error
        same = (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)
        if not same or mine.st_size != self.size_bytes:
            raise RecordingFailedError(
                f"recording {self.path.name!r} does not grow as it is written",
                got=f"{there.st_size} bytes" + ("" if same else " of another file by that name"),
                expected=f"{self.size_bytes} bytes",
                hint="Was it moved, replaced or cut by another program?",
            )

    def close(self) -> None:
        """Let go of it; idempotent."""
        self._file.close()

    def _failed(self, what: str, error: OSError) -> RecordingFailedError:
        return RecordingFailedError(
            f"recording {self.path.name!r} {what}",
            got=error.strerror or str(error),
            hint="Is the disk full, read-only or unplugged?",
        )


def _append(path: str, flags: int) -> int:
    """Write at the file's end wherever that is, so that a cut shows and leaves no hole."""
    return os.open(path, flags | os.O_APPEND, 0o666)


def free_mb(folder: Path) -> float:
    """Room left on the disk of a folder, or of the one that it will be made in; megabytes (1e6)."""
    there = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    return shutil.disk_usage(there).free / 1e6


def label(text: str) -> str:
    """A label as BIDS allows it; `unknown` if nothing is left."""
    return _NOT_A_LABEL.sub("", text) or "unknown"
