"""The recordings that lie on the disk, of this run and of earlier ones, and whose each is.

Whose a recording is, it says itself, in the header of its session stream: names of files follow
BIDS, whose labels are letters and digits, so that `P-01` and `P01` share a folder.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hadua.adapters.recordings.session_file import session_facts
from hadua.models.errors import RecordingError
from hadua.service.atomic_file import write_whole
from hadua.service.recording_file import RecordingFailedError, label

FOLDER = "recordings"  # below the data folder, when no other is given
_ELSEWHERE = "recording-folders.txt"
_SUFFIX = ".xdf"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFile:
    """One recording.

    Args:
        folder: Of recordings, in which it lies.
        path: The file.
        size_bytes: Of it.
        changed_unix: When it was last written.
        participant: Whose; empty if nobody's, None if the file does not say.
        session_id: Of which session, likewise.
    """

    folder: Path
    path: Path
    size_bytes: int
    changed_unix: float
    participant: str | None
    session_id: str | None

    @property
    def name(self) -> str:
        """The path below its folder."""
        return self.path.relative_to(self.folder).as_posix()


class RecordedFiles:
    """All folders of recordings of a data folder: its own, and others that were recorded into.

    Args:
        data_dir: The data folder. It remembers the others, so that an erasure finds them.
        also: Further folders.
    """

    def __init__(self, data_dir: Path, *also: Path) -> None:
        self._own = data_dir / FOLDER
        self._note = data_dir / _ELSEWHERE
        self._also = also

    def remember(self, folder: Path) -> None:
        """Note that recordings go into a folder; blocks, on the disk.

        Raises:
            RecordingFailedError: it cannot be noted.
        """
        folder = folder.absolute()
        known = self._elsewhere()
        if folder not in (self._own.absolute(), *known):
            lines = [*map(str, known), str(folder)]
            try:
                write_whole(self._note, "".join(f"{line}\n" for line in lines).encode())
            except OSError as error:
                raise RecordingFailedError(
                    "the data folder cannot note where recordings go",
                    got=error.strerror or str(error),
                    hint="Is the disk full or read-only?",
                ) from error

    @property
    def folders(self) -> list[Path]:
        """Every folder, whether or not it is there now."""
        every = [self._own, *self._also, *self._elsewhere()]
        return list(dict.fromkeys(folder.absolute() for folder in every))

    @property
    def out_of_reach(self) -> list[Path]:
        """Folders that were recorded into and are not there: a disk that is not plugged in."""
        return [f for f in self.folders if f != self._own.absolute() and not f.is_dir()]

    def all(self) -> list[RecordedFile]:
        """Every recording, newest first; blocks."""
        found = {file.path: file for folder in self.folders for file in _in(folder)}
        return sorted(found.values(), key=lambda file: (file.changed_unix, file.path), reverse=True)

    def of(self, participant: str) -> list[tuple[Path, Path]]:
        """`(folder, file)` of every file of a participant, other than recordings too; blocks.

        A file that does not say whose it is, is theirs if it lies where theirs do.
        """
        return [
            (folder, path)
            for folder in self.folders
            for place in dict.fromkeys((f"sub-{label(participant)}", f"sub-{participant}"))
            for path in sorted((folder / place).rglob("*"))
            if path.is_file() and _may_be_of(path, participant)
        ]

    def _elsewhere(self) -> list[Path]:
        try:
            return [Path(line) for line in self._note.read_text("utf-8").splitlines() if line]
        except FileNotFoundError:
            return []


def remove(folder: Path, path: Path) -> None:
    """Delete a file, and the folders that it leaves empty, up to the one of recordings."""
    path.unlink(missing_ok=True)
    for place in path.parents:
        if place == folder or any(place.iterdir()):
            break
        place.rmdir()


def _in(folder: Path) -> Iterator[RecordedFile]:
    for path in folder.rglob(f"*{_SUFFIX}"):
        try:
            about = path.stat()
        except OSError:  # it was removed meanwhile, or may not be looked at
            continue
        facts = _facts(path)
        yield RecordedFile(
            folder=folder,
            path=path,
            size_bytes=about.st_size,
            changed_unix=about.st_mtime,
            participant=facts.get("participant"),
            session_id=facts.get("session_id"),
        )


def _may_be_of(path: Path, participant: str) -> bool:
    said = _facts(path).get("participant") if path.suffix == _SUFFIX else None
    return said in (None, participant)


def _facts(path: Path) -> dict[str, str]:
    try:
        return session_facts(path) if os.access(path, os.R_OK) else {}
    except RecordingError:
        return {}
