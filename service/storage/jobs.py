"""What waits for the thread that writes: frames, and changes that somebody may wait for."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from sqlalchemy import Connection

from hadua.service.storage.errors import StorageError

Row = dict[str, object]
"""A frame as its table has it; the text is not packed yet."""
Life = tuple[str, int]
"""Id and epoch of a session."""


def life_of(row: Row) -> Life:
    """Whose frame it is."""
    return str(row["session_id"]), int(str(row["epoch"]))


@dataclass(slots=True)
class Job:
    """A change that is committed by itself.

    Args:
        change: Called in the writer's thread.
        done: For whoever waits.
        durable: Synced to the disk before it is done.
        of: Made only if every frame of this session's life was kept.
        owed: Tried again until it is made.
    """

    change: Callable[[Connection], object]
    done: "Future[object]"
    durable: bool
    of: Life | None = None
    owed: bool = False

    def refuse(self, error: Exception | None) -> None:
        """Tell whoever waits that it is not made."""
        if not self.done.done():
            self.done.set_exception(error or StorageError("the database is closed"))
