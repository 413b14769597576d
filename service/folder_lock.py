"""One writer at a time in a folder, across processes; the system lets go when the writer dies."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hadua.models.errors import UsageError

LOCK = ".lock"
"""Name of the file that is locked; it stays, for a lock on a file that is gone locks nothing."""


@contextmanager
def sole_writer(folder: Path, *, doing: str) -> Iterator[None]:
    """Hold the folder until the block ends.

    Args:
        folder: It must exist.
        doing: What the other one would be doing, for the message.

    Raises:
        UsageError: another process, or this one, holds it.
    """
    with (folder / LOCK).open("a+b") as file:
        if not _locked(file.fileno()):
            raise UsageError(
                f"folder {str(folder)!r}",
                got=f"another process that is {doing} there",
                expected="one at a time",
                hint="Wait for it to end, stop it, or choose another folder.",
            )
        yield


if sys.platform == "win32":
    import msvcrt

    def _locked(descriptor: int) -> bool:
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _locked(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
