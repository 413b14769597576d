"""Which files of a data set belong to which person, before any of them is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hadua.adapters.datasets.channel_order import order_files
from hadua.adapters.datasets.feature_files import (
    FileLog,
    OnFile,
    files_by_number,
    find_folder,
    one_each,
    require_folder,
    require_people,
)

ByPerson = Mapping[int, Mapping[int, Path]]
"""Files by person and session; session 0 where one file holds them all. Both in order."""


@dataclass(frozen=True, slots=True)
class FoundFiles:
    """The files of one data set.

    Args:
        root: Folder of the data set.
        eeg: EEG features of everybody, every session.
        eye: Eye features of those who have them.
        has_eye: Whether there are eye features of anybody.
        others: Channel orders and labels.
    """

    root: Path
    eeg: ByPerson
    eye: ByPerson
    has_eye: bool
    others: tuple[Path, ...]

    @property
    def people(self) -> tuple[str, ...]:
        """What the data set calls each person."""
        return tuple(map(str, self.eeg))

    def eye_of(self, person: int, session: int) -> Path | None:
        """The file of eye features, if there is one."""
        return self.eye.get(person, {}).get(session)

    def log(self, on_file: OnFile) -> FileLog:
        """A log that knows how many files will be read."""
        tables = sum(len(files) for p in self.eeg for files in (self.eeg[p], self.eye.get(p, {})))
        return FileLog(self.root, total=len(self.others) + tables, on_file=on_file)


def find_whole_people(
    root: Path, *, title: str, eeg: str, eye: str, pattern: str, example: str
) -> FoundFiles:
    """Find the files of a data set that has one per person and modality.

    Args:
        root: Folder of the data set.
        title: Its name, for errors.
        eeg: Folder of EEG features.
        eye: Folder of eye features, which may be absent.
        pattern: Regular expression for file names, the person's number its first group.
        example: A file name, for errors.

    Raises:
        RecordingError: no folder of EEG features, or nobody's in it.
    """
    eeg_folder = require_folder(root, (eeg,), what=f"features of {title}")
    eye_folder = find_folder(root, (eye,))
    people = one_each(files_by_number(eeg_folder, pattern))
    require_people(people, folder=eeg_folder, expected=example)
    eyes = one_each(files_by_number(eye_folder, pattern)) if eye_folder else {}
    return FoundFiles(
        root,
        eeg={person: {0: path} for person, path in people.items()},
        eye={person: {0: path} for person, path in eyes.items() if person in people},
        has_eye=eye_folder is not None,
        others=order_files(root, eeg_folder),
    )
