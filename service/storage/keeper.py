"""What sessions need of whatever keeps them."""

from concurrent.futures import Future
from typing import Protocol

from hadua.service.journal import Published
from hadua.service.storage.records import SessionRecord


class SessionKeeper(Protocol):
    """Keeps sessions and what they say. Nothing here waits: it is called on the event loop."""

    @property
    def last_epoch(self) -> int:
        """The greatest epoch that was kept when it was opened."""
        ...

    def began(self, record: SessionRecord) -> Future[None]:
        """Note that a session has started; the future says whether it is on record."""
        ...

    def append(self, item: Published) -> None:
        """Keep a frame.

        Raises:
            StorageError: it cannot be kept.
        """
        ...

    def ended(self, session_id: str, epoch: int, *, state: str, reason: str, last_seq: int) -> None:
        """Note that a session is over.

        Raises:
            StorageError: it cannot be kept.
        """
        ...
