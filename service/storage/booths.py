"""Queries and changes about booths: the latest word of each, as it was said."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from hadua.service.storage.records import BoothRecord
from hadua.service.storage.tables import booths


def latest(connection: Connection, *, limit: int) -> list[BoothRecord]:
    """Those heard last, the longest silent first."""
    rows = connection.execute(select(booths).order_by(booths.c.heard_unix.desc()).limit(limit))
    return [BoothRecord(row.name, row.heard_unix, row.word) for row in reversed(rows.all())]


def keep(connection: Connection, records: Sequence[BoothRecord], *, most: int) -> None:
    """Put words in the place of older ones; of more booths than that, those heard first go."""
    connection.execute(delete(booths).where(booths.c.name.in_([r.name for r in records])))
    rows = [{"name": r.name, "heard_unix": r.heard_unix, "word": r.word} for r in records]
    connection.execute(insert(booths), rows)
    last = select(booths.c.name).order_by(booths.c.heard_unix.desc()).limit(most)
    connection.execute(delete(booths).where(booths.c.name.not_in(last)))


def forget(connection: Connection, name: str) -> None:
    """Let go of one."""
    connection.execute(delete(booths).where(booths.c.name == name))
