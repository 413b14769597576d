"""Queries and changes about sessions and what they said."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)

from hadua.service.storage.packing import unpacked
from hadua.service.storage.records import SessionRecord
from hadua.service.storage.tables import frames, sessions

INTERRUPTED = "interrupted"
FrameKind = Literal["prediction", "status", "quality", "calibration", "marker"]


def began(connection: Connection, record: SessionRecord) -> None:
    """Note that a session has started."""
    connection.execute(insert(sessions).values(asdict(record)))


def ended(
    connection: Connection,
    session_id: str,
    epoch: int,
    *,
    state: str,
    reason: str,
    now_unix: float,
    last_seq: int,
) -> None:
    """Note that it is over."""
    changed = {"state": state, "reason": reason, "ended_unix": now_unix, "last_seq": last_seq}
    connection.execute(update(sessions).where(_is(session_id, epoch)).values(changed))


def close_interrupted(
    connection: Connection, *, which: Callable[[SessionRecord], bool] = lambda _: True
) -> list[SessionRecord]:
    """Close what a killed service left open, at the last thing it said; which those were.

    Args:
        connection: To change.
        which: Whether an open one was left, and does not run.
    """
    query = select(sessions).where(sessions.c.ended_unix.is_(None))
    left = [_record(row) for row in connection.execute(query).all()]
    return [each for each in left if which(each) and _interrupted(connection, each)]


def _interrupted(connection: Connection, left: SessionRecord) -> bool:
    """Close one session, unless it has ended meanwhile."""
    of_session = (frames.c.session_id == left.id) & (frames.c.epoch == left.epoch)
    last = select(func.max(frames.c.seq), func.max(frames.c.at_unix)).where(of_session)
    seq, at_unix = connection.execute(last).one()
    still_open = _is(left.id, left.epoch) & sessions.c.ended_unix.is_(None)
    changed = {
        "state": INTERRUPTED,
        "reason": "the service ended without a word",
        "ended_unix": left.started_unix if at_unix is None else at_unix,
        "last_seq": seq or 0,
    }
    return connection.execute(update(sessions).where(still_open).values(changed)).rowcount == 1


def last_epoch(connection: Connection) -> int:
    """The greatest epoch of all sessions; 0 without any."""
    return connection.execute(select(func.max(sessions.c.epoch))).scalar() or 0


def every(
    connection: Connection,
    *,
    participant: str | None = None,
    before: tuple[float, str] | None = None,
    limit: int = 100,
) -> list[SessionRecord]:
    """Sessions, newest first.

    Args:
        connection: To ask.
        participant: Only theirs.
        before: Start and id of the session before which to go on.
        limit: Most of them.
    """
    query = select(sessions).order_by(sessions.c.started_unix.desc(), sessions.c.id.desc())
    if participant is not None:
        query = query.where(sessions.c.participant == participant)
    if before is not None:
        query = query.where(tuple_(sessions.c.started_unix, sessions.c.id) < before)
    return [_record(row) for row in connection.execute(query.limit(limit)).all()]


def latest(connection: Connection, session_id: str) -> SessionRecord | None:
    """The newest life of a session, or None."""
    query = select(sessions).where(sessions.c.id == session_id).order_by(sessions.c.epoch.desc())
    row = connection.execute(query.limit(1)).first()
    return None if row is None else _record(row)


def frames_after(
    connection: Connection,
    session_id: str,
    epoch: int,
    *,
    seq: int,
    limit: int,
    kind: FrameKind | None = None,
) -> list[tuple[int, str, str]]:
    """`(seq, kind, text)` of frames with a larger `seq`, oldest first."""
    of_session = (frames.c.session_id == session_id) & (frames.c.epoch == epoch)
    query = select(frames.c.seq, frames.c.kind, frames.c.text).where(
        of_session & (frames.c.seq > seq)
    )
    if kind is not None:
        query = query.where(frames.c.kind == kind)
    rows = connection.execute(query.order_by(frames.c.seq).limit(limit)).all()
    return [(row.seq, row.kind, unpacked(row.text)) for row in rows]


def frames_since(
    connection: Connection, session_id: str, *, epoch: int, seq: int, limit: int
) -> list[tuple[int, int, FrameKind, str]]:
    """`(epoch, seq, kind, text)` of the newest `limit` frames after that one, oldest first."""
    place = tuple_(frames.c.epoch, frames.c.seq)
    query = (
        select(frames.c.epoch, frames.c.seq, frames.c.kind, frames.c.text)
        .where((frames.c.session_id == session_id) & (place > (epoch, seq)))
        .order_by(frames.c.epoch.desc(), frames.c.seq.desc())
    )
    rows = connection.execute(query.limit(limit)).all()
    return [(row.epoch, row.seq, row.kind, unpacked(row.text)) for row in reversed(rows)]


def first_seq(connection: Connection, session_id: str, epoch: int) -> int | None:
    """The oldest `seq` that is kept of a session, or None."""
    of_session = (frames.c.session_id == session_id) & (frames.c.epoch == epoch)
    return connection.execute(select(func.min(frames.c.seq)).where(of_session)).scalar()


def forget_before(connection: Connection, unix: float) -> tuple[int, int]:
    """Delete what was said before a time, and sessions that ended before it; how many of each."""
    n_frames = connection.execute(delete(frames).where(frames.c.at_unix < unix)).rowcount
    old = sessions.c.ended_unix.is_not(None) & (sessions.c.ended_unix < unix)
    return n_frames, connection.execute(delete(sessions).where(old)).rowcount


def _is(session_id: str, epoch: int) -> ColumnElement[bool]:
    return (sessions.c.id == session_id) & (sessions.c.epoch == epoch)


def _record(row: "Row[tuple[object, ...]]") -> SessionRecord:
    return SessionRecord(**row._asdict())
