"""What the parts of the storage share: the database, its one writer, and the clock."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection

from hadua.service.storage import people, trail
from hadua.service.storage.database import Database
from hadua.service.storage.presence import Presence
from hadua.service.storage.writer import StorageWriter

OPERATOR = "operator"

T = TypeVar("T")


class Shelf:
    """A part of the storage.

    Args:
        database: Open and migrated.
        unix_clock: Unix seconds now.
    """

    def __init__(self, database: Database, *, unix_clock: Callable[[], float]) -> None:
        self.database = database
        self._unix_clock = unix_clock
        self.writer = StorageWriter(database)
        self.presence = Presence(database)

    def _noted(
        self, action: str, actor: str, participant: str, change: Callable[[Connection, float], T]
    ) -> T:
        """A change and its entry in the trail, both or neither."""
        now_unix = self._unix_clock()

        def both(c: Connection) -> T:
            answer = change(c, now_unix)
            token = people.token_of(c, participant)
            trail.note(c, at_unix=now_unix, actor=actor, action=action, token=token)
            return answer

        return self.writer.call(both)
