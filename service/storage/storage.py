"""Everything that is kept, behind calls that any thread may make.

Reads and `call`s block: make them in a worker thread. `began`, `append` and `ended` never wait and
may be called on the event loop.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Self

from hadua.service.storage import lives
from hadua.service.storage.booth_shelf import BoothShelf
from hadua.service.storage.database import Database, sqlite_url
from hadua.service.storage.people_shelf import PeopleShelf
from hadua.service.storage.session_shelf import SessionShelf
from hadua.service.storage.token_shelf import TokenShelf
from hadua.service.storage.trail_shelf import TrailShelf


class Storage(SessionShelf, PeopleShelf, TokenShelf, TrailShelf, BoothShelf):
    """The database of a service; a file per thing that is kept.

    Args:
        database: Open and migrated; it is closed with this.
        unix_clock: Unix seconds now.
    """

    def __init__(self, database: Database, *, unix_clock: Callable[[], float]) -> None:
        super().__init__(database, unix_clock=unix_clock)
        self.last_epoch = database.read(lives.last_epoch)
        """The greatest epoch that is kept."""

    @classmethod
    def open(cls, folder: Path, *, url: str | None = None, unix_clock: Callable[[], float]) -> Self:
        """The database of a data folder, or the one of a URL.

        Raises:
            StorageError: it cannot be opened, or is of a newer version.
        """
        return cls(Database(url or sqlite_url(folder)), unix_clock=unix_clock)

    def close(self) -> None:
        """Write what waits and let go."""
        self.writer.close()
        self.presence.close()
        self.database.close()
