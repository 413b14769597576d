"""Booths that are kept, so that a pool that starts again knows who is missing."""

from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial

from hadua.service.storage import booths
from hadua.service.storage.records import BoothRecord
from hadua.service.storage.shelf import Shelf


class BoothShelf(Shelf):
    """The latest word of each booth."""

    def booths(self, *, limit: int) -> list[BoothRecord]:
        """Those heard last, the longest silent first."""
        return self.database.read(partial(booths.latest, limit=limit))

    def keep_booths(self, records: Sequence[BoothRecord], *, most: int) -> "Future[None]":
        """Put words in the place of older ones, and keep the latest; never waits."""
        return self.writer.submit(partial(booths.keep, records=records, most=most), durable=False)

    def forget_booth(self, name: str) -> None:
        """Let go of one."""
        self.writer.call(partial(booths.forget, name=name))
