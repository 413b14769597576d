"""One writer at a time in a folder, across processes; the system lets go when the writer dies."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hadua.models.errors import UsageError

LOCK = ".lock"
"""Name of the file that is locked; it stays, for a lock on a file that is gone locks nothing."""

_MOST_SAID = 200  # bytes of a holder's words
_HINT = "Wait for it to end, stop it, or choose another folder."


@contextmanager
def sole_writer(folder: Path, *, doing: str, says: str = "", hint: str = _HINT) -> Iterator[None]:
    """Hold the folder until the block ends.

    Args:
        folder: It must exist.
        doing: What the other one would be doing, for the message.
        says: What those who are refused are told of this holder, beside its process id.
        hint: What they can do.

    Raises:
        UsageError: another process, or this one, holds it, or nobody can.
    """
    with _opened(folder) as file:
        if not _locked(file.fileno(), folder):
            raise UsageError(
                f"folder {str(folder)!r}",
                got=f"another process that is {doing} there{_said(file)}",
                expected="one at a time",
                hint=hint,
            )
        file.truncate(0)
        file.write(f"{says}, process {os.getpid()}".removeprefix(", ").encode())
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _opened(folder: Path) -> IO[bytes]:
    try:
        return (folder / LOCK).open("a+b")
    except OSError as error:
        raise UsageError(
            f"folder {str(folder)!r}",
            got=error.strerror or str(error),
            expected="a folder that can be written",
            hint="Choose another folder.",
        ) from error


def _said(file: IO[bytes]) -> str:
    """What the holder says of itself; nothing, if it has not said it yet."""
    file.seek(0)
    said = file.read(_MOST_SAID).decode(errors="replace").strip()
    return f" ({said})" if said else ""


def _cannot(folder: Path, error: OSError) -> UsageError:
    return UsageError(
        f"folder {str(folder)!r} cannot be locked",
        got=error.strerror or str(error),
        expected="a folder on a disk of this machine",
        hint="Is it on a network drive? Choose another folder.",
    )


if sys.platform == "win32":
    import msvcrt

    _BEYOND = 2**30  # what is locked cannot be read there; what the holder says comes before

    def _locked(descriptor: int, folder: Path) -> bool:
        os.lseek(descriptor, _BEYOND, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EDEADLK):
                return False
            raise _cannot(folder, error) from error
        return True

else:
    import fcntl

    def _locked(descriptor: int, folder: Path) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise _cannot(folder, error) from error
        return True
