"""Faults of the machine and of nobody's code, and those that nobody foresaw, in words."""

import errno
from typing import ClassVar

from hadua.models.errors import HaduaError
from hadua.service.storage.errors import StorageError

_NO_THREAD = "can't start new thread"  # Python has no class of its own for it
_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ENODEV}


class MemoryShortError(HaduaError):
    """The computer, or what this process may have of it, has no memory left."""

    code: ClassVar[str] = "memory-short"


def of_machine(error: Exception, *, where: str) -> HaduaError | None:
    """What to tell where the machine lacks something; None of any other fault.

    Args:
        error: What was raised.
        where: Who needed it, as `session 's-1'`.
    """
    if isinstance(error, MemoryError) or (type(error) is RuntimeError and _NO_THREAD in str(error)):
        return MemoryShortError(
            f"{where}: no memory left",
            hint="Close other programs, then try again. The service goes on.",
        )
    if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
        return StorageError(
            f"{where}: the disk does not take it",
            got=error.strerror,
            hint="Is it full, read-only or unplugged? Then try again. The service goes on.",
        )
    return None


def unforeseen(error: Exception, *, where: str) -> HaduaError:
    """What to tell of any fault; of one that nobody foresaw, that the log describes it."""
    return of_machine(error, where=where) or HaduaError(
        f"{where}: internal error",
        got=type(error).__name__,
        hint="The log says where. Please report it.",
    )
