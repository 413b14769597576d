"""Writes that are on the disk when the call returns, in steps that a test can stop between.

A file is written and synced under a name of its own and then renamed, so that whoever reads sees
the old one or the new one; the folder is synced after it, for the name is the folder's content.
Windows has no way to sync a folder; NTFS journals renames.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

HALF_WRITTEN = ".new-"
"""What a name begins with until all of it is there."""
GONE = ".gone-"
"""What a name begins with from which everything is being removed."""

OnStep = Callable[[str], None]


class Disk:
    """Changes files durably.

    Args:
        on_step: Told of each step before it is taken, in words.
    """

    def __init__(self, on_step: OnStep = lambda step: None) -> None:
        self._on_step = on_step

    def make(self, folder: Path) -> None:
        """Make a folder, and those above it."""
        if folder.is_dir():
            return
        self.make(folder.parent)
        self._on_step(f"make {folder.name}")
        folder.mkdir(exist_ok=True)
        self._sync(folder.parent)

    def write(self, path: Path, content: bytes) -> None:
        """Write a file that nobody looks for yet."""
        self._on_step(f"open {path.name}")
        with path.open("wb") as file:
            half = len(content) // 2
            file.write(content[:half])
            self._on_step(f"half of {path.name}")
            file.write(content[half:])
            file.flush()
            self._on_step(f"sync {path.name}")
            os.fsync(file.fileno())

    def replace(self, path: Path, content: bytes) -> None:
        """Write a file whole or not at all."""
        beside = path.with_name(HALF_WRITTEN + path.name)
        try:
            self.write(beside, content)
            self.rename(beside, path)
        except OSError:
            beside.unlink(missing_ok=True)  # a disk that is full needs the room
            raise

    def append(self, path: Path, content: bytes) -> None:
        """Add to the end of a file; a reader must cope with a last part that is torn."""
        self._on_step(f"append to {path.name}")
        with path.open("ab") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name, or a folder one that is free."""
        self._on_step(f"rename {new.name}")
        old.replace(new)
        self._sync(new.parent)

    def remove(self, path: Path) -> None:
        """Remove a folder with all that is in it: it is gone by name before the first file is."""
        doomed = path.with_name(GONE + path.name.lstrip("."))
        if doomed.exists():
            self._unlink(doomed)
        self.rename(path, doomed)
        self._unlink(doomed)

    def sweep(self, folder: Path) -> list[str]:
        """Remove what killed writes and removals have left in a folder; their names."""
        if not folder.is_dir():
            return []
        left = [p for p in sorted(folder.iterdir()) if p.name.startswith((HALF_WRITTEN, GONE))]
        for path in left:
            self._unlink(path)
        return [path.name for path in left]

    def _unlink(self, path: Path) -> None:
        self._on_step(f"unlink {path.name}")
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        self._sync(path.parent)

    def _sync(self, folder: Path) -> None:
        self._on_step(f"sync {folder.name}/")
        if os.name == "nt":
            return
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
