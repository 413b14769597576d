"""The files of a licensed data set: found by their names, hashed and counted as they are read."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from hadua.models.errors import RecordingError
from hadua.models.features import FloatArray

OnFile = Callable[[int, int], None]
"""Called with the number of files read so far and their total."""


def no_report(done: int, total: int) -> None:
    """Report nothing: the default of every reader."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an array comes from, for errors and for `FeatureTrial.where`.

    Args:
        path: The file.
        key: Name of the array within it; empty if the file is one array.
    """

    path: Path
    key: str = ""

    def __str__(self) -> str:
        return f"{self.path.name}, {self.key}" if self.key else self.path.name

    def error(
        self, problem: str, *, got: str, expected: str | None = None, hint: str | None = None
    ) -> RecordingError:
        """The error about this array, which names file and key."""
        key = f", key {self.key!r}" if self.key else ""
        return RecordingError(
            f"file {str(self.path)!r}{key}: {problem}", got=got, expected=expected, hint=hint
        )


class Table(NamedTuple):
    """An array and where it comes from.

    Args:
        values: The numbers, in the layout of the file until a reader has brought them into ours.
        place: File and key.
    """

    values: FloatArray
    place: Place


class FileLog:
    """Remembers what was read: the hash of every file, and how far the reading is.

    Args:
        root: Folder that the recorded paths are relative to.
        total: Number of files that will be read.
        on_file: Called after each of them.
    """

    def __init__(self, root: Path, *, total: int, on_file: OnFile) -> None:
        self._root, self._total, self._on_file = root, total, on_file
        self._hashes: dict[str, str] = {}

    def add(self, path: Path) -> None:
        """Hash a file that is about to be read.

        Raises:
            RecordingError: it cannot be read.
        """
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise Place(path).error("cannot be read", got=error.strerror or str(error)) from error
        self._hashes[path.relative_to(self._root).as_posix()] = digest
        self._on_file(len(self._hashes), self._total)

    @property
    def hashes(self) -> Mapping[str, str]:
        """SHA-256 by path relative to the root, in the order of the names."""
        return MappingProxyType(dict(sorted(self._hashes.items())))


def find_folder(root: Path, names: Sequence[str]) -> Path | None:
    """The first of `names` that is a folder below `root`, or `root` itself if it is one of them."""
    for name in names:
        if (root / name).is_dir():
            return root / name
    if root.is_dir() and root.name in {Path(name).name for name in names}:
        return root
    return None


def require_folder(root: Path, names: Sequence[str], *, what: str) -> Path:
    """The folder that `find_folder` finds.

    Raises:
        RecordingError: there is none; says what the root holds instead.
    """
    folder = find_folder(root, names)
    if folder is None:
        raise RecordingError(
            f"{what} in {str(root)!r}",
            got=_contents(root),
            expected=f"a folder {' or '.join(repr(name) for name in names)}",
            hint="Give the folder that the data set was unpacked into.",
        )
    return folder


def files_by_number(folder: Path, pattern: str) -> dict[int, tuple[Path, ...]]:
    """Files whose whole name matches, by the number in the first group, both in order.

    Args:
        folder: Where they are; a folder that does not exist holds none.
        pattern: Regular expression; its first group is a number.
    """
    found: dict[int, list[Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        match = re.fullmatch(pattern, path.name)
        if match and path.is_file():
            found.setdefault(int(match[1]), []).append(path)
    return {number: tuple(found[number]) for number in sorted(found)}


def one_each(found: Mapping[int, Sequence[Path]]) -> dict[int, Path]:
    """One file for each number.

    Raises:
        RecordingError: two files for the same number.
    """
    for number, paths in found.items():
        if len(paths) > 1:
            raise RecordingError(
                f"folder {str(paths[0].parent)!r}: more than one file of person {number}",
                got=", ".join(repr(path.name) for path in paths),
                expected="one",
                hint="Remove the one that does not belong there.",
            )
    return {number: paths[0] for number, paths in found.items()}


def require_people(found: Iterable[int], *, folder: Path, expected: str) -> None:
    """Raise `RecordingError` if nobody was found."""
    if not list(found):
        raise RecordingError(
            f"folder {str(folder)!r} holds nobody's features",
            got=_contents(folder),
            expected=f"files named {expected}",
        )


def _contents(folder: Path) -> str:
    if not folder.is_dir():
        return "no such folder"
    names = sorted(path.name for path in folder.iterdir())
    if not names:
        return "an empty folder"
    rest = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(repr(name) for name in names[:6]) + rest
