"""Who is at work on a server's database: each running session is held by the service it runs in.

PostgreSQL lets go of an advisory lock when the connection that took it ends, whichever way: also
when the service was killed, and, by keep-alives, when its computer lost power. A session without an
end that nobody holds is therefore one that its service left open. A file needs none of this: it has
one service at a time, whose folder is locked.
"""

import hashlib
import threading
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from hadua.service.storage import lives
from hadua.service.storage.records import SessionRecord

if TYPE_CHECKING:
    from hadua.service.storage.database import Database

_LOCK_TIMEOUT_MS = 5000
_AT_FIRST = (
    f"SET lock_timeout = {_LOCK_TIMEOUT_MS}",
    "SET tcp_keepalives_idle = 20",
    "SET tcp_keepalives_interval = 5",
    "SET tcp_keepalives_count = 3",
)


class Presence:
    """What one service holds; any thread may call.

    Args:
        database: Of a server, or a file.
    """

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._mutex = threading.Lock()
        self._connection: Connection | None = None
        self._held: set[int] = set()

    def hold(self, session_id: str, epoch: int) -> None:
        """Say that a session runs here, until `let_go`, or until this service is no more.

        Raises:
            StorageError: the database does not answer.
        """
        if self._database.is_file:
            return
        with self._mutex:
            self._held.add(_key(session_id, epoch))
            if self._connection is None:
                self._begin()
            else:
                self._lock(self._connection, _key(session_id, epoch))

    def let_go(self, session_id: str, epoch: int) -> None:
        """Say that it does not any more."""
        if self._database.is_file:
            return
        key = _key(session_id, epoch)
        with self._mutex:
            self._held.discard(key)
            try:
                if self._connection is not None:
                    self._connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
            except SQLAlchemyError:
                self._forget()  # and with it all that it held; `renew` takes the rest again

    def renew(self) -> None:
        """See that what is held is held: a connection may have been lost meanwhile.

        Raises:
            StorageError: the database does not answer.
        """
        with self._mutex:
            try:
                if self._connection is not None:
                    self._connection.execute(text("SELECT 1"))
            except SQLAlchemyError:
                self._forget()
            if self._connection is None and self._held:
                self._begin()

    def close(self) -> None:
        """Let go of everything."""
        with self._mutex:
            self._held.clear()
            self._forget()

    def _begin(self) -> None:
        """Connect, and hold all that is to be held."""
        connection = self._database.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            for statement in _AT_FIRST:
                connection.execute(text(statement))
            for key in self._held:
                self._lock(connection, key)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _lock(self, connection: Connection, key: int) -> None:
        try:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
        except SQLAlchemyError as error:
            raise self._database.failed("cannot be joined", error) from error

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()  # never back into the pool: its locks would go with it
            self._connection.close()
            self._connection = None


def close_abandoned(connection: Connection) -> list[SessionRecord]:
    """Close the sessions of a server's database that no service holds; which those were.

    Until the commit nobody else does: a second one that looks finds them held.
    """
    query = text("SELECT pg_try_advisory_xact_lock(:key)")
    return lives.close_interrupted(
        connection,
        which=lambda each: bool(connection.scalar(query, {"key": _key(each.id, each.epoch)})),
    )


def _key(session_id: str, epoch: int) -> int:
    """64 bits, as advisory locks have them."""
    digest = hashlib.blake2b(f"hadua {epoch} {session_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
